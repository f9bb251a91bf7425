"""How short stories on a miniature begin and end."""

from __future__ import annotations

from tests.chaos.miniature import Installation


def ends_well(world: Installation) -> None:
    """Let everything come to rest, with every promise kept."""
    keeps_its_promises(world)
    left = world.come_to_rest()
    assert not left, "\n".join(left)
    # What was still on its way arrives.
    world.ground.pass_time(hours=1)
    world.everything_arrives()
    world.hear_back()
    keeps_its_promises(world)


def keeps_its_promises(world: Installation) -> None:
    """Ask all promises."""
    broken = world.promises.broken(now=world.now)
    assert not broken, "\n".join(broken)


def sold(world: Installation, *sellers: str) -> None:
    """Let these sell something, and have it approved and announced."""
    for name in sellers:
        world.sale(world.payee_called(name))
    world.until_approved()
    world.reread()
