"""Whatever a provider says, in whatever order, and whatever staff do meanwhile: the books stay explained."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.money import Money
from payouts import dissolving, ledger, lifecycle, reconciliation, recording, sending, settlement
from payouts.actors import Actor
from payouts.attempt_postings import commit_draft
from payouts.dissolving import line_money
from payouts.ledger import Draft
from payouts.lifecycle import Move
from payouts.models import (
    OPEN_ATTEMPTS,
    Attempt,
    Batch,
    BatchState,
    Incident,
    Payable,
    Payout,
    PayoutLine,
    State,
)
from payouts.providers import registry
from payouts.providers.base import (
    Accepted,
    BatchView,
    ItemRefusal,
    Observation,
    RefusalClass,
    Status,
    Unknown,
)
from tests.factories import PayableFactory, PayoutFactory
from tests.stories.books import balances, expected

UNITS = 12_345


@pytest.fixture(autouse=True)
def _paypal_is_set_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set up, but never called: what it says is handed in."""
    for name in ("CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.setenv(f"PAYPAL_{name}", "unused")
    registry.reset()
    yield
    registry.reset()


def gathered() -> Payout:
    """A payout that is approved, with its postings."""
    payout: Payout = PayoutFactory.create(state=State.APPROVED, debt_units=UNITS)
    line = PayoutLine.objects.select_related("payable").get(payout=payout)
    row = line.payable
    accrued = Draft(
        "accrue", row.pk, ledger.DUE, ledger.owed(row.payee_id), Money(UNITS, "EUR"), payable_id=row.pk
    )
    ledger.post([accrued, *ledger.allocate([line_money(line)])], now=utc_now())
    return payout


def send(payout: Payout, *, answer: str) -> Attempt:
    """Commit an attempt and record an answer to it."""
    now = utc_now()
    batch = Batch.objects.create(
        provider="paypal",
        key=str(uuid.uuid4()),
        currency="EUR",
        item_count=1,
        total_units=UNITS,
        state=BatchState.SENT,
        environment="test",
        first_sent_at=now,
        last_sent_at=now,
        transmissions=1,
    )
    attempt = Attempt.objects.create(
        payout=payout,
        n=payout.attempts.count() + 1,
        batch=batch,
        provider="paypal",
        key=str(uuid.uuid4()),
        method=payout.method,
        units=UNITS,
        currency="EUR",
        destination="",
        digest=b"\x02" * 32,
        postings_made=1,
    )
    move = Move(payout=payout, to=State.SUBMITTING, reason="Sent.", drafts=[commit_draft(attempt, ordinal=0)])
    lifecycle.move([move], actor=Actor.rule("test"), now=now)
    outcome = Accepted(reference=f"B{batch.pk.hex[:12]}") if answer == "accepted" else Unknown(reason="Lost.")
    recording.apply(sending.load(Batch.objects.select_for_update().get(pk=batch.pk), now=now), outcome)
    return attempt


def hear(attempt: Attempt, **said: object) -> None:
    """Have PayPal say something of an attempt, and fold it."""
    now = utc_now()
    seen = Observation(
        item_key=attempt.key,
        reference=f"I{attempt.pk.hex[:12]}",
        status=Status.PROCESSING,
        raw_status="WORD",
        amount=Money(UNITS, "EUR"),
    )
    seen = replace(seen, **said)  # type: ignore[arg-type]
    batch = Batch.objects.select_for_update().get(pk=attempt.batch_id)
    view = BatchView(
        f"B{batch.pk.hex[:12]}", batch.key, "WORD", closed=False, denied=None, observations=[seen]
    )
    reconciliation.observe(batch, view, seq=reconciliation.reading(), now=now)
    while settlement.settle(limit=10, now=now):
        pass


def assert_explained() -> None:
    """Every account but suspense holds what the rows say."""
    has = {key: units for key, units in balances().items() if not key[0].startswith("suspense:")}
    assert has == expected()


@st.composite
def observations(draw: st.DrawFn) -> dict[str, object]:
    """What a provider may say of an item, likely or not."""
    status = draw(st.sampled_from(list(Status)))
    said: dict[str, object] = {"status": status, "raw_status": status.upper()}
    if status is Status.RETURNED:
        units = draw(st.sampled_from([1, 5_000, UNITS - 1, UNITS]))
        said["returned"] = Money(units, "EUR")
        said["return_reference"] = draw(st.sampled_from(["", "R-1"]))
    if draw(st.booleans()):
        said["fee"] = Money(draw(st.sampled_from([0, 25, 60])), draw(st.sampled_from(["EUR", "USD"])))
    if status is Status.FAILED:
        said["refusal"] = ItemRefusal("CODE", draw(st.sampled_from(list(RefusalClass))), "Why.")
    if draw(st.integers(0, 9)) == 0:
        said["amount"] = Money(UNITS + 1, "EUR")
    return said


def retry(payout: Payout) -> None:
    """Send a failed payout again, if nothing is open."""
    if payout.state == State.FAILED and not payout.attempts.filter(state__in=OPEN_ATTEMPTS).exists():
        lifecycle.move(
            [Move(payout=payout, to=State.APPROVED, reason="Again.")], actor=Actor.rule("test"), now=utc_now()
        )
        send(payout, answer="accepted")
    elif payout.state == State.APPROVED and not payout.attempts.filter(state__in=OPEN_ATTEMPTS).exists():
        send(payout, answer="unknown")


def let_go(payout: Payout) -> None:
    """Dissolve a payout that may be dissolved."""
    if payout.state in dissolving.DISSOLVABLE:
        dissolving.dissolve([payout], actor=Actor.rule("test"), reason="Enough.", now=utc_now())


_STEPS = st.one_of(
    observations(),
    st.sampled_from(["retry", "let go"]),
)


@pytest.mark.django_db
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.sampled_from(["accepted", "unknown"]),
    steps=st.lists(st.tuples(st.integers(0, 2), _STEPS), min_size=1, max_size=8),
)
def test_any_story_a_provider_tells_ends_in_explained_books(
    first: str, steps: list[tuple[int, dict[str, object] | str]]
) -> None:
    with transaction.atomic():
        point = transaction.savepoint()
        payout = gathered()
        attempts = [send(payout, answer=first)]
        for which, step in steps:
            payout = Payout.objects.select_for_update().get(pk=payout.pk)
            if step == "retry":
                retry(payout)
            elif step == "let go":
                let_go(payout)
            else:
                assert isinstance(step, dict)
                attempts = list(Attempt.objects.filter(payout=payout).order_by("n"))
                hear(attempts[which % len(attempts)], **step)
            assert_explained()
        assert Attempt.objects.filter(payout=payout, state__in=OPEN_ATTEMPTS).count() <= 1
        transaction.savepoint_rollback(point)


