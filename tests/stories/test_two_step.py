"""A service of two calls that dedupes nothing and can only be asked by our reference: the same engine, paid once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounts.models import Payee
from payouts import intervention
from payouts.models import Attempt, Batch, Hold, Payout, PayoutMethod, Step
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


def test_create_then_fund_then_paid(world: World, service: SandboxService) -> None:
    payout = approved(world)
    world.send()
    assert list(Step.objects.order_by("n").values_list("name", "moves_money")) == [
        ("create", False),
        ("fund", True),
    ]
    world.until("paid", of=payout)
    assert debits(service) == [9_000]
    assert_books_agree(world, service)


def test_each_payout_is_a_batch_of_its_own(world: World, service: SandboxService) -> None:
    for name in ("anna", "bert", "cleo"):
        approved(world, name)
    world.send()
    world.until("paid")
    assert Batch.objects.count() == 3
    assert sorted(debits(service)) == [9_000] * 3
    assert_books_agree(world, service)


@pytest.mark.parametrize("path", [CREATE, FUND])
def test_an_answer_that_was_lost_is_found_by_reference_and_nothing_is_sent_twice(
    world: World, service: SandboxService, path: str
) -> None:
    payout = approved(world)
    service.fault("drop_after", match={"method": "POST", "path": path}, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    world.hear_back(rounds=3)
    payout.refresh_from_db()
    assert payout.state == "unknown"  # its list does not show it yet, which proves nothing
    assert debits(service) == ([9_000] if path == FUND else [])

    let_settle(world, service)
    world.until("paid", of=payout)
    assert debits(service) == [9_000]
    posts = [one for one in service.requests()["requests"] if one["method"] == "POST"]
    assert len(posts) == 2
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


@pytest.mark.parametrize(
    "point", ["send.before_call", "send.after_call", "send.before_result", "send.after_result"]
)
@pytest.mark.parametrize("nth", [1, 2])
def test_the_sender_dies_at_either_step(world: World, service: SandboxService, point: str, nth: int) -> None:
    payout = approved(world)
    world.reread()
    with world.crash_at(point, nth=nth):
        world.transmit()
    world.lease_is_over()
    let_settle(world, service)
    world.until_true(lambda: Payout.objects.get(pk=payout.pk).state in ("paid", "failed", "approved"))
    payout.refresh_from_db()
    if payout.state == "failed":
        # Absence was proven: only people send it again.
        assert debits(service) == []
        intervention.retry(by=world.carol, payout_ids=[payout.pk], reason="Not paid.", now=world.now)
    world.let_pass(minutes=5)
    world.send()
    let_settle(world, service)
    world.until("paid", of=payout)
    assert debits(service) == [9_000]
    assert_books_agree(world, service)


def test_too_little_money_keeps_the_transfer_and_its_key(world: World, service: SandboxService) -> None:
    payout = approved(world)
    service.fault("insufficient_funds", times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    assert Hold.objects.get(lifted_at__isnull=True).rail_id == "provider:two_step"
    assert_books_agree(world, service)
    world.lift_our_holds()
    world.let_pass(minutes=5)
    world.send()
    world.until("paid", of=payout)
    assert debits(service) == [9_000]
    assert_books_agree(world, service)


def test_a_bad_account_is_refused_and_a_bounce_comes_back(world: World, service: SandboxService) -> None:
    bad = approved(world, "bad+anna")
    bounce = approved(world, "bounce+bert")
    world.send()
    world.until("failed", of=bad)
    world.until("returned", of=bounce)
    assert world.open_payables(bounce.payee) == [9_000]
    assert sum(debits(service)) == 18_000
    assert_books_agree(world, service)


def test_it_was_funded_twice_by_somebody_and_that_is_seen(world: World, service: SandboxService) -> None:
    """A second debit under our reference, which no attempt explains, stops the service."""
    from payouts import reconciling

    payout = approved(world)
    world.send()
    world.until("paid", of=payout)
    transfer = Attempt.objects.get().reference
    import requests

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
