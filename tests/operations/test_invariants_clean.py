"""On an installation that works, every promise is kept, and asking says so."""

from __future__ import annotations

from payouts.invariants import running
from tests.stories.world import World


def _violated(world: World) -> dict[str, object]:
    asked = running.check(since=None, now=world.now)
    return {one.invariant.name: [(f.subject, f.detail) for f in one.found] for one in asked if one.count}


def test_nothing_is_violated_on_the_way_of_a_payout(world):
    assert _violated(world) == {}
    world.sale(world.seller(), price=10_000)
    world.decide()
    assert _violated(world) == {}
    world.approve()
    assert _violated(world) == {}
    world.send()
    assert _violated(world) == {}
    world.until("paid")
    world.hear_back()
    assert _violated(world) == {}
