"""What every part of Stripe stands on."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.core import World
from sandbox.stripe.balances import Balances
from sandbox.stripe.events import Events
from sandbox.stripe.fates import Fates
from sandbox.stripe.listing import Lists
from sandbox.stripe.settings import Settings
from sandbox.stripe.showing import Shows
from sandbox.stripe.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """All of it. `platform`: the id of our own account."""

    world: World
    settings: Settings
    store: Store
    shows: Shows
    lists: Lists
    events: Events
    balances: Balances
    fates: Fates
    platform: str


class Part:
    """A part of Stripe."""

    def __init__(self, ground: Ground) -> None:
        self._world = ground.world
        self._settings = ground.settings
        self._store = ground.store
        self._shows = ground.shows
        self._lists = ground.lists
        self._events = ground.events
        self._balances = ground.balances
        self._fates = ground.fates
        self._platform = ground.platform


def ground_of(world: World) -> Ground:
    """Lay the ground: nothing has happened yet."""
    settings, store = Settings(), Store(world)
    settings.forget()
    platform = world.credential("account", lambda: store.new_id("acct", 16))
    shows = Shows(store)
    events = Events(world=world, store=store, shows=shows, settings=settings, platform=platform)
    return Ground(
        world=world,
        settings=settings,
        store=store,
        shows=shows,
        lists=Lists(world=world, store=store, shows=shows),
        events=events,
        balances=Balances(world=world, store=store, events=events, platform=platform),
        fates=Fates(world),
        platform=platform,
    )
