"""Another service beside PayPal, which dedupes nothing: what people decide about it, and what nobody ordered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from accounts.models import Payee
from payouts import intervention, reconciling
from payouts.models import Attempt, Batch, Payout, PayoutMethod
from payouts.providers import registry
from tests.providers.two_step.running import PROVIDER, running
from tests.sandbox_services import SandboxService
from tests.stories.books import disagreements
from tests.stories.world import World

CREATE, FUND = "/transfers$", "/transfers/.*/fund"


@pytest.fixture(scope="session")
def _service_process() -> Iterator[SandboxService]:
    with running() as service:
        yield service


@pytest.fixture
def service(
    world: World, _service_process: SandboxService, monkeypatch: pytest.MonkeyPatch
) -> SandboxService:
    """The service, in which nothing happened yet; the product is set up for it."""
    _service_process.reset()
    monkeypatch.setenv("EXTRA_PROVIDERS", PROVIDER)
    for name, value in _service_process.environment().items():
        monkeypatch.setenv(name, value)
    registry.reset()
    return _service_process


def pay_to(world: World, payee: Payee, account: str) -> PayoutMethod:
    """Have the payee paid through the service."""
    fields = {"payee": str(payee.pk), "provider": "two_step", "checked": "Called the payee."}
    world.second("method_add", fields, secret={"account": account})
    return PayoutMethod.objects.get(payee=payee, retired_at__isnull=True)


def approved(world: World, account: str = "anna") -> Payout:
    """Let somebody sell something and have it approved."""
    seller = world.seller(f"{account.replace('+', '-')}@example.com", method=False)
    pay_to(world, seller, account)
    return world.sold_and_approved(seller)[1]


def debits(service: SandboxService) -> list[int]:
    """What left, payment by payment."""
    return [int(entry["units"]) for entry in service.ledger() if entry["kind"] == "debit"]


def assert_books_agree(world: World, service: SandboxService, *, suspense: int = 0) -> None:
    """The service's ledger, ours, and Sharetribe agree."""
    wrong = disagreements(flex=world.flex, provider=service, suspense=suspense)
    assert not wrong, "\n".join(wrong)
    world.assert_promises_hold()


def let_settle(world: World, service: SandboxService) -> None:
    """Let its list become true, and our clocks agree that it did."""
    service.advance(10)


def test_each_payout_is_a_batch_of_its_own(world: World, service: SandboxService) -> None:
    for name in ("anna", "bert", "cleo"):
        approved(world, name)
    world.send()
    world.until("paid")
    assert Batch.objects.count() == 3
    assert sorted(debits(service)) == [9_000] * 3
    assert_books_agree(world, service)


@pytest.mark.parametrize("path", [CREATE, FUND])
def test_a_call_that_never_arrived_is_proven_absent_and_not_repeated_blindly(
    world: World, service: SandboxService, path: str
) -> None:
    payout = approved(world)
    service.fault("drop_before", match={"method": "POST", "path": path}, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    let_settle(world, service)
    world.until("failed", of=payout)
    assert world.attempt(payout).state == "absent"
    assert debits(service) == []
    assert_books_agree(world, service)

    intervention.retry(by=world.carol, payout_ids=[payout.pk], reason="It was not paid.", now=world.now)
    world.send()
    world.until("paid", of=payout)
    assert debits(service) == [9_000]
    assert_books_agree(world, service)


def test_it_was_funded_twice_by_somebody_and_that_is_seen(world: World, service: SandboxService) -> None:
    """A second debit under our reference, which no attempt explains, stops the service."""
    payout = approved(world)
    world.send()
    world.until("paid", of=payout)
    transfer = Attempt.objects.get().reference
    token = service.credentials["token"]
    requests.post(
        f"{service.url}/transfers/{transfer}/fund",
        json={"from": "balance"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    world.let_pass(days=1)
    service.advance(86_400)
    reconciling.reconcile(registry.get("two_step"), since=None, now=world.now)
    assert world.incidents() == ["second_payment"]
    assert world.balance("suspense:two_step") == 9_000


def test_people_resolve_it_and_the_transfer_that_waits_is_never_funded(
    world: World, service: SandboxService
) -> None:
    """Created, its answer lost; people say it was not paid, and it goes out anew: the old one must not follow."""
    payout = approved(world)
    service.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    fields = {"payout": str(payout.pk), "outcome": "not_paid", "document": "Their list of today"}
    world.second("resolve_unknown", fields, by=world.carol)
    intervention.retry(by=world.carol, payout_ids=[payout.pk], reason="Again.", now=world.now)
    world.send()
    world.until("paid", of=payout)
    let_settle(world, service)
    world.hear_back(rounds=4)
    assert debits(service) == [9_000]
    assert_books_agree(world, service)


def test_two_ways_to_be_paid_side_by_side(world: World, service: SandboxService) -> None:
    approved(world)
    world.sold_and_approved(world.seller("bert@example.com"))
    world.send()
    world.until("paid")
    assert debits(service) == [9_000]
    assert world.moved() == {"EUR": 9_000}
    assert_books_agree(world, service)
    world.assert_books_agree()
