"""Its acceptance was already its payment: the provider's list is held against it like against any other."""

from __future__ import annotations

from payouts import reconciling
from payouts.models import Payout
from payouts.providers.base import Status
from tests.chaos import tills
from tests.chaos.miniature import Installation
from tests.chaos.scenes import sold


def paid_at_once(world: Installation) -> tills.Till:
    """Anna is paid in the moment of asking; then an hour goes by."""
    sold(world, "anna")
    world.hand_in("paid at once")
    assert Payout.objects.get().state == "paid"
    world.ground.pass_time(hours=1)
    return tills.TILLS["bank"]


def test_its_list_does_not_show_it(miniature: Installation) -> None:
    till = paid_at_once(miniature)
    till.ledger.clear()
    reconciling.reconcile_all(now=miniature.now)
    assert miniature.incidents() == ["missing_debit"]


def test_what_came_back_stands_on_its_list_alone(miniature: Installation) -> None:
    till = paid_at_once(miniature)
    [item] = till.items
    till.forgotten.add(till.taken[0].reference)
    till.turn(item, Status.RETURNED, back=400)
    reconciling.reconcile_all(now=miniature.now)
    miniature.settle()
    assert Payout.objects.get().returned_units == 400
