"""A provider that takes two calls and deduplicates neither goes through the same engine, and never pays twice.

Whatever answer is lost and wherever the sender dies, the next step waits until the provider's own list, which lags,
has told what became of the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db.models import F

from accounts.models import Payee
from payouts import intervention, reconciling, requests, three_books
from payouts.models import Attempt, Batch, Hold, Payable, Payout, PayoutMethod, Request, Step
from payouts.providers import registry
from tests.providers.two_step import running as two_step
from tests.sandbox_services import SandboxService
from tests.stories.books import disagreements
from tests.stories.test_sender_died import POINTS
from tests.stories.world import World

CREATE, FUND = "/transfers$", "/transfers/[^/]+/fund$"
LOST = ["drop_before", "drop_after", "error_before", "error_after"]


@pytest.fixture(scope="module")
def service() -> Iterator[SandboxService]:
    with two_step.running() as running:
        yield running


@pytest.fixture
def two(world: World, service: SandboxService, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxService]:
    """The service, offered beside PayPal."""
    service.reset()
    for name, value in service.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("EXTRA_PROVIDERS", two_step.PROVIDER)
    registry.reset()
    yield service
    registry.reset()


def seller(world: World, account: str = "anna") -> Payee:
    payee = world.seller(f"{account}@example.com", method=False)
    fields = {"payee": str(payee.pk), "provider": "two_step", "checked": "Called the payee."}
    world.second("method_add", fields, secret={"account": account})
    return payee


def moved(two: SandboxService, kind: str = "debit") -> list[int]:
    return [int(entry["units"]) for entry in two.ledger() if entry["kind"] == kind]


def find_out(world: World, two: SandboxService) -> None:
    """Let the provider's list come up to date and ask about what nobody knows the end of."""
    two.advance(10)
    world.lease_is_over()
    world.hear_back()


def paid_once(world: World, two: SandboxService, payout: Payout) -> None:
    """Whatever happened: it ends as paid, one debit left us, and the books agree with the provider's."""
    find_out(world, two)
    payout.refresh_from_db()
    if payout.state == "failed":  # proven absent: a person sends it again
        done = intervention.retry(by=world.bob, payout_ids=[payout.pk], reason="Try again.", now=world.now)
        assert done.done == [payout.number]
    world.let_pass(minutes=2)
    world.send()
    world.until("paid", of=payout)
    assert moved(two) == [9_000]
    agreed(world, two)


def agreed(world: World, two: SandboxService) -> None:
    wrong = disagreements(flex=world.flex, provider=two)
    assert not wrong, "\n".join(wrong)
    world.assert_promises_hold()
    assert [one.opened for one in reconciling.reconcile_all(now=world.now, only="two_step")] == [0]
    assert world.incidents() == []
    assert three_books.check(now=world.now).ok


def steps(payout: Payout) -> list[tuple[str, str]]:
    rows = Step.objects.filter(batch__attempts__payout=payout).order_by("batch__created_at", "n")
    return list(rows.values_list("name", "outcome"))


def test_a_seller_is_paid_in_two_steps(world: World, two: SandboxService) -> None:
    transaction, payout = world.sold_and_approved(seller(world))
    assert world.send() == 1
    assert steps(payout) == [("create", "accepted"), ("fund", "accepted")]
    world.until("paid", of=payout)
    assert moved(two) == [9_000]
    assert world.told(transaction)["status"] == "paid"
    agreed(world, two)


@pytest.mark.parametrize("path", [CREATE, FUND], ids=["create", "fund"])
@pytest.mark.parametrize("kind", LOST)
def test_an_answer_that_is_lost_is_found_out(world: World, two: SandboxService, kind: str, path: str) -> None:
    _, payout = world.sold_and_approved(seller(world))
    two.fault(kind, times=1, match={"path": path})
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    # Nothing is sent again while the provider's list cannot know it yet.
    tried = Batch.objects.get().transmissions
    world.hear_back()
    assert Batch.objects.get().transmissions == tried
    paid_once(world, two, payout)


def test_a_funding_that_is_listed_late_is_not_made_again(world: World, two: SandboxService) -> None:
    _, payout = world.sold_and_approved(seller(world))
    two.fault("slow_funding", times=1)
    two.fault("drop_after", times=1, match={"path": FUND})
    world.send()
    paid_once(world, two, payout)


