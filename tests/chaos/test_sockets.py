"""No socket opens while a transaction is open: the hook that refuses it is on everywhere, and no stage needs it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.conf import settings
from django.db import connections, transaction

from flexsync import replaying
from marketplace_payouts.lib import crash_points
from marketplace_payouts.lib.http import HttpClient
from payouts import intervention, mending, reconciling, webhooks
from payouts.models import Payout, Source, State
from payouts.providers.base import Status
from tests import network
from tests.chaos import scenes, tills
from tests.chaos.forks import Child, Tell
from tests.chaos.miniature import Installation

OUTSIDE = ("before_call", "after_call")
INSIDE = ("before_commit", "before_intent", "before_result", "before_claim", "before_learning", "before_note")


@pytest.fixture
def world(miniature: Installation) -> Installation:
    """An installation in which nothing happened yet."""
    return miniature


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """Somewhere a socket could lead."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def is_refused(address: tuple[str, int]) -> bool:
    try:
        with closing(socket.create_connection(address)):
            return False
    except network.SocketRefused:
        network.refused.clear()
        return True


@pytest.mark.parametrize("way", ["connect", "connect_ex", "sendto"])
def test_every_way_to_the_world_is_guarded(way: str) -> None:
    assert getattr(socket.socket, way).__module__ == network.__name__


def test_it_refuses_in_a_transaction_and_nowhere_else(world: Installation, address: tuple[str, int]) -> None:
    assert not is_refused(address)
    with transaction.atomic():
        assert is_refused(address)
        with transaction.atomic():
            assert is_refused(address)
    assert not is_refused(address)


def test_it_refuses_what_goes_to_a_service_of_this_process(world: Installation) -> None:
    client = HttpClient(base_url=world.flex.url, allow_loopback_http=True)
    assert client.request("GET", "/").status == 404
    with transaction.atomic(), pytest.raises(network.SocketRefused, match="while a transaction was open"):
        client.request("GET", "/")
    network.refused.clear()


def test_a_forked_child_is_guarded_too(world: Installation, address: tuple[str, int]) -> None:
    connections.close_all()

    def work(_tell: Tell) -> list[bool]:
        outside = is_refused(address)
        with transaction.atomic():
            return [outside, is_refused(address)]

    ended = Child(work).end(within_s=30)
    assert (ended.error, ended.value) == ("", [False, True])


def test_no_stage_calls_the_world_in_a_transaction(world: Installation, address: tuple[str, int]) -> None:
    """At every crash point of a whole story: around a call a socket may open, before a commit it must not."""
    seen: dict[str, bool] = {}

    def hook(name: str) -> None:
        if name not in seen:
            seen[name] = is_refused(address)

    scenes.sold(world, "anna", "bea", "cleo")
    world.take_backup()
    world.put_back()
    crash_points.install(hook)
    try:
        _everything(world)
    finally:
        crash_points.install(None)
    assert world.come_to_rest() == []
    wrong = [f"{n} may not call" for n, refused in seen.items() if n.endswith(OUTSIDE) and refused]
    wrong += [
        f"{n} is in no transaction" for n, refused in seen.items() if n.endswith(INSIDE) and not refused
    ]
    assert not wrong
    begun = {name.partition(".")[0] for name in seen}
    # Stripe is off here: tests/payments has its stages die at each point. Nobody subscribes either.
    stages = set(settings.STAGES) - {"stripe", "people", "sellers", "first_listings", "deliver"}
    assert stages <= begun, f"the story never came to {stages - begun}"


def _everything(world: Installation) -> None:
    """Go through every stage, and what is done now and then."""
    world.after_restore()
    world.sale(world.payee_called("anna"))
    world.until_sent("lost after", "accepted")
    world.lease_is_over()
    world.ask()
    batch = next(iter(tills.TILLS["bank"].taken))
    world.webhook("bank", event_id="1", batch_reference=batch.reference, batch_key=batch.key)
    webhooks.work_off(limit=10, now=world.now)
    for item in world.paid_items:
        tills.TILLS["bank"].turn(item, Status.AWAITING_PAYEE)
    world.hear_back(rounds=2)
    ids = list(Payout.objects.values_list("pk", flat=True))
    intervention.cancel(by=world.bob, payout_ids=ids, reason="Unclaimed.", now=world.now)
    world.hear_back(rounds=2)
    _another_method(world)
    reconciling.reconcile_all(now=world.now)
    replaying.replay(source_id=Source.objects.earliest("created_at").pk, now=world.now)


def _another_method(world: Installation) -> None:
    """Have somebody say that they want the money elsewhere while it is being sent, and fails."""
    bea = world.payee_called("bea")
    world.buyer(world.sale(bea), "succeeded", 10_000)
    world.until_approved()
    world.reread()
    world.transmit()
    payout = Payout.objects.filter(payee=bea, state=State.SUBMITTED).latest("created_at")
    world.paid_through(bea, payout.provider, "bea-2")
    item = next(item for item in world.paid_items if item.key == payout.attempts.latest("n").key)
    tills.TILLS[payout.provider].turn(item, Status.FAILED)
    world.hear_back(rounds=2)
    mending.mend(limit=10, now=world.now)