@pytest.fixture
def payout(transactional_db: None) -> Payout:
    """A payout that PayPal has accepted."""
    with transaction.atomic():
        found = gathered()
        send(found, answer="accepted")
    return found


def fold(payout: Payout, **said: object) -> Payout:
    """Hear something of the newest attempt, and give the payout as it is then."""
    with transaction.atomic():
        hear(Attempt.objects.filter(payout=payout).order_by("-n")[0], **said)
    return Payout.objects.get(pk=payout.pk)


def test_parts_come_back_one_after_the_other(payout: Payout) -> None:
    fold(payout, status=Status.PAID)
    for total in (1_000, 1_000, 5_000):
        here = fold(payout, status=Status.RETURNED, returned=Money(total, "EUR"), return_reference="R-1")
        assert (here.state, here.returned_units) == ("paid", total)
    here = fold(payout, status=Status.RETURNED, returned=Money(UNITS, "EUR"), return_reference="R-1")
    assert (here.state, here.returned_units) == ("returned", UNITS)
    again = Payable.objects.filter(purpose="returned").order_by("pk")
    assert [int(row.units) for row in again] == [1_000, 4_000, 7_345]
    assert {row.waits_for for row in again} == {"returned"}
    assert_explained()


def test_a_part_that_comes_back_before_it_counted_as_paid(payout: Payout) -> None:
    here = fold(payout, status=Status.RETURNED, returned=Money(5_000, "EUR"))
    assert (here.state, here.returned_units) == ("paid", 5_000)
    assert here.paid_at is not None
    assert_explained()


