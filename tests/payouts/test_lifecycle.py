"""The one writer of state: its table, its races, and the record that it keeps."""

from __future__ import annotations

import threading
from itertools import product

import pytest
from django.db import DatabaseError, connections, transaction

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.money import Money
from payouts import ledger, lifecycle
from payouts.actors import Actor
from payouts.errors import ForbiddenMove
from payouts.ledger import Draft
from payouts.lifecycle import MOVES, PATIENCE, Move, move
from payouts.models import OutboxMessage, Payout, PayoutEvent, Posting, State
from tests.factories import PayoutFactory

ACTOR = Actor.rule("test")

# Spelled out once more, so that a change of the table is a change of two places.
TABLE = {
    "pending": {"awaiting_approval", "cancelled"},
    "awaiting_approval": {"approved", "cancelled"},
    "approved": {"submitting", "awaiting_approval", "cancelled"},
    "submitting": {"approved", "submitted", "paid", "failed", "unknown"},
    "unknown": {"submitted", "paid", "failed", "returned", "cancelled"},
    "submitted": {"paid", "failed", "returned", "cancelled", "unknown", "approved"},
    "paid": {"returned"},
    "failed": {"approved", "awaiting_approval", "cancelled", "paid", "submitted", "unknown"},
    "returned": set(),
    "cancelled": set(),
}


def test_the_table_is_the_one_that_was_promised() -> None:
    assert {one.value: {to.value for to in targets} for one, targets in MOVES.items()} == TABLE
    assert set(PATIENCE) == set(State)


@pytest.mark.django_db
@pytest.mark.parametrize(("start", "to"), list(product(State.values, State.values)))
def test_every_move_is_made_or_refused_by_the_table(start: str, to: str) -> None:
    payout = PayoutFactory.create(state=State(start))
    before = (payout.version, payout.chain_length)
    step = Move(payout=payout, to=State(to), reason="Because.")
    if to in TABLE[start]:
        assert move([step], actor=ACTOR, now=utc_now()).moved == [payout]
        payout.refresh_from_db()
        assert (payout.state, payout.version, payout.chain_length) == (to, before[0] + 1, before[1] + 1)
        event = PayoutEvent.objects.get(payout=payout, n=payout.chain_length)
        assert (event.from_state, event.to_state, event.reason) == (start, to, "Because.")
    else:
        with pytest.raises(ForbiddenMove):
            move([step], actor=ACTOR, now=utc_now())
        payout.refresh_from_db()
        assert (payout.state, payout.version, payout.chain_length) == (start, *before)


@pytest.mark.django_db
def test_one_forbidden_move_makes_none_of_the_set() -> None:
    good, bad = PayoutFactory.create(), PayoutFactory.create(state=State.PAID)
    with pytest.raises(ForbiddenMove):
        move(
            [
                Move(payout=good, to=State.AWAITING_APPROVAL, reason=""),
                Move(payout=bad, to=State.APPROVED, reason=""),
            ],
            actor=ACTOR,
            now=utc_now(),
        )
    assert Payout.objects.get(pk=good.pk).state == "pending"


@pytest.mark.django_db
def test_a_stale_version_is_refused_with_its_postings_and_messages() -> None:
    payout = PayoutFactory.create(state=State.SUBMITTED)
    stale = Payout.objects.get(pk=payout.pk)
    move([Move(payout=payout, to=State.PAID, reason="First.")], actor=ACTOR, now=utc_now())
    postings, messages, events = _counts()
    draft = Draft(
        "accrue", payout.pk, ledger.DUE, ledger.owed(payout.payee_id), Money(1, "EUR"), payout_id=payout.pk
    )
    outcome = move(
        [Move(payout=stale, to=State.FAILED, reason="Second.", drafts=[draft])], actor=ACTOR, now=utc_now()
    )
    assert (outcome.moved, outcome.refused) == ([], [stale])
    assert _counts() == (postings, messages, events)
    assert Payout.objects.get().state == "paid"


