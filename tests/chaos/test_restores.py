"""A database that forgot what was sent: restored from a dump, taken over by a standby, copied to a test environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from flexsync import identity
from flexsync.restoring import find_strangers
from marketplace_payouts.lib.embedded_postgres import EmbeddedPostgres
from payouts import heartbeats, incarnation, stages
from payouts.models import Hold, Incident, Payout, SourceCheck, State
from payouts.providers import registry
from payouts.restore import after_restore
from tests.chaos import backups
from tests.operations.conftest import Saboteur
from tests.sandbox_services import SandboxService
from tests.stories.world import World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory, superuser_url: str) -> Path:
    """A dump of a database in which nothing happened yet."""
    return backups.dump(superuser_url, tmp_path_factory.mktemp("dumps") / "migrated")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of one's own."""
    with backups.running(tmp_path / "first" / "postgres") as one:
        yield one


@pytest.fixture
def production(server: EmbeddedPostgres, migrated: Path, transactional_db: None) -> Iterator[str]:
    """The production's database, on which this process works."""
    url = backups.load(server, migrated)
    with backups.at(url):
        yield url


@pytest.fixture
def world(production: str, flex_sandbox: SandboxService, paypal_sandbox: SandboxService) -> Iterator[World]:
    """Open for business, and one seller was paid."""
    registry.reset()
    world = World(flex_sandbox, paypal_sandbox)
    world.open_for_business()
    world.paypal.post("/_sandbox/fresh", {"always": True})
    sell(world, "first", 1)
    pay_everything(world)
    yield world
    registry.reset()


def sell(world: World, name: str, count: int) -> None:
    """Have so many new sellers sell something."""
    for n in range(count):
        world.sale(world.seller(f"{name}-{n}@example.com"))


def pay_everything(world: World) -> None:
    """Have everything that was sold approved and paid, and Sharetribe told."""
    world.decide()
    world.approve()
    world.send()
    world.until("paid", seconds=60)
    world.hear_back()


def debits(world: World) -> Counter[str]:
    """How often each destination was paid."""
    return Counter(one["destination"] for one in world.paypal.ledger() if one["kind"] == "debit")


def work(world: World) -> None:
    """Let machines and people do all they can do by themselves."""
    for _ in range(3):
        SourceCheck.objects.update(next_at=None)
        Payout.objects.filter(state=State.APPROVED).update(next_at=world.now)
        world.hear()
        stages.work(seconds=60)
        world.approve()


def is_accepted(world: World, stopped: datetime) -> bool:
    """Be the engineer who says when the lost database ended, as often as the provider's list does not reach there."""
    heartbeats.drop("not accepted")
    told = after_restore(by="an engineer", witness=find_strangers, stopped_at=stopped, now=world.now)
    return told.accepted


def close_incidents(world: World) -> None:
    """Be the people who look at what the lists brought to light, and let the provider go on."""
    for incident in Incident.objects.filter(closed_at__isnull=True):
        world.second("incident_close", {"incident": str(incident.pk), "explanation": "Seen."}, by=world.carol)


def assert_nothing_goes_out_before_and_nothing_twice_after(world: World, *, paid: int) -> None:
    """The database at hand has forgotten; `paid` destinations were paid until then, once each."""
    before = debits(world)
    assert len(before) == before.total() == paid
    work(world)
    assert debits(world) == before, "It was not accepted, and something was sent."

    world.until_true(partial(is_accepted, world, world.now), seconds=30)
    assert debits(world) == before
    work(world)
    close_incidents(world)
    for _ in range(3):
        work(world)
        world.hear_back()
    assert debits(world) == before, "Something was paid twice."
    # Whatever was paid is known to be, or stands before a person.
    silent = Payout.objects.filter(state__in=(State.PENDING, State.AWAITING_APPROVAL, State.APPROVED))
    assert not [
        one
        for one in silent
        if not Hold.objects.filter(lifted_at__isnull=True, payout=one).exists()
        and not Hold.objects.filter(lifted_at__isnull=True, payee=one.payee_id).exists()
        and one.blocked_by == ""
    ]


def test_a_hundred_payouts_after_the_dump(world: World, server: EmbeddedPostgres, tmp_path: Path) -> None:
    sell(world, "approved", 20)
    world.decide()
    world.approve()
    sell(world, "decided", 20)
    world.decide()
    sell(world, "owed", 20)
    world.hear()
    file = backups.dump(backups.url_of(server), tmp_path / "nightly")
    sell(world, "sold-later", 40)
    pay_everything(world)
    assert debits(world).total() == 101

    with backups.at(backups.load(server, file, name="restored")):
        assert not incarnation.is_accepted()
        assert_nothing_goes_out_before_and_nothing_twice_after(world, paid=101)
        # And business goes on.
        sell(world, "new", 1)
        work(world)
        world.until_true(lambda: debits(world)["new-0@example.com"] == 1, seconds=30)


def test_a_standby_that_lacks_the_last_second(world: World, server: EmbeddedPostgres, tmp_path: Path) -> None:
    sell(world, "on-its-way", 10)
    world.decide()
    world.approve()
    world.send()
    sell(world, "approved", 10)
    world.decide()
    world.approve()
    world.reread()
    copy = backups.base_backup(server, tmp_path / "second" / "postgres")
    # The last second: it is sent, and the standby never hears of it.
    world.transmit()
    world.until("paid", seconds=60)
    world.tell()
    backups.crash(server)

    with backups.running(copy) as standby:
        backups.promote(standby)
        with backups.at(standby.url(database=backups.NAME)):
            assert not incarnation.is_accepted()
            assert_nothing_goes_out_before_and_nothing_twice_after(world, paid=21)


def test_a_copy_of_the_production_in_a_test_environment(
    world: World, server: EmbeddedPostgres, tmp_path: Path
) -> None:
    sell(world, "approved", 3)
    world.decide()
    world.approve()
    world.reread()
    # What a production would have written down; here nothing is live.
    Saboteur(backups.url_of(server)).run("UPDATE accounts_marketplace SET environment = 'live'")
    Saboteur(backups.url_of(server)).run("UPDATE payouts_incarnation SET environment = 'live'")
    file = backups.dump(backups.url_of(server), tmp_path / "nightly")

    with backups.at(backups.load(server, file, name="copied")):
        before = debits(world)
        assert before.total() == 1
        for _ in range(2):
            stages.work(seconds=30)
            assert world.transmit() == 0
            assert debits(world) == before
            stopped = world.now
            with pytest.raises(identity.WrongMarketplace, match="live"):
                world.until_true(partial(is_accepted, world, stopped), seconds=30)
    # Not even on the very server: the environment alone makes it another one.
    assert not incarnation.is_accepted()
    assert world.transmit() == 0
