"""A provider that gives no list of movements: after a restore nothing but the announcements tells what it has paid."""

from __future__ import annotations

import time

from flexsync.restoring import find_strangers
from payouts import holding, reconciling
from payouts.models import Batch, Hold, Payout
from payouts.restore import after_restore
from tests.sandbox_services import SandboxService
from tests.stories import test_payoneer as story
from tests.stories.test_another_database import become_another
from tests.stories.test_payoneer import payoneer  # noqa: F401 - a fixture
from tests.stories.world import World


def restored(world: World) -> list[str]:
    """Let another database be accepted after it heard all witnesses; gives what was found, in sentences."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    become_another("timeline")
    for _ in range(20):
        told = after_restore(by="an engineer", witness=find_strangers, stopped_at=None, now=world.now)
        if told.accepted:
            return told.sentences
        time.sleep(0.2)  # PayPal's list ends with the last whole second
    raise AssertionError(told.sentences)


def held(payout: Payout) -> list[str]:
    return list(Hold.objects.filter(payout=payout, lifted_at=None).values_list("reason", flat=True))


def bonus(world: World, payoneer_: SandboxService, name: str) -> Payout:
    payee = story.seller(world, payoneer_, name)
    fields = {"payee": str(payee.pk), "purpose": "bonus", "units": "500", "currency": "USD"}
    world.second("payable_add", fields)
    world.decide()
    world.approve()
    return Payout.objects.get(payee=payee)


def test_what_nothing_bears_witness_of_is_held_for_a_person(
    world: World,
    payoneer: SandboxService,  # noqa: F811
) -> None:
    given = bonus(world, payoneer, "bonus")
    [announced] = story.sold(world, payoneer, "announced")
    world.reread()
    [quiet] = story.sold(world, payoneer, "quiet")
    waiting = story.seller(world, payoneer, "waiting")
    fields = {"payee": str(waiting.pk), "purpose": "bonus", "units": "500", "currency": "USD"}
    world.second("payable_add", fields)

    sentences = restored(world)
    assert any(one.startswith("payoneer: it gives no list") for one in sentences)
    assert [len(held(one)) for one in (given, announced, quiet)] == [1, 1, 0]
    assert "gives no list" in held(given)[0]
    assert "announced in Sharetribe" in held(announced)[0]
    # A payout of what is not gathered here may have been made, and paid, in the time that was lost.
    assert Hold.objects.filter(payee=waiting, rule=holding.RESTORED, lifted_at=None).count() == 1
    assert not Hold.objects.filter(payee=quiet.payee).exists()


def test_what_was_being_sent_is_asked_about_and_not_sent_again(
    world: World,
    payoneer: SandboxService,  # noqa: F811
) -> None:
    [payout] = story.sold(world, payoneer)
    world.reread()
    # The backup was made between the intent and its answer.
    with world.crash_at("send.before_result"):
        world.transmit()
    restored(world)
    assert Batch.objects.get().state == "unknown"
    assert world.send() == 0
    world.until("paid", of=payout)
    assert len(story.submissions(payoneer)) == 1
    assert story.moved(payoneer) == [9_000]


def test_there_is_nothing_to_compare(world: World, payoneer: SandboxService) -> None:  # noqa: F811
    [payout] = story.sold(world, payoneer)
    world.send()
    assert [one.provider for one in reconciling.reconcile_all(now=world.now)] == ["paypal"]
    assert reconciling.reconcile_all(now=world.now, only="payoneer") == []
    world.until("paid", of=payout)