@pytest.mark.django_db
def test_of_a_set_those_that_changed_meanwhile_stay_and_the_others_move() -> None:
    payouts = [PayoutFactory.create() for _ in range(4)]
    stale = list(Payout.objects.order_by("pk"))
    move([Move(payout=payouts[1], to=State.CANCELLED, reason="")], actor=ACTOR, now=utc_now())
    outcome = move(
        [Move(payout=one, to=State.AWAITING_APPROVAL, reason="") for one in stale], actor=ACTOR, now=utc_now()
    )
    assert len(outcome.moved) == 3
    assert [one.pk for one in outcome.refused] == [payouts[1].pk]


@pytest.mark.django_db
def test_a_set_moves_with_a_number_of_statements_that_does_not_grow(django_assert_max_num_queries) -> None:
    for count in (2, 40):
        payouts = [PayoutFactory.create() for _ in range(count)]
        with django_assert_max_num_queries(6):
            move(
                [Move(payout=one, to=State.AWAITING_APPROVAL, reason="") for one in payouts],
                actor=ACTOR,
                now=utc_now(),
            )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("to", "kinds"),
    [
        (State.PAID, {"write_back", "notice"}),
        (State.FAILED, {"write_back", "notice", "tell_user"}),
        (State.UNKNOWN, {"write_back"}),
        (State.APPROVED, set()),
    ],
)
def test_outcomes_are_told_and_the_rest_is_not(to: State, kinds: set[str]) -> None:
    payout = PayoutFactory.create(state=State.SUBMITTED)
    OutboxMessage.objects.all().delete()
    move([Move(payout=payout, to=to, reason="")], actor=ACTOR, now=utc_now())
    assert set(OutboxMessage.objects.values_list("kind", flat=True)) == kinds


@pytest.mark.django_db
def test_a_quiet_move_tells_nobody() -> None:
    payout = PayoutFactory.create(state=State.SUBMITTED)
    OutboxMessage.objects.all().delete()
    move([Move(payout=payout, to=State.FAILED, reason="", quiet=True)], actor=ACTOR, now=utc_now())
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_the_record_is_a_chain_and_cannot_be_changed() -> None:
    payout = PayoutFactory.create(state=State.PAID)
    previous = b""
    for event in PayoutEvent.objects.filter(payout=payout).order_by("n"):
        assert bytes(event.hash) == lifecycle.chain_hash(event, previous)
        previous = bytes(event.hash)
    assert bytes(payout.chain_hash) == previous
    for act in (
        lambda: PayoutEvent.objects.filter(payout=payout).update(reason="Something else."),
        lambda: PayoutEvent.objects.filter(payout=payout).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


@pytest.mark.django_db(transaction=True)
def test_two_movers_at_once_one_of_them_wins() -> None:
    payout = PayoutFactory.create(state=State.SUBMITTED)
    copies = [Payout.objects.get(pk=payout.pk) for _ in range(2)]
    barrier = threading.Barrier(2)
    outcomes: list[lifecycle.Moved] = []

    def run(one: Payout, to: State) -> None:
        try:
            with transaction.atomic():
                barrier.wait(5)
                outcomes.append(move([Move(payout=one, to=to, reason="")], actor=ACTOR, now=utc_now()))
        finally:
            connections.close_all()

    ways = zip(copies, (State.PAID, State.FAILED), strict=True)
    threads = [threading.Thread(target=run, args=way) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(len(one.moved) for one in outcomes) == [0, 1]
    payout.refresh_from_db()
    assert payout.version == copies[0].version or payout.version == copies[1].version
    assert PayoutEvent.objects.filter(payout=payout).count() == payout.chain_length


def _counts() -> tuple[int, int, int]:
    return Posting.objects.count(), OutboxMessage.objects.count(), PayoutEvent.objects.count()
