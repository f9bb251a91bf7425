"""Nothing is sent before its transaction was read again and told of it."""

from __future__ import annotations

import threading
from datetime import timedelta

from django.db import connections

from flexsync import profiles, rereading, telling
from flexsync.models import FlexEvent, WriteBack
from payouts import gates
from payouts.models import Announcement, OutboxMessage, Payout, Source, SourceCheck
from tests.stories.world import World

COMMANDS = "/v1/integration_api/transactions"


def reread(world: World) -> int:
    return rereading.reread(limit=100, now=world.now)


def gate(payout: Payout, name: str, world: World) -> gates.GateAnswer:
    return next(one for one in gates.explain([payout.pk], now=world.now)[payout.pk] if one.gate == name)


def commands(world: World, name: str) -> int:
    """Count the commands of a name that reached Sharetribe."""
    found = world.flex.get("/_sandbox/requests?method=POST")["requests"]
    return sum(one["target"].startswith(f"/v1/integration_api/transactions/{name}") for one in found)


def test_reads_announces_and_opens_both_gates(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    assert not gate(payout, "reread", world).passed
    assert not gate(payout, "announced", world).passed
    assert reread(world) == 1
    assert gate(payout, "reread", world).passed
    assert gate(payout, "announced", world).passed
    told = world.told(transaction)
    assert told["status"] == "announced"
    assert told["reference"] == payout.number
    assert set(told) == {"status", "reference", "at"}
    row = WriteBack.objects.get()
    assert row.value == told
    assert row.confirmed_at is not None
    assert row.lease_until is None
    assert row.calls == 2
    assert reread(world) == 0


def test_reads_again_when_the_check_grows_old_but_announces_once(world: World, settings):
    _transaction, payout = world.sold_and_approved(world.seller())
    reread(world)
    first = Announcement.objects.get().confirmed_at
    world.skew += settings.SOURCE_CHECK_VALID_FOR + timedelta(seconds=1)
    assert not gate(payout, "reread", world).passed
    assert reread(world) == 1
    assert gate(payout, "reread", world).passed
    assert Announcement.objects.get().confirmed_at == first
    assert WriteBack.objects.get().calls == 3


def test_a_changed_transaction_is_not_announced_but_understood_anew(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    world.refund(transaction, amount=4_000)
    reread(world)
    assert not gate(payout, "reread", world).passed
    assert world.told(transaction) == {}
    assert FlexEvent.objects.filter(event_type="snapshot").count() == 1
    world.understand()
    payout.refresh_from_db()
    assert payout.state == "cancelled"
    # The event about the same change arrives afterwards and adds nothing.
    owed = sum(world.open_payables(payout.payee))
    world.hear()
    assert (
        sum(world.open_payables(payout.payee)) == owed == world.truth(transaction)["payout_total"]["amount"]
    )


def test_a_payout_that_we_do_not_know_stops_ours(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    strange = {"payout": {"status": "sent", "reference": "PO-OTHER-DATABASE"}}
    world.flex.post(f"/_sandbox/transactions/{transaction}/metadata", {"metadata": strange})
    world.hear()
    assert reread(world) == 1
    assert SourceCheck.objects.get().foreign_payout == "PO-OTHER-DATABASE"
    assert "PO-OTHER-DATABASE" in gate(payout, "reread", world).sentence
    assert world.told(transaction) == strange["payout"]
    assert reread(world) == 0, "it waits before it is read once more"


def test_an_announcement_that_somebody_removed_is_made_again(world: World, settings):
    transaction, payout = world.sold_and_approved(world.seller())
    reread(world)
    world.flex.post(f"/_sandbox/transactions/{transaction}/metadata", {"metadata": {"payout": None}})
    world.hear()
    world.skew += settings.SOURCE_CHECK_VALID_FOR
    reread(world)
    assert world.told(transaction)["reference"] == payout.number


def test_a_transaction_that_is_gone_is_not_paid(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    world.flex.post(f"/_sandbox/transactions/{transaction}/delete")
    assert reread(world) == 1
    assert not gate(payout, "reread", world).passed
    assert "does not know" in SourceCheck.objects.get().error


def test_a_failure_keeps_what_was_known_and_waits_longer_each_time(world: World):
    _transaction, payout = world.sold_and_approved(world.seller())
    world.flex.fault(
        "api_error", value="forbidden", match={"path": "/v1/integration_api/transactions/show"}, times=2
    )
    assert reread(world) == 1
    check = SourceCheck.objects.get()
    assert check.tries == 1
    assert check.checked_at is None
    assert check.next_at is not None
    assert reread(world) == 0
    SourceCheck.objects.update(next_at=None)
    reread(world)
    check.refresh_from_db()
    assert check.tries == 2
    SourceCheck.objects.update(next_at=None)
    reread(world)
    check.refresh_from_db()
    assert check.tries == 0
    assert check.error == ""
    assert gate(payout, "announced", world).passed


def test_dies_after_the_announcement_and_finds_it_again(world: World):
    transaction, payout = world.sold_and_approved(world.seller())
    with world.crash_at("announce.after_call"):
        reread(world)
    assert world.told(transaction)["reference"] == payout.number
    assert not Announcement.objects.exists()
    assert reread(world) == 0, "the dead worker's lease lasts"
    WriteBack.objects.update(lease_until=None)
    assert reread(world) == 1
    assert gate(payout, "announced", world).passed


def test_two_workers_share_the_work(world: World):
    seller = world.seller()
    for _ in range(12):
        world.sale(seller)
        world.decide()
    world.approve()

    def work() -> None:
        try:
            reread(world)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Announcement.objects.count() == 12
    assert commands(world, "update_metadata") == 12


def test_wakes_the_sender_and_refreshes_the_payee(world: World):
    seller = world.seller(profile={"displayName": "Shown There"})
    _transaction, payout = world.sold_and_approved(seller)
    Payout.objects.update(next_at=world.now + timedelta(minutes=1), blocked_by="reread")
    reread(world)
    payout.refresh_from_db()
    seller.refresh_from_db()
    assert payout.next_at <= world.now
    assert seller.name == "Shown There"
    assert seller.profile_read_at is not None


def test_takes_an_announcement_back_when_the_payout_was_let_go_meanwhile(world: World):
    transaction, payout = world.sold_and_approved(world.seller())

    def let_go() -> None:
        from payouts import intervention

        intervention.cancel(by=world.carol, payout_ids=[payout.pk], reason="Wait.", now=world.now)

    with world.meanwhile("reread.before_call", let_go):
        reread(world)
    assert world.told(transaction)["status"] == "announced"
    assert OutboxMessage.objects.filter(kind="write_back", subject=payout.pk, done_at=None).count() == 2
    world.tell()
    assert world.told(transaction)["status"] == "cancelled"


def others_go_on(world: World) -> None:
    """Let the right to tell end; others announce the payout, send it, and tell that it was sent."""
    WriteBack.objects.update(lease_until=world.now - timedelta(seconds=1))
    assert reread(world) == 1
    assert world.transmit() == 1
    world.tell()


def test_a_word_that_comes_after_a_newer_one_is_put_right(world: World):
    transaction, _ = world.sold_and_approved(world.seller())
    with world.meanwhile("announce.before_call", lambda: others_go_on(world)):
        reread(world)
    assert world.told(transaction)["status"] == "announced"
    world.tell()
    assert world.told(transaction)["status"] == "sent"


def test_a_word_that_came_late_and_was_not_answered_is_put_right(world: World):
    transaction, _ = world.sold_and_approved(world.seller())

    def go_on() -> None:
        others_go_on(world)
        world.flex.fault("truncated_body", match={"path": f"{COMMANDS}/update_metadata"})

    with world.meanwhile("announce.before_call", go_on):
        reread(world)
    world.flex.delete("/_sandbox/faults")
    assert world.told(transaction)["status"] == "announced"
    world.tell()
    assert world.told(transaction)["status"] == "sent"


def test_whoever_stood_still_for_too_long_announces_nothing(world: World, monkeypatch):
    transaction, _ = world.sold_and_approved(world.seller())
    monkeypatch.setattr(telling, "LEASE_S", telling.PATIENCE_S)
    assert reread(world) == 1
    assert world.told(transaction) == {}
    assert "no time left" in SourceCheck.objects.get().error


def test_what_stops_at_an_earlier_gate_costs_no_calls(world: World):
    world.sold_and_approved(world.seller())
    Payout.objects.update(blocked_by="held")
    assert reread(world) == 0


def test_waits_for_what_is_not_understood_yet(world: World):
    world.sold_and_approved(world.seller())
    Source.objects.update(heard=2**40)
    assert reread(world) == 0


def test_reads_profiles_of_payees_that_events_brought(world: World):
    shown = world.flex.post("/_sandbox/users", {"profile": {"displayName": "Ada L"}, "stripeConnected": True})
    world.flex.post(
        "/_sandbox/transactions",
        {"process": "payout-process", "provider": shown["id"], "state": "state/received"},
    )
    world.hear()
    assert profiles.read_profiles(limit=10, now=world.now) == 1
    payee = Source.objects.get().payables.get().payee
    assert payee.name == "Ada L"
    assert payee.stripe_connected
    assert profiles.read_profiles(limit=10, now=world.now) == 0
