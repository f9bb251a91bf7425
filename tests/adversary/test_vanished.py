"""The provider debited us, and then knows nothing of it; what people say of it is booked right."""

from __future__ import annotations

import pytest

from payouts.invariants import running
from payouts.models import Payout
from tests.stories.world import World


def vanished(world: World) -> Payout:
    """Unclaimed, so the money is out; and then PayPal does not know the batch any more."""
    _, payout = world.sold_and_approved(world.seller("unclaimed+anna@example.com"))
    world.send()
    world.until_true(lambda: world.attempt(payout).debited)
    world.paypal.fault("error_before", status=404, match={"method": "GET", "path": "/v1/payments/payouts/"})
    world.until("unknown", of=payout)
    return payout


def violated(world: World) -> list[str]:
    return [one.invariant.name for one in running.check(since=None, now=world.now) if one.count]


@pytest.mark.parametrize(("outcome", "state"), [("paid", "paid"), ("not_paid", "failed")])
def test_people_decide(world: World, outcome: str, state: str) -> None:
    payout = vanished(world)
    fields = {"payout": str(payout.pk), "outcome": outcome, "document": "PayPal case 77"}
    world.second("resolve_unknown", fields, by=world.carol)
    payout.refresh_from_db()
    assert payout.state == state
    assert violated(world) == []
    # And the provider remembers: it was never claimed, and the money is still out.
    world.paypal.delete("/_sandbox/faults")
    world.hear_back(rounds=3)
    assert violated(world) == []
    assert world.balance("provider_cash:paypal") < 0
