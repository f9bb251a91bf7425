"""What events did not bring is found by walking the transactions themselves."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from flexsync import resync, tasks, writeback
from flexsync.models import ApiCalls, FlexEvent, WriteBack
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.sharetribe import FlexNotFound
from payouts.models import Heartbeat, OutboxMessage, Source
from tests.stories.world import World


def test_finds_what_a_gap_in_the_events_hid(world: World):
    seller = world.seller()
    world.flex.fault("event_gap", times=None)
    world.sale(seller)
    world.flex.delete("/_sandbox/faults")
    world.sale(seller)
    world.hear()
    assert world.open_payables(seller) == [9_000]
    found = resync.resync(since=world.now - timedelta(hours=1), now=world.now)
    assert (found.seen, found.stored) == (2, 1)
    world.understand()
    assert world.open_payables(seller) == [9_000, 9_000]


def test_what_is_known_is_not_stored_again(world: World):
    seller = world.seller()
    for _ in range(3):
        world.sale(seller)
    world.hear()
    before = FlexEvent.objects.count()
    found = resync.resync(since=None, now=world.now)
    assert (found.seen, found.stored) == (3, 0)
    assert FlexEvent.objects.count() == before


def test_a_resync_before_any_event_owes_the_same_as_after(world: World):
    seller = world.seller()
    transaction = world.sale(seller)
    world.refund(transaction, amount=4_000)
    assert resync.resync(since=None, now=world.now).stored == 1
    world.understand()
    owed = world.truth(transaction)["payout_total"]["amount"]
    assert sum(world.open_payables(seller)) == owed
    world.hear()
    assert sum(world.open_payables(seller)) == owed


def test_walks_back_only_as_far_as_asked(world: World):
    seller = world.seller()
    world.sale(seller)
    world.flex.advance(3600)
    world.sale(seller)
    found = resync.resync(since=world.now + timedelta(minutes=30), now=world.now)
    assert found.seen == 1


def test_walks_many_pages(world: World):
    world.flex.post("/_sandbox/bulk", {"transactions": 250, "payees": 2, "state": "received"})
    assert resync.resync(since=None, now=world.now).stored == 250
    assert Source.objects.count() == 250


def test_one_transaction(world: World):
    transaction = world.sale(world.seller())
    assert resync.resync_one(reference=UUID(transaction), now=world.now).stored == 1
    with pytest.raises(FlexNotFound):
        resync.resync_one(reference=uuid7(), now=world.now)
    assert ApiCalls.objects.get(kind="transactions/show").calls == 2


def test_the_daily_walk_reaches_back_to_the_last_one(world: World):
    seller = world.seller()
    world.sale(seller)
    world.flex.advance(10 * 86_400)
    world.skew += timedelta(days=10)
    found = resync.resync_lately(now=world.now, limit_seconds=60)
    assert found.seen == 0, "without an earlier walk, the last days are enough"
    Heartbeat.objects.filter(name=resync.HEARTBEAT).update(at=world.now - timedelta(days=10))
    assert resync.resync_lately(now=world.now, limit_seconds=60).stored == 1
    assert Heartbeat.objects.get(name=resync.HEARTBEAT).detail == {"seen": 1, "stored": 1}


def test_the_queue_hears_reads_profiles_and_walks(world: World, monkeypatch):
    monkeypatch.setattr(tasks, "_POLL_SECONDS", 0.1)
    seller = world.seller()
    world.sale(seller)
    assert tasks.poll() > 0
    world.understand()
    assert tasks.read_profiles() == 1
    assert tasks.daily_resync() == 0


def test_what_somebody_changed_of_ours_stands_before_a_person_and_can_be_written_again(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    world.reread()
    told = world.told(transaction)
    theirs = {"payout": {"status": "paid", "reference": payout.number}}
    world.flex.post(f"/_sandbox/transactions/{transaction}/metadata", {"metadata": theirs})
    world.skew += timedelta(minutes=11)
    resync.resync(since=None, now=world.now)
    row = WriteBack.objects.get()
    assert row.conflict_at is not None
    assert "Somebody changed" in row.error
    writeback.tell(messages=[OutboxMessage(kind="write_back", subject=payout.pk)], now=world.now)
    assert world.told(transaction) == told
    row.refresh_from_db()
    assert row.error == ""
