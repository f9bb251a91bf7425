"""Requests about rules: processes and the business calendar."""

from __future__ import annotations

import pytest

from accounts.models import Marketplace
from payouts import requests
from payouts.errors import Refused
from payouts.models import Process, Trigger
from tests.stories.conftest import world as world
from tests.stories.world import World


def test_a_new_process_with_its_trigger(world: World) -> None:
    world.second(
        "process_set", {"name": "rental", "cancel_transitions": ["transition/call-off"], "uses_stripe": False}
    )
    process = Process.objects.get(name="rental")
    schedule = Trigger.objects.first().schedule_id  # type: ignore[union-attr]
    world.second(
        "trigger_change",
        {"process": "rental", "transition": "transition/brought-back", "schedule": schedule, "enabled": True},
    )
    assert process.triggers.get().transition == "transition/brought-back"


def test_a_request_that_is_only_made_changes_nothing(world: World) -> None:
    before = Process.objects.count()
    payload = {"process": "unheard-of", "transition": "transition/done", "schedule": 1}
    requests.make(act="trigger_change", by=world.alice, payload=payload, reason="Try.", now=world.now)
    assert Process.objects.count() == before


def test_a_changed_process_has_its_transactions_understood_anew(world: World) -> None:
    seller = world.seller(method=False)
    transaction = world.sale(seller)
    world.flex.post(
        f"/_sandbox/transactions/{transaction}/transition", {"transition": "operator-mark-payout-sent"}
    )
    world.hear()
    assert sum(int(row.units) for row in seller.payables.all()) == 9_000

    process = Process.objects.get(name="payout-process")
    cancelling = [*process.cancel_transitions, "transition/operator-mark-payout-sent"]
    world.second("process_set", {"process": process.pk, "cancel_transitions": cancelling})
    world.hear()
    assert sum(int(row.units) for row in seller.payables.all()) == 0


def test_the_calendar(world: World) -> None:
    world.second(
        "calendar_set",
        {
            "time_zone": "Asia/Ho_Chi_Minh",
            "cut_off_hour": 17,
            "weekend_off": True,
            "days_off": ["2026-12-25"],
        },
    )
    marketplace = Marketplace.objects.get()
    assert (marketplace.time_zone, marketplace.days_off) == ("Asia/Ho_Chi_Minh", ["2026-12-25"])


@pytest.mark.parametrize(
    "wrong", [{"time_zone": "Mars/Olympus"}, {"days_off": ["Christmas"]}, {"cut_off_hour": 25}]
)
def test_refuses_what_is_no_calendar(world: World, wrong: dict[str, object]) -> None:
    with pytest.raises(Refused):
        requests.make(act="calendar_set", by=world.alice, payload=wrong, reason="Try.", now=world.now)
