"""A trigger is switched on while others work by the rules from before: what they understood is looked at again."""

from __future__ import annotations

import threading
from datetime import timedelta

from django.db import connections

from flexsync import interpreter
from payouts import requests
from payouts.models import Payable, Trigger
from tests.stories.world import PROCESS, World


def switched_off(world: World) -> Trigger:
    """Have the process that the sales of the stories run by be without an enabled trigger."""
    for trigger in Trigger.objects.filter(process__name=PROCESS):
        world.second("trigger_change", {"trigger": trigger.pk, "enabled": False})
    return Trigger.objects.get(process__name=PROCESS, transition="transition/mark-received")


def another(world: World) -> Trigger:
    fields = {
        "process": "rentals",
        "transition": "transition/complete",
        "schedule": Trigger.objects.all()[0].schedule_id,
    }
    world.second("trigger_change", {**fields, "enabled": True})
    return Trigger.objects.get(process__name="rentals")


def test_an_earlier_change_that_is_committed_later(world: World) -> None:
    """Two people second two changes; the first one's machine is slow, or its clock is behind."""
    trigger = switched_off(world)
    world.sale(world.seller())
    world.hear()
    assert not Payable.objects.exists()
    asked = world.ask_for("trigger_change", {"trigger": trigger.pk, "enabled": True})
    began = world.now
    another(world)
    world.understand()
    requests.second(request_id=asked.pk, by=world.bob, now=began - timedelta(milliseconds=1))
    world.understand()
    assert Payable.objects.get().units == 9_000


def test_a_change_while_a_transaction_is_understood_by_the_old_rules(world: World) -> None:
    """It is in work when the change is looked for, and put back as understood afterwards."""
    trigger = switched_off(world)
    world.understand()
    world.sale(world.seller())
    asked = world.ask_for("trigger_change", {"trigger": trigger.pk, "enabled": True})

    def switch_on() -> None:
        try:
            requests.second(request_id=asked.pk, by=world.bob, now=world.now)
            interpreter.understand(limit=500, now=world.now)
        finally:
            connections.close_all()

    others = threading.Thread(target=switch_on)

    def meanwhile() -> None:
        others.start()
        others.join(2)

    with world.meanwhile("understand.before_commit", meanwhile):
        world.hear()
    others.join(20)
    world.understand()
    assert Payable.objects.get().units == 9_000
