"""The queue finds a payout by any id that somebody may hold in their hands, and narrows by what people ask."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from payouts import holding, ledger, requests
from payouts.ledger import Draft
from payouts.models import Incident, Observation, Payout, Posting, State, WebhookDelivery
from tests import factories

QUEUE = "admin:payouts_payout_changelist"


@pytest.fixture
def found(as_role, people):
    client = as_role("viewer")

    def numbers(query: dict[str, str]) -> set[str]:
        response = client.get(reverse(QUEUE), query)
        assert response.status_code == 200
        assert not response.redirect_chain if hasattr(response, "redirect_chain") else True
        return {payout.number for payout in response.context["cl"].result_list}

    return numbers


@pytest.fixture
def paid(people) -> Payout:
    factories.PayoutFactory.create(state=State.PAID)
    payee = factories.PayeeFactory.create(name="Wilhelmina Farthing", email="Wilhelmina@Farthing.example")
    return factories.PayoutFactory.create(state=State.PAID, payee=payee)


def test_finds_by_every_kind_of_id(found, paid):
    attempt, payable = paid.attempts.get(), paid.lines.get().payable
    terms = [
        paid.number,
        paid.number.lower().replace("-", ""),
        f"  {paid.number.replace('-', ' ')} ",
        str(paid.pk),
        paid.pk.hex,
        str(paid.payee_id),
        str(paid.payee.flex_user_id),
        str(paid.method_id),
        str(payable.pk),
        str(payable.source.reference),
        str(payable.source_id),
        str(attempt.pk),
        attempt.key,
        attempt.key.replace("-", ""),
        attempt.reference,
        str(attempt.batch_id),
        attempt.batch.key,
        attempt.batch.reference,
        "farthing",
        "wilhelmina@farthing.example",
    ]
    for term in terms:
        assert found({"q": term}) == {paid.number}, term


def test_finds_by_what_people_decided_about_it(found, people):
    payout = factories.PayoutFactory.create(state=State.UNKNOWN)
    factories.PayoutFactory.create(state=State.UNKNOWN)
    now = timezone.now()
    holding.hold(by=people["operator"], payouts=[payout.pk], reason="Wait", now=now)
    asked = requests.make(
        act="resolve_unknown",
        by=people["approver"],
        subject=str(payout.pk),
        payload={"payout": str(payout.pk), "outcome": "paid", "document": "Statement"},
        reason="Seen",
        now=now,
    )
    incident = Incident.objects.create(
        kind="wrong_echo", provider="paypal", subject="X", sentence="Another amount.", payout=payout
    )
    for row in (payout.holds.get(), asked, incident):
        assert found({"q": str(row.pk)}) == {payout.number}, row


def test_finds_numbers_with_the_letters_that_people_mistake(found, people):
    payout = factories.PayoutFactory.create(number="PO-10ABC-DEFG" + _check("10ABCDEFG"))
    mistaken = payout.number.replace("10ABC", "lOabc")
    assert found({"q": mistaken}) == {payout.number}


def _check(body: str) -> str:
    from marketplace_payouts.lib.ids import BadNumber, check_number

    for character in "0123456789ABCDEFGHJKMNPQRSTVWXYZ":
        try:
            check_number(f"PO-{body}{character}")
        except BadNumber:
            continue
        return character
    raise AssertionError(body)


def test_finds_nothing_for_words_that_nobody_has(found, paid):
    assert found({"q": "%"}) == set()
    assert found({"q": "01913d9c-0000-7000-8000-000000000000"}) == set()
    assert found({"q": "'; drop table payouts_payout; --"}) == set()


def test_shows_what_is_open_unless_asked_for_more(found, people):
    rows = {state: factories.PayoutFactory.create(state=state) for state in State}
    closed = {rows[state].number for state in (State.PAID, State.CANCELLED, State.RETURNED)}
    every = {row.number for row in rows.values()}
    assert found({}) == every - closed
    assert found({"state": "all"}) == every
    for state, row in rows.items():
        assert found({"state": state.value}) == {row.number}


def test_narrows_by_amount_within_one_currency(found, as_role, people):
    small, large = (factories.PayoutFactory.create(debt_units=units) for units in (1_050, 1_000_000))
    dollars = factories.PayoutFactory.create(debt_units=5_000, debt_currency="USD")
    assert found({"currency": "USD"}) == {dollars.number}
    assert found({"currency": "EUR", "amount_from": "10.51"}) == {large.number}
    assert found({"currency": "EUR", "amount_from": "10.50", "amount_to": "9,999.99"}) == {small.number}
    for query in ({"amount_from": "5"}, {"currency": "XXX"}, {"currency": "EUR", "amount_to": "much"}):
        assert found(query) == set()
    page = as_role("viewer").get(reverse(QUEUE), {"amount_from": "5"})
    assert "Choose a currency" in page.content.decode()


def test_narrows_by_hold_gate_day_provider_and_patience(found, people):
    payout, other = (factories.PayoutFactory.create(state=State.APPROVED) for _ in range(2))
    now = timezone.now()
    holding.hold(by=people["operator"], payees=[payout.payee_id], reason="Wait", now=now)
    Payout.objects.filter(pk=payout.pk).update(
        blocked_by="held", person_after=now - timedelta(hours=1), created_at=now - timedelta(days=40)
    )
    assert found({"held": "yes"}) == {payout.number}
    assert found({"held": "no"}) == {other.number}
    assert found({"blocked_by": "held"}) == {payout.number}
    assert found({"overdue": "yes"}) == {payout.number}
    assert found({"provider": "paypal"}) == {payout.number, other.number}
    today = f"{now:%Y-%m-%d}"
    assert found({"created_at_from": today}) == {other.number}
    assert found({"created_at_to": f"{now - timedelta(days=30):%Y-%m-%d}"}) == {payout.number}
    assert found({"created_at_to": "soon"}) == set()
    holding.hold(by=people["operator"], rails=["everything"], reason="Stop", now=now)
    assert found({"held": "yes"}) == {payout.number, other.number}


def test_totals_follow_the_filter(as_role, people):
    for units in (100, 250):
        factories.PayoutFactory.create(debt_units=units)
    factories.PayoutFactory.create(debt_units=700, debt_currency="USD")
    response = as_role("viewer").get(reverse(QUEUE), {"currency": "EUR"})
    assert response.context["totals"] == [{"count": 2, "text": "3.50 EUR"}]


def test_tells_the_unclaimed_from_what_is_under_way(found, as_role, people):
    unclaimed, other = (factories.PayoutFactory.create(state=State.SUBMITTED) for _ in range(2))
    unclaimed.attempts.update(status="awaiting_payee", raw_status="UNCLAIMED", message="No account yet.")
    other.attempts.update(status="processing", raw_status="PENDING")
    assert found({"heard": "awaiting_payee"}) == {unclaimed.number}
    assert found({"heard": "processing"}) == {other.number}
    page = as_role("viewer").get(reverse(QUEUE)).content.decode()
    assert "Awaiting payee (UNCLAIMED). No account yet." in page


def test_finds_by_the_address_that_it_went_to(found, people, paypal):
    factories.PayoutFactory.create(state=State.PAID)
    for address, terms in (
        ("money@elsewhere.example", ["money@elsewhere.example", " Money@Elsewhere.EXAMPLE "]),
        ("QWERTYUIOP123", ["QWERTYUIOP123", "qwertyuiop123"]),
    ):
        payee = factories.PayeeFactory.create()
        method = factories.MethodFactory.create(payee=payee, address=address)
        payout = factories.PayoutFactory.create(state=State.PAID, payee=payee, method=method)
        for term in terms:
            assert found({"q": term}) == {payout.number}, term


def test_finds_by_an_address_whoever_is_paid_there_and_whoever_writes_from_there(found, people, paypal):
    writer = factories.PayoutFactory.create(payee=factories.PayeeFactory.create(email="both@mail.example"))
    payee = factories.PayeeFactory.create()
    factories.MethodFactory.create(payee=payee, address="both@mail.example")
    paid_there = factories.PayoutFactory.create(payee=payee)
    assert found({"q": "Both@mail.example"}) == {writer.number, paid_there.number}


def test_finds_by_what_the_provider_said(found, paid):
    attempt, neighbour = paid.attempts.get(), factories.PayoutFactory.create(state=State.PAID)
    neighbour.attempts.update(batch=attempt.batch)
    seen = Observation.objects.create(
        attempt=attempt, seq=1, status="paid", raw_status="SUCCESS", units=1, currency="EUR"
    )
    nothing = {"batch_reference": "", "batch_key": "", "item_reference": "", "item_key": ""}
    of_batch = {**nothing, "batch_reference": attempt.batch.reference}
    hints = {
        "WH-ITEM": {**of_batch, "item_reference": attempt.reference},
        "WH-KEY": {**of_batch, "item_key": attempt.key},
        "WH-BATCH": of_batch,
        "WH-NOTHING": nothing,
    }
    told = {
        name: WebhookDelivery.objects.create(provider="paypal", event_id=name, hint=hint, body=b"sealed")
        for name, hint in hints.items()
    }
    whole = {paid.number, neighbour.number}
    assert found({"q": str(seen.pk)}) == {paid.number}
    for name, numbers in (
        ("WH-ITEM", {paid.number}),
        ("WH-KEY", {paid.number}),
        ("WH-BATCH", whole),
        ("WH-NOTHING", set()),
    ):
        assert found({"q": name}) == numbers, name
        assert found({"q": str(told[name].pk)}) == numbers, name


def test_finds_by_what_was_booked(found, paid):
    payable, amount = paid.lines.get().payable, factories.money(5)
    owed = ledger.owed(paid.payee_id)
    drafts = [
        Draft("accrue", payable.pk, ledger.DUE, owed, amount, payable_id=payable.pk),
        Draft("allocate", paid.pk, owed, ledger.allocated(paid.pk), amount, payout_id=paid.pk),
    ]
    ledger.post(drafts, now=timezone.now())
    for posting in Posting.objects.filter(subject__in=[payable.pk, paid.pk]):
        assert found({"q": str(posting.pk)}) == {paid.number}, posting.kind
