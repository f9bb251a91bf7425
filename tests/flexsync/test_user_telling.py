"""Sharetribe's user says whether its payee can be paid: under our own key, read back, and never for long wrong."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Payee
from flexsync import user_telling, user_words
from flexsync.models import UserTold
from payouts import incarnation, outbox
from payouts.models import Incarnation, OutboxMessage, PayoutMethod
from tests.stories.world import World


def shown(world: World, payee: Payee) -> dict[str, Any]:
    """What the public metadata of the payee's user says, as Sharetribe has it."""
    asked = world.flex.post(f"/_sandbox/users/{payee.flex_user_id}", {})
    found: dict[str, Any] = asked["attributes"]["profile"].get("metadata", {})
    return found


def calls(world: World) -> int:
    """How many writes of a user's profile reached Sharetribe."""
    asked = world.flex.get("/_sandbox/requests?path=/v1/integration_api/users/update_profile&method=POST")
    return len(asked["requests"])


def test_it_is_told_once_a_method_is_there_and_again_when_it_is_not(world: World):
    payee = world.seller(method=False)
    world.tell()
    assert "payoutReady" not in shown(world, payee), "what was never said is taken for false"
    assert calls(world) == 0
    method = world.pay_to(payee, "seller@example.com")
    world.tell()
    assert shown(world, payee)["payoutReady"] is True
    row = UserTold.objects.get()
    assert (row.value["payoutReady"], row.calls, row.error, row.lease_until) == (True, 1, "", None)
    PayoutMethod.objects.filter(pk=method.pk).update(verified_at=None)
    user_telling.stage_news(now=world.now)
    world.tell()
    assert shown(world, payee)["payoutReady"] is False
    assert calls(world) == 2


def test_what_sharetribe_repeated_already_is_not_told_again(world: World):
    payee = world.seller()
    world.tell()
    for _ in range(3):
        OutboxMessage.objects.create(kind="tell_user", subject=payee.pk)
    world.tell()
    assert user_telling.stage_news(now=world.now) == 0
    assert calls(world) == 1


def test_keys_of_others_are_left_alone(world: World):
    payee = world.seller(method=False, profile={"metadata": {"tier": "gold", "nested": {"a": 1}}})
    world.pay_to(payee, "seller@example.com")
    world.tell()
    found = shown(world, payee)
    assert found.pop("payoutReady") is True
    assert {key: found[key] for key in found.keys() - user_words.WORDS.keys()} == {
        "tier": "gold",
        "nested": {"a": 1},
    }


@pytest.mark.parametrize("point", ["user_told.after_claim", "user_told.after_call", "user_told.after_record"])
def test_whoever_dies_over_it_leaves_it_to_the_next(world: World, point: str):
    payee = world.seller(method=False)
    world.pay_to(payee, "seller@example.com")
    OutboxMessage.objects.exclude(kind="tell_user").delete()
    with world.crash_at(point):
        world.tell()
    UserTold.objects.update(lease_until=None)  # its time is over
    world.tell()
    assert shown(world, payee)["payoutReady"] is True
    assert not OutboxMessage.objects.filter(next_at__isnull=False).exists()
    assert UserTold.objects.get().confirmed_at is not None


def test_a_lost_answer_is_asked_for_again(world: World):
    payee = world.seller()
    world.flex.fault("drop_after", match={"path": "users/update_profile"}, times=1)
    world.tell()
    assert shown(world, payee)["payoutReady"] is True
    assert UserTold.objects.get().value["payoutReady"] is True


def test_what_changes_while_it_is_told_is_told_again(world: World):
    payee = world.seller()

    def unverify() -> None:
        PayoutMethod.objects.filter(payee=payee).update(verified_at=None)

    with world.meanwhile("user_told.after_call", unverify):
        world.tell()
    world.tell()
    assert shown(world, payee)["payoutReady"] is False


def test_a_user_whom_sharetribe_does_not_know_is_asked_about_once(world: World):
    payee = world.seller()
    Payee.objects.filter(pk=payee.pk).update(flex_user_id="00000000-0000-4000-8000-00000000dead")
    world.tell()
    assert UserTold.objects.get().refused_at is not None
    assert not OutboxMessage.objects.filter(kind="tell_user", next_at__isnull=False).exists()
    assert user_telling.stage_news(now=world.now) == 0


def test_a_copy_of_the_database_tells_nobody(world: World):
    payee = world.seller()
    incarnation.begin()
    Incarnation.objects.update(table_oid=1)
    OutboxMessage.objects.filter(next_at__isnull=False).update(next_at=world.now)
    outbox.tell(limit=100, now=world.now)
    assert "payoutReady" not in shown(world, payee)
    assert calls(world) == 0


def test_a_refusal_for_the_payees_reason_is_told(world: World):
    payee = world.seller("invalid+bob@example.com")
    world.sale(payee)
    world.decide()
    world.approve()
    world.tell()
    assert shown(world, payee)["payoutReady"] is True
    world.send()
    world.tell()
    assert world.payout().state == "failed"
    assert shown(world, payee)["payoutReady"] is False
    world.pay_to(payee, "bob-himself@example.com")
    world.tell()
    assert shown(world, payee)["payoutReady"] is True
