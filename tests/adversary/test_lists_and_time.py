"""A provider's list is read piece by piece, while everything else goes on: nothing may fall between two pieces."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, cast

import requests

from accounts.models import Payee
from payouts import reconciling
from payouts.models import Attempt, Payout
from payouts.providers import registry
from payouts.providers.base import PayoutProvider, Statement
from tests.sandbox_services import SandboxService
from tests.stories.world import CREATE, World


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


def paid_by_two_steps(world: World) -> Payout:
    seller = world.seller(method=False)
    fields = {"payee": str(seller.pk), "provider": "two_step", "checked": "Called the payee."}
    world.second("method_add", fields, secret={"account": "anna"})
    _, payout = world.sold_and_approved(seller)
    world.send()
    world.until("paid", of=payout)
    return payout


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


def test_a_second_debit_days_after_the_first(world: World, two_step: SandboxService) -> None:
    """Each of the two stands alone in what is read of the list on its day."""
    paid_by_two_steps(world)
    for _ in range(3):
        world.let_pass(days=1)
        two_step.advance(86_400)
        compare(world, "two_step")
    assert world.incidents() == []
    requests.post(
        f"{two_step.url}/transfers/{Attempt.objects.get().reference}/fund",
        json={"from": "balance"},
        headers={"Authorization": f"Bearer {two_step.credentials['token']}"},
        timeout=10,
    )
    world.let_pass(days=1)
    two_step.advance(86_400)
    compare(world, "two_step")
    assert world.incidents() == ["second_payment"]
    assert world.balance("suspense:two_step") == 9_000
    compare(world, "two_step")
    assert world.balance("suspense:two_step") == 9_000


def test_what_people_called_paid_days_after_its_sending(world: World) -> None:
    """The list goes on without it, and would have had to show it on a day that was compared before."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_before", match={"method": "POST", "path": CREATE})
    world.send()
    for _ in range(3):
        world.let_pass(days=1)
        compare(world, "paypal")
    said = {"payout": str(payout.pk), "outcome": "paid", "document": "PayPal case 77"}
    world.second("resolve_unknown", said, by=world.carol)
    for _ in range(9):
        world.let_pass(days=1)
        compare(world, "paypal")
    assert world.moved() == {}
    assert world.incidents() == ["missing_debit"]


def test_what_was_listed_before_it_was_heard_is_not_missing(world: World, two_step: SandboxService) -> None:
    """We hear of it days later; the list showed it when it happened."""
    payout = paid_by_two_steps(world)
    Attempt.objects.update(closed_at=world.now + timedelta(days=3))
    for _ in range(6):
        world.let_pass(days=1)
        two_step.advance(86_400)
        compare(world, "two_step")
    assert world.incidents() == []
    payout.refresh_from_db()
    assert payout.state == "paid"


def test_what_failed_after_it_was_debited_is_even(world: World) -> None:
    """The list shows the debit and its coming back; neither is news to books in which nothing is out."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    _, payout = world.sold_and_approved(world.seller("onhold+anna@example.com"))
    world.send()
    world.until_true(lambda: world.attempt(payout).debited)
    world.paypal.post("/_sandbox/fate", {"reference": world.attempt(payout).key, "status": "FAILED"})
    world.until("failed", of=payout)
    assert world.moved() == world.moved("return") == {"EUR": 9_000}
    world.let_pass(minutes=5)
    compare(world, "paypal")
    world.settle()
    assert world.incidents() == []
    world.assert_promises_hold()
    assert world.balance("in_transit:paypal") == 0


def test_what_failed_after_it_was_debited_is_even_before_we_hear_of_it(world: World) -> None:
    """What came back of a payment under way is no return yet: the payment may have failed."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    _, payout = world.sold_and_approved(world.seller("onhold+anna@example.com"))
    world.send()
    world.until_true(lambda: world.attempt(payout).debited)
    world.paypal.post("/_sandbox/fate", {"reference": world.attempt(payout).key, "status": "FAILED"})
    world.let_pass(minutes=5)
    compare(world, "paypal")
    world.until("failed", of=payout)
    compare(world, "paypal")
    world.settle()
    assert world.moved("return") == {"EUR": 9_000}
    assert world.incidents() == []
    world.assert_promises_hold()
    assert world.balance("in_transit:paypal") == 0