def test_what_came_back_of_several_transactions_stays_tied_to_each(transactional_db: None) -> None:
    with transaction.atomic():
        payout = gathered()
        now = utc_now()
        second = PayableFactory.create(payee=payout.payee, units=655)
        line = PayoutLine.objects.create(payout=payout, payable=second, units=655)
        line = PayoutLine.objects.select_related("payable").get(pk=line.pk)
        accrued = Draft(
            "accrue",
            second.pk,
            ledger.DUE,
            ledger.owed(payout.payee_id),
            Money(655, "EUR"),
            payable_id=second.pk,
        )
        ledger.post([accrued, *ledger.allocate([line_money(line)])], now=now)
        Payout.objects.filter(pk=payout.pk).update(debt_units=13_000, sent_units=13_000)
        payout = Payout.objects.get(pk=payout.pk)
        attempt = send(payout, answer="accepted")
        Attempt.objects.filter(pk=attempt.pk).update(units=13_000)
    first_source = payout.lines.order_by("pk")[0].payable.source_id
    for total in (12_000, 13_000):
        fold(
            payout,
            status=Status.RETURNED,
            amount=Money(13_000, "EUR"),
            returned=Money(total, "EUR"),
            return_reference="R-1",
        )
    again = Payable.objects.filter(purpose="returned").order_by("pk")
    assert [(row.source_id, int(row.units)) for row in again] == [
        (first_source, 12_000),
        (first_source, 345),
        (second.source_id, 655),
    ]


def test_a_fee_is_posted_as_reported_and_when_it_changes(payout: Payout) -> None:
    for fee in (25, 60, 60, 10):
        fold(payout, status=Status.PAID, fee=Money(fee, "EUR"))
        assert balances().get(("fees:paypal", "EUR"), 0) == fee
    fold(payout, status=Status.PAID, fee=Money(7, "USD"))
    assert ("fees:paypal", "EUR") not in balances()
    assert balances()["fees:paypal", "USD"] == 7
    assert_explained()


def test_a_repetition_is_not_stored(payout: Payout) -> None:
    for _ in range(5):
        fold(payout, status=Status.PROCESSING, raw_status="PENDING")
    assert Attempt.objects.get().observations.count() == 1


def test_an_older_reading_never_undoes_a_newer_one(payout: Payout) -> None:
    """Two readings under way at once: the one that began first is folded first, however late it is stored."""
    attempt = Attempt.objects.get()
    with transaction.atomic():
        early, late = reconciliation.reading(), reconciliation.reading()
        batch = Batch.objects.select_for_update().get(pk=attempt.batch_id)
        for seq, status in ((late, Status.PAID), (early, Status.PROCESSING)):
            seen = Observation(
                item_key=attempt.key,
                reference="I1",
                status=status,
                raw_status=status.upper(),
                amount=Money(UNITS, "EUR"),
            )
            view = BatchView(
                batch.reference, batch.key, "WORD", closed=False, denied=None, observations=[seen]
            )
            reconciliation.observe(batch, view, seq=seq, now=utc_now())
        settlement.settle(limit=10, now=utc_now())
    assert Payout.objects.get().state == "paid"
    assert_explained()


def test_an_item_that_is_not_ours_is_an_incident(payout: Payout) -> None:
    fold(payout, item_key=str(uuid.uuid4()), reference="STRANGER")
    assert Incident.objects.get().kind == "foreign_item"
    fold(payout, item_key=str(uuid.uuid4()), reference="STRANGER")
    assert Incident.objects.count() == 1


def test_a_person_sees_what_is_on_hold_and_what_nobody_knows(payout: Payout) -> None:
    soon = utc_now() + timedelta(hours=1)
    for status in (Status.ON_HOLD, Status.UNRECOGNISED):
        Payout.objects.update(person_after=None)
        here = fold(payout, status=status, raw_status=status.upper())
        assert here.person_after is not None
        assert here.person_after < soon
    assert_explained()


def test_one_whose_news_cannot_be_written_steps_aside_alone(transactional_db: None) -> None:
    """A provider that gives two of our items one and the same reference breaks a constraint, for the second alone."""
    with transaction.atomic():
        attempts = [send(gathered(), answer="accepted") for _ in range(5)]
        seq = reconciliation.reading()
        for n, attempt in enumerate(attempts):
            seen = Observation(
                item_key=attempt.key,
                reference="I-TWICE" if n in {1, 3} else f"I-{n}",
                status=Status.PAID,
                raw_status="SUCCESS",
                amount=Money(UNITS, "EUR"),
            )
            batch = Batch.objects.select_for_update().get(pk=attempt.batch_id)
            view = BatchView(
                batch.reference, batch.key, "WORD", closed=False, denied=None, observations=[seen]
            )
            reconciliation.observe(batch, view, seq=seq, now=utc_now())
    assert settlement.settle(limit=10, now=utc_now()) == 5
    assert settlement.settle(limit=10, now=utc_now()) == 0
    states = sorted(Payout.objects.values_list("state", flat=True))
    assert states == ["paid"] * 4 + ["submitted"]
    assert Incident.objects.get(payout__state="submitted").kind == "not_understood"
    assert_explained()
