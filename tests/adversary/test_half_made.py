"""A payment of two steps stands half made, and meanwhile it is not to be made any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.models import Payee
from payouts.models import Payout
from tests.sandbox_services import SandboxService
from tests.stories.world import World


def pay_to(world: World, payee: Payee, account: str) -> None:
    fields = {"payee": str(payee.pk), "provider": "two_step", "checked": "Called the payee."}
    world.second("method_add", fields, secret={"account": account})


def replaced(world: World, transaction: str, payee: Payee) -> None:
    pay_to(world, payee, "bert")


def refunded(world: World, transaction: str, payee: Payee) -> None:
    world.refund(transaction, amount=5_000)
    world.hear()


@pytest.mark.parametrize("happens", [replaced, refunded])
def test_it_is_not_finished(
    world: World, two_step: SandboxService, happens: Callable[[World, str, Payee], None]
) -> None:
    seller = world.seller(method=False)
    pay_to(world, seller, "anna")
    transaction, payout = world.sold_and_approved(seller)
    two_step.fault("drop_after", match={"method": "POST", "path": "/transfers$"}, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    happens(world, transaction, seller)
    for _ in range(3):
        two_step.advance(60)
        world.hear_back()
    assert two_step.ledger() == []
    assert Payout.objects.get(pk=payout.pk).state == "unknown"
    said = {"payout": str(payout.pk), "outcome": "not_paid", "document": "Case 77"}
    world.second("resolve_unknown", said, by=world.carol)
    world.hear_back()
    assert Payout.objects.get(pk=payout.pk).state == "failed"
    assert two_step.ledger() == []
