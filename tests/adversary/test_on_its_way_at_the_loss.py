"""The database went back in time while a request was on its way, and no list can show yet what it will pay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from payouts.models import Attempt, Hold, Payout
from tests.chaos import tills
from tests.chaos.miniature import Ground, Installation, ground
from tests.chaos.proofs import ends_well, sold


@pytest.fixture(scope="module")
def place(django_db_blocker: DjangoDbBlocker) -> Iterator[Ground]:
    with django_db_blocker.unblock(), ground() as made:
        yield made


@pytest.fixture
def world(place: Ground) -> Iterator[Installation]:
    world = place.restart()
    yield world
    world.leave()


def held(payout: Payout) -> bool:
    return Hold.objects.filter(payout=payout, rule="restore", lifted_at__isnull=True).exists()


@pytest.mark.parametrize("seller", ["anna", "cleo"])
def test_it_was_announced_and_sent_after_the_backup(world: Installation, seller: str) -> None:
    sold(world, seller)
    world.take_backup()
    world.hand_in("taken late")
    world.put_back()
    assert world.after_restore()
    world.reread()
    assert world.transmit() == 0
    assert held(Payout.objects.get())
    ends_well(world)
    assert sum(len(till.items) for till in world.tills) == 1


def test_its_first_try_was_decided_and_it_was_sent_again_after_the_backup(world: Installation) -> None:
    sold(world, "cleo")
    world.hand_in("lost before")
    world.take_backup()
    payout = Payout.objects.get()
    assert world.resolve(payout)
    world.retry(payout)
    world.reread()
    world.hand_in("taken late")
    world.put_back()
    assert world.after_restore()
    # As they knew before, and the paper is about the first try.
    assert world.resolve(Payout.objects.get())
    assert held(payout)
    world.retry(payout)
    world.reread()
    assert world.transmit() == 0
    ends_well(world)
    assert len(tills.TILLS["teller"].items) == 1


def test_its_first_try_is_proven_absent_and_it_was_sent_again_after_the_backup(world: Installation) -> None:
    sold(world, "cleo")
    world.hand_in("lost before")
    world.take_backup()
    payout = Payout.objects.get()
    assert world.resolve(payout)
    world.retry(payout)
    world.reread()
    world.hand_in("taken late")
    world.put_back()
    assert world.after_restore()
    world.ground.pass_time(hours=1)
    world.ask()
    assert Attempt.objects.get(payout=payout).state == "absent"
    assert held(payout)
    ends_well(world)
    assert len(tills.TILLS["teller"].items) == 1


def test_what_was_approved_and_not_announced_goes_out_by_itself(world: Installation) -> None:
    world.sale(world.payee_called("anna"))
    world.until_approved()
    world.take_backup()
    world.put_back()
    assert world.after_restore()
    world.send()
    world.everything_arrives()
    world.hear_back()
    assert Payout.objects.get().state == "paid"
    assert not Hold.objects.exists()
