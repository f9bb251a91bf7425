"""A provider's list is read piece by piece, while everything else goes on: nothing may fall between two pieces."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from accounts.models import Payee
from payouts import reconciling
from payouts.providers import registry
from payouts.providers.base import PayoutProvider, Statement
from tests.stories.world import World


class SlowlyListing:
    """A provider whose list takes so long to be read that everything else goes on meanwhile."""

    def __init__(self, provider: PayoutProvider, meanwhile: Callable[[], object]) -> None:
        self._provider, self._meanwhile = provider, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def statement(self, *, since: datetime, until: datetime) -> Statement:
        found = self._provider.statement(since=since, until=until)
        self._meanwhile()
        return found


def debited(world: World) -> dict[str, Any]:
    """Wait until PayPal paid, without asking it; give its own entry."""
    end = time.monotonic() + 10
    while not world.moved():
        assert time.monotonic() < end
        time.sleep(0.02)
    (debit,) = [entry for entry in world.paypal.ledger() if entry["kind"] == "debit"]
    return debit


def compare(world: World, provider: str) -> None:
    reconciling.reconcile(registry.get(provider), since=None, now=world.now)


def test_a_return_on_the_list_while_the_payment_is_heard(world: World) -> None:
    """That it was paid was read later than the list, and settled sooner: what came back counts all the same."""
    seller: Payee = world.seller()
    _, payout = world.sold_and_approved(seller)
    world.send()
    world.paypal.post("/_sandbox/fresh", {"always": True})
    debit = debited(world)
    world.paypal.post("/_sandbox/return", {"reference": debit["reference"], "units": 2_500})

    def hear() -> None:
        world.ask()
        world.settle()

    slow = cast(PayoutProvider, SlowlyListing(registry.get("paypal"), hear))
    reconciling.reconcile(slow, since=None, now=world.now)
    world.settle()
    compare(world, "paypal")
    world.settle()
    payout.refresh_from_db()
    assert (payout.state, payout.returned_units) == ("paid", 2_500)
    assert [int(row.units) for row in seller.payables.filter(purpose="returned")] == [2_500]
    world.assert_books_agree()
