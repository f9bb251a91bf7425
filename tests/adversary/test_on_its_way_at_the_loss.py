"""The database went back in time while a request was on its way, and no list can show yet what it will pay."""

from __future__ import annotations

import pytest

from payouts.models import Attempt, Hold, Payout
from tests.chaos import tills
from tests.chaos.miniature import Installation
from tests.chaos.scenes import ends_well, sold


def held(payout: Payout) -> bool:
    return Hold.objects.filter(payout=payout, rule="restore", lifted_at__isnull=True).exists()


def decided_and_sent_again(miniature: Installation) -> Payout:
    """People find out that the first try came to nothing; the second is long on its way."""
    payout = Payout.objects.get()
    assert miniature.resolve(payout)
    miniature.retry(payout)
    miniature.reread()
    miniature.hand_in("taken late")
    return payout


@pytest.mark.parametrize("seller", ["anna", "cleo"])
def test_it_was_announced_and_sent_after_the_backup(miniature: Installation, seller: str) -> None:
    sold(miniature, seller)
    miniature.take_backup()
    miniature.hand_in("taken late")
    miniature.put_back()
    assert miniature.after_restore()
    miniature.reread()
    assert miniature.transmit() == 0
    assert held(Payout.objects.get())
    ends_well(miniature)
    assert sum(len(till.items) for till in miniature.tills) == 1


def test_its_first_try_was_decided_and_it_was_sent_again_after_the_backup(miniature: Installation) -> None:
    sold(miniature, "cleo")
    miniature.hand_in("lost before")
    miniature.take_backup()
    payout = decided_and_sent_again(miniature)
    miniature.put_back()
    assert miniature.after_restore()
    # As they knew before, and the paper is about the first try.
    assert miniature.resolve(Payout.objects.get())
    assert held(payout)
    miniature.retry(payout)
    miniature.reread()
    assert miniature.transmit() == 0
    ends_well(miniature)
    assert len(tills.TILLS["teller"].items) == 1


def test_its_first_try_is_proven_absent_and_it_was_sent_again_after_the_backup(
    miniature: Installation,
) -> None:
    sold(miniature, "cleo")
    miniature.hand_in("lost before")
    miniature.take_backup()
    payout = decided_and_sent_again(miniature)
    miniature.put_back()
    assert miniature.after_restore()
    miniature.ground.pass_time(hours=1)
    miniature.ask()
    assert Attempt.objects.get(payout=payout).state == "absent"
    assert held(payout)
    ends_well(miniature)
    assert len(tills.TILLS["teller"].items) == 1


def test_the_provider_would_take_its_first_try_after_all(miniature: Installation) -> None:
    """It recognises a repeated key; but it never had that one, and has the next."""
    sold(miniature, "anna")
    miniature.hand_in("lost before")
    miniature.take_backup()
    payout = decided_and_sent_again(miniature)
    miniature.put_back()
    assert miniature.after_restore()
    miniature.ask()
    assert held(payout)
    ends_well(miniature)
    assert len(tills.TILLS["bank"].items) == 1


def test_the_backup_was_taken_in_the_middle_of_its_first_try(miniature: Installation) -> None:
    sold(miniature, "anna")
    miniature.hand_in("died before")
    miniature.take_backup()
    miniature.lease_is_over()
    tills.TILLS["bank"].blind = 9
    tills.TILLS["bank"].script.extend(["lost before"] * 3)
    miniature.ask()
    tills.TILLS["bank"].script.clear()
    tills.TILLS["bank"].blind = 0
    payout = decided_and_sent_again(miniature)
    miniature.put_back()
    assert Payout.objects.get().state == "submitting"
    assert miniature.after_restore()
    miniature.ask()
    assert held(payout)
    ends_well(miniature)
    assert len(tills.TILLS["bank"].items) == 1


def test_what_was_approved_and_not_announced_goes_out_by_itself(miniature: Installation) -> None:
    miniature.sale(miniature.payee_called("anna"))
    miniature.until_approved()
    miniature.take_backup()
    miniature.put_back()
    assert miniature.after_restore()
    miniature.send()
    miniature.everything_arrives()
    miniature.hear_back()
    assert Payout.objects.get().state == "paid"
    assert not Hold.objects.exists()
