"""The marketplace's server tells what became of buyers' payments: each word once, and nothing in silence."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.cache import cache
from django.db import connections

from accounts.models import Marketplace
from payments.models import PaymentIn, RefusedPayment
from payouts.api.payment_events import MOST
from tests.api_client import Api, MarketplaceServer, SharetribeUser, known_marketplace
from tests.sandbox_services import SandboxService

EVENTS = "/api/v1/payments/events"
SALE = "6f0b7d0e-55c1-4d8c-8d3a-0f6f5b9f3c11"


@pytest.fixture
def marketplace(flex_sandbox: SandboxService, transactional_db: None) -> Marketplace:
    cache.clear()
    return known_marketplace(flex_sandbox)


@pytest.fixture
def server(marketplace: Marketplace) -> MarketplaceServer:
    return MarketplaceServer.with_key()[0]


def paid(**changes: Any) -> dict[str, Any]:
    """A buyer's payment, as a checkout tells it."""
    said = {
        "origin": "paypal-checkout",
        "transaction_id": SALE,
        "outcome": "succeeded",
        "amount": {"units": "10000", "currency": "EUR"},
        "reference": "PAY-1",
        "happened_at": "2026-11-01T12:00:00Z",
    } | changes
    return {name: value for name, value in said.items() if value is not ...}


def verdicts(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["verdict"] for one in answer.json()["results"]]


def problem(answer: Any) -> tuple[int, str, str | None]:
    [one] = answer.json()["errors"]
    assert one["detail"].endswith(".")
    return answer.status_code, one["code"], one["field"]


def test_an_event_is_recorded_once_and_waits_to_be_counted(server):
    assert server.post(EVENTS, paid()).json() == {
        "results": [{"verdict": "recorded", "detail": "Recorded.", "field": None}]
    }
    assert verdicts(server.post(EVENTS, paid())) == ["known"]
    row = PaymentIn.objects.get()
    assert (row.kind, int(row.units), row.currency, row.origin) == (
        "received",
        10_000,
        "EUR",
        "paypal-checkout",
    )
    assert (row.reference, row.transaction_id, row.made_by) == ("PAY-1", UUID(SALE), None)
    assert row.next_at is not None


@pytest.mark.parametrize("origin", ["paypal-checkout", "local_gateway", "bank"])
def test_each_payment_system_has_a_name_of_its_own(server, origin):
    server.post(EVENTS, paid())
    expected = "known" if origin == "paypal-checkout" else "recorded"
    assert verdicts(server.post(EVENTS, paid(origin=origin))) == [expected]


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        ("succeeded", "received"),
        ("failed", "failed"),
        ("refunded", "refunded"),
        ("refund_failed", "regained"),
        ("disputed", "disputed"),
        ("dispute_won", "regained"),
        ("charged_back", "charged_back"),
    ],
)
def test_every_outcome_can_be_told(server, outcome, kind):
    assert verdicts(server.post(EVENTS, paid(outcome=outcome))) == ["recorded"]
    assert PaymentIn.objects.get().kind == kind


def test_whole_numbers_are_taken_as_they_are(server):
    server.post(EVENTS, paid(amount={"units": 10_000, "currency": "EUR"}))
    assert verdicts(server.post(EVENTS, paid())) == ["known"]


@pytest.mark.parametrize(
    "changes",
    [{"amount": {"units": "9999", "currency": "EUR"}}, {"transaction_id": str(uuid4())}],
    ids=["another amount", "another transaction"],
)
def test_what_contradicts_is_refused_and_kept_for_staff(server, changes):
    server.post(EVENTS, paid())
    for _ in range(2):
        answer = server.post(EVENTS, paid(**changes))
        assert problem(answer) == (409, "payment_contradicts", None)
    assert "PAY-1 of paypal-checkout is recorded" in answer.json()["errors"][0]["detail"]
    kept = RefusedPayment.objects.get()
    assert (kept.times, kept.closed_at) == (2, None)
    assert PaymentIn.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"origin": ...}, "required", "origin"),
        ({"origin": "stripe"}, "invalid", "origin"),
        ({"origin": "sharetribe"}, "invalid", "origin"),
        ({"origin": "manual"}, "invalid", "origin"),
        ({"amount": {"units": "1.5", "currency": "EUR"}}, "invalid", "amount"),
        ({"amount": {"units": 1.5, "currency": "EUR"}}, "invalid", "amount"),
        ({"outcome": "paid"}, "invalid", "outcome"),
        ({"happened_at": "2026-11-01T12:00:00"}, "invalid", "happened_at"),
        ({"refrence": "PAY-1"}, "unknown_field", "refrence"),
    ],
)
def test_what_makes_no_sense_names_its_field_and_changes_nothing(server, changes, code, field):
    assert problem(server.post(EVENTS, paid(**changes))) == (400, code, field)
    assert not PaymentIn.objects.exists()


@pytest.mark.parametrize("body", ["word", 7, None])
def test_what_is_no_event_at_all(server, body):
    assert server.post(EVENTS, body).status_code == 400


def test_of_a_list_each_is_answered_by_itself(server):
    server.post(EVENTS, paid())
    answer = server.post(
        EVENTS,
        [
            paid(),
            paid(reference="PAY-2"),
            paid(amount={"units": "1", "currency": "EUR"}),
            paid(reference=...),
            "no event",
            paid(reference="PAY-2"),
        ],
    )
    assert verdicts(answer) == ["known", "recorded", "refused", "invalid", "invalid", "known"]
    assert [one["field"] for one in answer.json()["results"]] == [None, None, None, "reference", None, None]
    assert set(PaymentIn.objects.values_list("reference", flat=True)) == {"PAY-1", "PAY-2"}
    assert RefusedPayment.objects.count() == 1
    assert verdicts(server.post(EVENTS, [])) == []


def test_a_list_has_an_end(server):
    assert problem(server.post(EVENTS, [paid()] * (MOST + 1))) == (400, "too_many", None)
    assert verdicts(server.post(EVENTS, [paid()] * MOST)) == ["recorded", *["known"] * (MOST - 1)]


def test_told_by_many_at_once_it_is_recorded_once(server):
    found: list[str] = []

    def tell(which: int) -> None:
        try:
            # In both orders, so that two sets that wait for each other would be found.
            said = [paid(reference=f"PAY-{n}") for n in range(20)]
            found.extend(verdicts(server.post(EVENTS, said[:: 1 if which % 2 else -1])))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=tell, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["known"] * 60 + ["recorded"] * 20
    assert PaymentIn.objects.count() == 20


def test_it_is_for_the_marketplaces_server_alone(server, flex_sandbox):
    body = paid()
    assert SharetribeUser(flex_sandbox).session().post(EVENTS, body).status_code == 403
    assert SharetribeUser(flex_sandbox).api().post(EVENTS, body).status_code == 403
    assert Api().post(EVENTS, body).status_code == 401
    forged = MarketplaceServer("whsec_" + "A" * 43 + "=")
    assert forged.post(EVENTS, body).status_code == 401
    assert not PaymentIn.objects.exists()


def test_a_body_that_was_changed_on_its_way_is_refused(server):
    signed = server.signed(b'{"origin": "bank"}')
    assert Api(signed).post(EVENTS, paid()).status_code == 401


def test_before_the_marketplace_is_known_nothing_is_taken(server):
    Marketplace.objects.update(client_id="another")
    answer = server.post(EVENTS, paid())
    assert problem(answer) == (503, "marketplace_unknown", None)
    assert "Retry-After" in answer
