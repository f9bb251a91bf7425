"""Every event is stored once, whoever asks twice, dies, lies or comes late."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connections

from accounts.models import Payee
from flexsync import identity, poller, storing
from flexsync.models import ApiCalls, FlexCursor, FlexEvent
from flexsync.storing import Heard
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.ids import uuid7
from payouts.models import Heartbeat, Source
from tests.stories.world import World


def heard() -> int:
    return FlexEvent.objects.count()


def poll(world: World) -> int:
    return poller.poll(limit_seconds=0, now=world.now)


def test_stores_a_page_and_its_cursor_together(world: World):
    seller = world.seller()
    with world.crash_at("poll.before_commit"):
        world.sale(seller)
        poll(world)
    assert heard() == 0
    assert FlexCursor.objects.get().last_sequence_id == 0
    assert poll(world) == heard() > 0
    assert world.everything_heard()


def test_what_is_stored_is_understood_even_when_the_poller_dies_at_once(world: World):
    seller = world.seller()
    world.sale(seller)
    with world.crash_at("poll.after_commit"):
        poll(world)
    assert Source.objects.get().next_at is not None
    world.understand()
    assert world.open_payables(seller) == [9_000]


def test_pages_through_a_backlog_and_asks_again_soon(world: World):
    world.flex.post("/_sandbox/bulk", {"transactions": 100, "payees": 3, "state": "received"})
    assert poll(world) == heard() == 400
    cursor = FlexCursor.objects.get()
    assert cursor.interval_seconds == settings.POLL_SHORTEST_S
    poll(world)
    cursor.refresh_from_db()
    assert cursor.interval_seconds == 2 * settings.POLL_SHORTEST_S
    calls = dict(ApiCalls.objects.values_list("kind", "calls"))
    assert calls["events/query"] >= 6
    assert calls["marketplace/show"] >= 1
    assert Heartbeat.objects.get(name="poller").detail["cursor"] == cursor.last_sequence_id


def test_two_pollers_store_everything_once(world: World):
    world.flex.post("/_sandbox/bulk", {"transactions": 150, "payees": 3, "state": "received"})
    found: list[int] = []

    def work() -> None:
        try:
            found.append(poll(world))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(found) == heard() == 600
    assert Source.objects.count() == 150


def test_an_event_that_comes_to_light_late_is_found(world: World):
    seller = world.seller()
    world.flex.fault("event_late_visible", seconds=30, times=1)
    world.sale(seller, state="state/pending-payment")
    world.sale(seller, state="state/pending-payment")
    poll(world)
    first = heard()
    world.flex.advance(60)
    world.skew += timedelta(seconds=61)
    assert poll(world) == 1
    assert heard() == first + 1


def test_the_overlap_is_read_to_the_end_and_then_left_alone(world: World):
    world.sale(world.seller())
    poll(world)
    poll(world)
    cursor = FlexCursor.objects.get()
    assert cursor.overlap_at is not None
    world.skew += timedelta(seconds=61)
    poll(world)
    cursor.refresh_from_db()
    settled = cursor.overlap_at
    assert settled is not None
    assert cursor.heard_at is not None
    assert settled >= cursor.heard_at + poller.SETTLED_AFTER
    world.skew += timedelta(seconds=600)
    poll(world)
    cursor.refresh_from_db()
    assert cursor.overlap_at == settled


def test_the_cursor_never_goes_back(world: World, settings):
    settings.POLL_OVERLAP_EVENTS = 5
    world.flex.post("/_sandbox/bulk", {"transactions": 30, "payees": 3, "state": "received"})
    poll(world)
    newest = FlexCursor.objects.get().last_sequence_id
    world.skew += timedelta(seconds=61)
    assert poll(world) == 0
    assert FlexCursor.objects.get().last_sequence_id == newest


def test_the_same_event_twice_on_a_page_is_one_event(world: World):
    world.flex.fault("event_duplicate", times=None)
    seller = world.seller()
    world.sale(seller)
    world.hear()
    assert world.open_payables(seller) == [9_000]
    assert FlexEvent.objects.values("event_id").distinct().count() == heard()


def test_a_refusal_moves_nothing_and_is_shown(world: World):
    world.sale(world.seller())
    poll(world)
    before = FlexCursor.objects.get()
    world.sale(world.seller("other@example.com"))
    world.flex.fault(
        "api_error", value="forbidden", match={"path": "/v1/integration_api/events/query"}, times=None
    )
    assert poll(world) == 0
    after = FlexCursor.objects.get()
    assert after.last_sequence_id == before.last_sequence_id
    assert "may not do this" in after.error
    assert "error" in Heartbeat.objects.get(name="poller").detail
    world.flex.delete("/_sandbox/faults")
    assert poll(world) > 0
    assert FlexCursor.objects.get().error == ""


def test_an_echo_of_our_own_leaves_nothing_to_understand(world: World):
    seller = world.seller()
    transaction, _payout = world.sold_and_approved(seller)
    world.reread()
    source = Source.objects.get(reference=transaction)
    assert poll(world) == 1
    before = source.heard
    source.refresh_from_db()
    assert source.heard == source.understood > before
    assert source.next_at is None


def test_what_staff_write_into_metadata_is_no_echo(world: World):
    seller = world.seller()
    transaction = world.sale(seller)
    world.hear()
    world.flex.post(
        f"/_sandbox/transactions/{transaction}/metadata", {"metadata": {"payout": {"reference": "PO-1"}}}
    )
    poll(world)
    assert Source.objects.get().next_at is not None


def test_a_users_changes_reach_the_payee_and_their_private_data_does_not_reach_us(world: World):
    seller = world.seller()
    path = f"/_sandbox/users/{seller.flex_user_id}"
    world.flex.post(path, {"profile": {"displayName": "New Name", "privateData": {"iban": "SECRET"}}})
    world.flex.post(path, {"stripeConnected": True})
    poll(world)
    seller.refresh_from_db()
    assert seller.name == "New Name"
    assert seller.stripe_connected
    assert not seller.closed
    world.flex.post(path, {"state": "banned"})
    poll(world)
    assert Payee.objects.get(pk=seller.pk).closed
    kept = FlexEvent.objects.filter(event_type="user/updated")
    assert kept.count() == 3
    assert not any(
        "SECRET" in str(payload) or "New Name" in str(payload) for payload in kept.values_list("payload")
    )


def test_older_words_about_a_user_change_nothing(world: World):
    seller = world.seller()
    Payee.objects.update(profile_read_at=utc_now() + timedelta(days=1))
    world.flex.post(f"/_sandbox/users/{seller.flex_user_id}", {"state": "banned"})
    poll(world)
    seller.refresh_from_db()
    assert not seller.closed


@pytest.mark.parametrize("text", ["nul \x00 byte", "half \ud800 pair", "\U0001f600 fine"])
def test_stores_text_that_postgresql_refuses(world: World, text: str):
    marketplace = identity.confirm()
    row = Heard(
        event_id=uuid7(),
        sequence_id=5,
        event_type="transaction/updated",
        resource_id=uuid7(),
        client_id=None,
        payload={"attributes": {"resource": None, "note": text, text: [float("inf"), 1.5]}},
        created_at=world.now,
    )
    assert len(storing.store([row, row], marketplace_id=marketplace.pk, now=world.now)) == 1
    assert storing.store([row], marketplace_id=marketplace.pk, now=world.now) == []


def test_the_number_of_statements_does_not_grow_with_the_page(world: World, django_assert_max_num_queries):
    marketplace = identity.confirm()

    def rows(count: int, first: int) -> list[Heard]:
        return [
            Heard(uuid7(), first + n, "transaction/updated", uuid7(), None, {"attributes": {}}, world.now)
            for n in range(count)
        ]

    with django_assert_max_num_queries(3):
        storing.store(rows(2, 1), marketplace_id=marketplace.pk, now=world.now)
    with django_assert_max_num_queries(3):
        storing.store(rows(100, 10), marketplace_id=marketplace.pk, now=world.now)
    assert heard() == Source.objects.count() == 102


def test_refuses_the_database_of_another_marketplace(world: World, start_sandbox, settings):
    other = start_sandbox("flex")
    for name, value in other.environment().items():
        if hasattr(settings, name):
            setattr(settings, name, value)
    with pytest.raises(identity.WrongMarketplace) as refusal:
        identity.confirm()
    ours, theirs = UUID(world.flex.credentials["marketplace_id"]), UUID(other.credentials["marketplace_id"])
    assert str(ours) in str(refusal.value)
    assert str(theirs) in str(refusal.value)
    assert poll(world) == 0
    assert "marketplace" in Heartbeat.objects.get(name="poller").detail["error"]


def test_refuses_to_mix_live_and_test(world: World, settings):
    settings.ENVIRONMENT = "live"
    with pytest.raises(identity.WrongMarketplace, match="Live and test"):
        identity.confirm()
