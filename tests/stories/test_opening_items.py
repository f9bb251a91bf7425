"""What became due before go-live: seen and held, until staff release it or mark it as paid by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import Marketplace
from payouts import intervention, opening
from payouts.models import Payable, Payout
from tests.stories.world import World


@pytest.fixture
def old(world: World) -> tuple[World, list[str]]:
    """Three sales that became due before go-live."""
    transactions = [world.sale(world.seller(f"s{n}@example.com"), price=1_000) for n in range(3)]
    Marketplace.objects.update(go_live_at=world.now + timedelta(hours=1))
    world.hear()
    return world, transactions


def test_they_are_seen_and_not_paid(old: tuple[World, list[str]]) -> None:
    world, _ = old
    world.decide()
    assert list(Payable.objects.values_list("waits_for", flat=True)) == ["opening"] * 3
    assert Payout.objects.count() == 0
    world.assert_books_agree()


def test_staff_release_one(old: tuple[World, list[str]]) -> None:
    world, transactions = old
    row = Payable.objects.get(reference=transactions[0])
    done = intervention.release_payables(
        by=world.bob, payable_ids=[row.pk], reason="Not paid yet.", now=world.now
    )
    assert done.done == [transactions[0]]
    world.decide()
    assert world.approve(by=world.dave).refused == []  # whoever released it may not approve it
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 900}
    assert world.told(transactions[0])["status"] == "paid"
    world.assert_books_agree()


def test_a_file_marks_what_was_paid_by_hand(old: tuple[World, list[str]]) -> None:
    world, transactions = old
    lines = ["transaction_id,paid_at,reference", f"{transactions[0]},2026-10-01,PP-1", f"{transactions[1]},,"]
    done = opening.mark_paid(by=world.carol, paid=opening.read_paid(lines), now=world.now)
    assert sorted(done.done) == sorted(transactions[:2])
    again = opening.mark_paid(by=world.carol, paid=opening.read_paid(lines), now=world.now)
    assert again.done == []
    rows = Payable.objects.filter(waits_for="opening", settled="")
    intervention.release_payables(
        by=world.bob, payable_ids=[r.pk for r in rows], reason="Rest.", now=world.now
    )
    world.decide()
    assert world.approve(by=world.dave).refused == []  # whoever released it may not approve it
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 900}
    world.assert_books_agree()


def test_a_refund_of_an_opening_item_waits_with_it(old: tuple[World, list[str]]) -> None:
    world, transactions = old
    world.refund(transactions[0], amount=500)
    world.hear()
    rows = Payable.objects.filter(reference=transactions[0]).order_by("pk")
    assert [(int(r.units), r.waits_for) for r in rows] == [(900, "opening"), (-450, "opening")]
    intervention.release_payables(
        by=world.bob, payable_ids=[r.pk for r in rows], reason="Pay.", now=world.now
    )
    world.decide()
    assert world.payout().debt_units == 450
    world.assert_books_agree()


def test_a_refund_of_one_that_was_paid_by_hand_is_a_clawback(old: tuple[World, list[str]]) -> None:
    world, transactions = old
    lines = ["transaction_id", transactions[0]]
    opening.mark_paid(by=world.carol, paid=opening.read_paid(lines), now=world.now)
    world.refund(transactions[0], amount=500)
    world.decide()
    assert int(Payable.objects.get(waits_for="clawback").units) == -450
    assert Payout.objects.count() == 0
    world.assert_books_agree()


def test_resync_and_replay_obey_the_line(old: tuple[World, list[str]]) -> None:
    from flexsync import replaying, resync

    world, transactions = old
    resync.resync(since=None, now=world.now)
    replaying.replay(source_id=replaying.find(transactions[0]).pk, now=world.now)
    world.decide()
    assert Payout.objects.count() == 0
    assert Payable.objects.count() == 3


def test_without_a_line_nothing_is_paid_at_all(world: World) -> None:
    Marketplace.objects.update(go_live_at=None)
    world.sale(world.seller())
    world.decide()
    assert Payable.objects.get().waits_for == "opening"
    assert Payout.objects.count() == 0
