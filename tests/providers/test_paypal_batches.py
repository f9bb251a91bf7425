"""PayPal's words about batches and items, in ours: every status, every doubt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from marketplace_payouts.lib.http import HttpClient
from marketplace_payouts.lib.money import Money
from payouts.providers.base import BatchView, ProviderUnavailable, ReferenceVanished, RefusalClass, Status
from payouts.providers.paypal.batches import batch_view, observation, read_batch, read_item
from payouts.providers.paypal.client import PayPalClient
from payouts.providers.paypal.codes import BATCH_STATUSES, ITEM_STATUSES
from tests.lib.raw_server import RawServer, plain, raw_server

FEE = {"currency": "USD", "value": "0.25"}


def item(status: str, **more: Any) -> dict[str, Any]:
    return {
        "payout_item_id": "8AELMXH8UB2P8",
        "payout_batch_id": "B1",
        "transaction_status": status,
        "payout_item_fee": FEE,
        "payout_item": {
            "sender_item_id": "k1",
            "receiver": "Anna@Example.com",
            "amount": {"currency": "USD", "value": "9.87"},
        },
        "time_processed": "2026-11-20T10:00:00Z",
        **more,
    }


def errors(name: str) -> dict[str, Any]:
    return {"errors": {"name": name, "message": "m", "debug_id": "d"}}


def view_of(*items: dict[str, Any], status: str = "SUCCESS", **header: Any) -> BatchView:
    head = {
        "payout_batch_id": "B1",
        "batch_status": status,
        "sender_batch_header": {"sender_batch_id": "mp-key"},
    }
    return batch_view({**head, **header}, items, reference="B1")


# Items -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "status"), ITEM_STATUSES.items())
def test_every_word_has_its_meaning(word: str, status: Status):
    observed = observation(item(word))
    assert observed.status is status
    assert observed.raw_status == word
    assert (observed.item_key, observed.reference, observed.batch_reference) == ("k1", "8AELMXH8UB2P8", "B1")
    assert observed.amount == Money(987, "USD")
    assert observed.destination == "anna@example.com"


@pytest.mark.parametrize("word", ["", "NEW_WORD", "success", "PAID"])
def test_a_word_that_is_not_known_means_nothing(word: str):
    observed = observation(item(word))
    assert observed.status is Status.UNRECOGNISED
    assert observed.raw_status == word
    assert observed.returned is None


def test_the_words_cover_paypals_published_list():
    published = "SUCCESS FAILED PENDING UNCLAIMED RETURNED ONHOLD BLOCKED REFUNDED REVERSED"
    assert set(published.split()) <= set(ITEM_STATUSES)
    assert {"DENIED", "PENDING", "PROCESSING", "SUCCESS", "CANCELED"} <= set(BATCH_STATUSES)


@pytest.mark.parametrize("name", ["RECEIVER_UNREGISTERED", "RECEIVER_UNCONFIRMED", "NEVER_HEARD_OF"])
def test_unclaimed_with_errors_has_not_failed(name: str):
    observed = observation(item("UNCLAIMED", **errors(name)))
    assert observed.status is Status.AWAITING_PAYEE
    assert observed.refusal is not None
    assert observed.refusal.code == name
    assert observation(item("UNCLAIMED")).refusal is None


@pytest.mark.parametrize("word", ["FAILED", "DENIED", "BLOCKED"])
def test_a_failure_says_why(word: str):
    observed = observation(item(word, **errors("RECEIVER_ACCOUNT_LOCKED")))
    assert observed.refusal is not None
    assert observed.refusal.refusal is RefusalClass.PAYEE
    without = observation(item(word))
    assert without.refusal is not None
    assert (without.refusal.code, without.refusal.refusal) == (word, RefusalClass.UNCLASSIFIED)


@pytest.mark.parametrize("word", ["RETURNED", "REFUNDED", "REVERSED"])
def test_what_came_back_is_the_whole_amount(word: str):
    observed = observation(item(word))
    assert observed.returned == Money(987, "USD")
    assert observed.return_reference == f"8AELMXH8UB2P8-{word}"


def test_a_cancelled_item_that_was_debited_came_back():
    assert observation(item("CANCELLED")).status is Status.CANCELLED
    assert observation(item("CANCELED", transaction_id="T1")).status is Status.RETURNED


def test_a_fee_is_told_once_it_is_charged():
    zero = {"currency": "USD", "value": "0.00"}
    assert observation(item("PENDING", payout_item_fee=zero)).fee is None
    assert observation(item("PENDING")).fee is None
    assert observation(item("UNCLAIMED")).fee == Money(25, "USD")
    assert observation(item("SUCCESS", payout_item_fee={"currency": "EUR", "value": "0.3"})).fee == Money(
        30, "EUR"
    )
    assert observation(item("FAILED")).fee == Money(0, "USD")


@pytest.mark.parametrize(
    "amount",
    [None, {}, {"currency": "USD"}, {"currency": "???", "value": "1"}, {"currency": "USD", "value": "1e3"},
     {"currency": "USD", "value": "9.871"}, {"currency": "USD", "value": 9.87}, "9.87"],
)  # fmt: skip
def test_an_amount_that_cannot_be_read_makes_the_item_mean_nothing(amount: Any):
    sent = {"sender_item_id": "k1", "receiver": "a@example.com", "amount": amount}
    observed = observation(item("SUCCESS", payout_item=sent))
    assert observed.status is Status.UNRECOGNISED
    assert "SUCCESS" in observed.raw_status


def test_an_item_without_an_id_is_nonsense():
    with pytest.raises(ProviderUnavailable):
        observation({"transaction_status": "SUCCESS"})


# Batches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "closed"), [*BATCH_STATUSES.items(), ("NEVER_HEARD_OF", False)])
def test_every_batch_word_has_its_meaning(word: str, closed: bool):
    view = view_of(item("PENDING"), status=word)
    assert view.closed is closed
    assert (view.raw_status, view.batch_key) == (word, "key")
    assert (view.denied is not None) == (word == "DENIED")


def test_a_successful_batch_is_processed_and_not_paid():
    assert view_of(item("UNCLAIMED"), status="SUCCESS").observations[0].status is Status.AWAITING_PAYEE


@pytest.mark.parametrize("word", ["FAILED", "DENIED", "PENDING"])
@pytest.mark.parametrize(
    "name", ["INSUFFICIENT_FUNDS", "SENDER_ACCOUNT_LOCKED", "USER_FUNDING_SOURCE_INELIGIBLE"]
)
def test_a_batch_denied_for_our_reason_blames_no_item(word: str, name: str):
    view = view_of(item(word, **errors(name)), item(word, **errors(name)), status="DENIED")
    assert view.denied is not None
    assert (view.denied.code, view.denied.refusal) == (name, RefusalClass.OURS)
    assert {one.status for one in view.observations} == {Status.NOT_STARTED}
    assert {one.refusal for one in view.observations} == {None}


def test_a_denial_in_the_header_counts_first():
    view = view_of(item("DENIED"), status="DENIED", **errors("INSUFFICIENT_FUNDS"))
    assert view.denied is not None
    assert view.denied.refusal is RefusalClass.OURS
    assert view.observations[0].status is Status.NOT_STARTED


def test_an_item_of_a_denied_batch_may_have_a_reason_of_its_own():
    guilty = item("FAILED", **errors("RECEIVER_ACCOUNT_LOCKED"))
    innocent = item("FAILED", **errors("INSUFFICIENT_FUNDS"))
    view = view_of(guilty, innocent, status="DENIED")
    assert view.denied is not None
    assert view.denied.code == "INSUFFICIENT_FUNDS"
    assert [one.status for one in view.observations] == [Status.FAILED, Status.NOT_STARTED]


def test_a_reason_that_a_whole_batch_shares_is_not_an_items():
    risky = item("FAILED", **errors("RISK_DECLINE"))
    assert {one.status for one in view_of(risky, risky, status="DENIED").observations} == {Status.NOT_STARTED}
    assert view_of(risky, status="DENIED").observations[0].status is Status.FAILED


def test_a_denied_batch_without_a_reason_is_shown_to_a_person():
    view = view_of(item("PENDING"), status="DENIED")
    assert view.denied is not None
    assert view.denied.refusal is RefusalClass.UNCLASSIFIED


@pytest.mark.parametrize("word", ["SUCCESS", "UNCLAIMED", "ONHOLD", "RETURNED"])
def test_a_denied_batch_with_a_debited_item_is_not_denied(word: str):
    view = view_of(item(word), item("FAILED", **errors("INSUFFICIENT_FUNDS")), status="DENIED")
    assert view.denied is None
    assert view.observations[0].status is ITEM_STATUSES[word]


# Pages -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as running:
        yield running


TOKEN = plain(json.dumps({"access_token": "t", "expires_in": 900, "scope": ""}).encode())


def page(numbers: range, *, total: int, pages: int, batch: str = "B1", status: str = "SUCCESS") -> bytes:
    body = {
        "total_items": total,
        "total_pages": pages,
        "batch_header": {"payout_batch_id": batch, "batch_status": status},
        "items": [item("SUCCESS", payout_item_id=f"I{n}") for n in numbers],
    }
    return plain(json.dumps(body).encode())


def served(server: RawServer, *answers: bytes) -> PayPalClient:
    server.scripts.append(server.answering(TOKEN, *answers))
    http = HttpClient(base_url=server.url, allow_loopback_http=True)
    return PayPalClient(http=http, client_id="id", client_secret="secret")


def test_all_pages_are_joined(server: RawServer):
    client = served(server, page(range(3), total=5, pages=2), page(range(3, 5), total=5, pages=2))
    assert [one.reference for one in read_batch(client, "B1").observations] == [f"I{n}" for n in range(5)]
    asked = [request.split(b" ")[1] for request in server.received[1:]]
    assert b"page=1" in asked[0]
    assert b"page=2" in asked[1]
    assert b"page_size=1000" in asked[0]


def test_pages_that_shift_are_read_again(server: RawServer):
    shifted = (page(range(3), total=5, pages=2), page(range(2, 4), total=5, pages=2))
    good = (page(range(3), total=5, pages=2), page(range(3, 5), total=5, pages=2))
    assert len(read_batch(served(server, *shifted, *good), "B1").observations) == 5


def test_pages_that_never_fit_are_unavailable(server: RawServer):
    one = page(range(3), total=5, pages=1)
    with pytest.raises(ProviderUnavailable):
        read_batch(served(server, one, one, one), "B1")


def test_another_batch_than_asked_for_is_nonsense(server: RawServer):
    with pytest.raises(ProviderUnavailable):
        read_batch(served(server, page(range(1), total=1, pages=1, batch="B2")), "B1")


def test_only_paypals_own_word_makes_a_reference_vanish(server: RawServer):
    proxy = plain(b"<html>", status="404 Not Found")
    with pytest.raises(ProviderUnavailable) as caught:
        read_item(served(server, proxy), "I1")
    assert not isinstance(caught.value, ReferenceVanished)
    own = plain(b'{"name":"RESOURCE_NOT_FOUND"}', status="404 Not Found")
    with raw_server() as other, pytest.raises(ReferenceVanished):
        read_item(served(other, own), "I1")


def test_nothing_is_asked_without_an_id(server: RawServer):
    client = served(server)
    for read in (read_batch, read_item):
        with pytest.raises(ReferenceVanished):
            read(client, "")
    assert not server.received