def lands_late(world: World, two: SandboxService, monkeypatch: pytest.MonkeyPatch) -> Payout:
    """Have a payout approved whose funding will land long after its client gave up, and within the settle time."""
    monkeypatch.setenv("TWO_STEP_PATIENCE_S", "0.2")
    monkeypatch.setenv("TWO_STEP_SETTLE_S", "40")
    registry.reset()
    _, payout = world.sold_and_approved(seller(world))
    two.fault("accept_late", times=1, seconds=30, match={"path": FUND})
    world.reread()
    return payout


def looked_a_minute_ago() -> None:
    """Let whoever sends have stood still for a minute after its last look."""
    Batch.objects.update(last_sent_at=F("last_sent_at") - timedelta(minutes=1))


def it_lands_yet(world: World, two: SandboxService, payout: Payout) -> None:
    world.lease_is_over()
    world.hear_back()
    payout.refresh_from_db()
    assert (payout.state, moved(two)) == ("unknown", []), "The settle time begins when the call is over."
    two.advance(30)
    assert moved(two) == [9_000]
    paid_once(world, two, payout)


def test_what_left_long_after_the_last_look_is_not_absent_yet(
    world: World, two: SandboxService, monkeypatch: pytest.MonkeyPatch
) -> None:
    payout = lands_late(world, two, monkeypatch)
    with world.meanwhile("send.before_call", looked_a_minute_ago, nth=2):
        world.transmit()
    it_lands_yet(world, two, payout)


def test_what_left_right_before_its_sender_died_is_not_absent_yet(
    world: World, two: SandboxService, monkeypatch: pytest.MonkeyPatch
) -> None:
    payout = lands_late(world, two, monkeypatch)
    with world.crash_at("send.after_call", nth=2):
        world.transmit()
    looked_a_minute_ago()
    it_lands_yet(world, two, payout)


def test_an_account_that_does_not_exist_fails(world: World, two: SandboxService) -> None:
    _, payout = world.sold_and_approved(seller(world, "invalid1"))
    world.send()
    payout.refresh_from_db()
    assert (payout.state, steps(payout)) == ("failed", [("create", "refused")])
    assert moved(two) == []
    agreed(world, two)


def test_what_fails_after_its_funding_comes_back(world: World, two: SandboxService) -> None:
    _, payout = world.sold_and_approved(seller(world, "bad+anna"))
    world.send()
    world.until_true(lambda: world.attempt(payout).state in ("refused", "returned"))
    assert (moved(two), moved(two, "return")) == ([9_000], [9_000])
    agreed(world, two)


def test_funds_that_are_short_are_topped_up(world: World, two: SandboxService) -> None:
    _, payout = world.sold_and_approved(seller(world))
    two.post("/_sandbox/funds", {"currency": "EUR", "units": 100})
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    assert Hold.objects.filter(lifted_at=None).count() == 1
    assert world.transmit() == 0

    two.post("/_sandbox/funds", {"currency": "EUR", "units": 100_000})
    world.lift_our_holds()
    world.let_pass(minutes=2)
    world.send()
    paid_once(world, two, payout)


def test_what_bounces_is_owed_again(world: World, two: SandboxService) -> None:
    payee = seller(world, "bounce+anna")
    _, payout = world.sold_and_approved(payee)
    world.send()
    world.until("returned", of=payout)
    assert Payable.objects.get(payee=payee, purpose="returned").units == 9_000
    assert (moved(two), moved(two, "return")) == ([9_000], [9_000])
    agreed(world, two)


@pytest.mark.parametrize("nth", [1, 2], ids=["create", "fund"])
@pytest.mark.parametrize("point", POINTS[2:])
def test_a_sender_that_died_in_either_step_is_taken_over(
    world: World, two: SandboxService, point: str, nth: int
) -> None:
    _, payout = world.sold_and_approved(seller(world))
    world.reread()
    with world.crash_at(point, nth=nth):
        world.transmit()
    # While its lease runs, nobody else touches it.
    before = len(moved(two))
    two.advance(10)
    world.hear_back()
    assert len(moved(two)) == before
    paid_once(world, two, payout)
    assert Attempt.objects.exclude(state__in=("refused", "absent")).count() == 1


def test_methods_of_every_provider_that_is_set_up_are_imported(
    world: World, two: SandboxService, tmp_path: Path
) -> None:
    payee = world.seller(method=False)
    file = tmp_path / "methods.csv"
    file.write_text(f"flex_user_id,provider,account,checked\n{payee.flex_user_id},two_step,anna,by phone\n")
    call_command("import_methods", str(file), "--as", world.alice.email)
    (request,) = Request.objects.filter(act="method_add", state=Request.State.OPEN)
    requests.second(request_id=request.pk, by=world.bob, now=world.now)
    assert PayoutMethod.objects.get(payee=payee).provider == "two_step"
