"""A chain goes through the same engine: signed once, kept before it is sent, and signed anew only with a proof.

The chain is the real runtime. What it moved, judged by its balances, our ledger and Sharetribe agree in the end. The
marketplace sells in SOL, because Sharetribe knows currencies of three letters only; USDC are owed as a bonus.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.models import Payee
from payouts import intervention, reconciling, three_books
from payouts.models import Attempt, Hold, Payout, Posting, Step
from payouts.providers import registry
from tests.providers.solana_world import RENT_OF_A_TOKEN_ACCOUNT, USDC, blocks, only, wallet
from tests.providers.test_solana_landing import OVER
from tests.sandbox_services import SandboxService, running
from tests.stories.books import balances, disagreements
from tests.stories.test_sender_died import POINTS
from tests.stories.world import World

SOL = "SOL"
PRICE, OWED = 10_000_000, 9_000_000


@pytest.fixture(scope="module")
def service() -> Iterator[SandboxService]:
    """A chain as slow as the network's: however busy the machine is, no blockhash is over before a test says so."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANDBOX_SOLANA_BLOCK_MS", "400")
        with running("solana") as service:
            yield service


@pytest.fixture
def chain(world: World, service: SandboxService, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxService]:
    """The chain, offered beside PayPal to a marketplace that sells in SOL and owes USDC, too."""
    service.reset()
    for name, value in service.environment().items():
        monkeypatch.setenv(name, value)
    registry.reset()
    world.deal_in(SOL, places=9, threshold=1_000_000_000)
    world.deal_in(USDC, places=6, threshold=1_000_000_000)
    yield service
    registry.reset()


def ends(world: World, chain: SandboxService, payout: Payout, state: str = "paid") -> None:
    """Let what was sent become final, and hear of it."""
    blocks(chain, 40)
    world.until(state, of=payout)


def seller(world: World, name: str = "anna") -> Payee:
    payee = world.seller(f"{name}@example.com", method=False)
    fields = {"payee": str(payee.pk), "provider": "solana", "checked": "Called the payee."}
    world.second("method_add", fields, secret={"address": str(wallet(name))})
    return payee


def approved(world: World, name: str = "anna") -> tuple[str, Payout]:
    return world.sold_and_approved(seller(world, name), price=PRICE, currency=SOL)


def owed_usdc(world: World, name: str = "anna") -> Payout:
    """Have two people decide about a bonus in USDC, and have its payout approved."""
    payee = seller(world, name)
    fields = {"payee": str(payee.pk), "purpose": "bonus", "currency": USDC, "units": str(OWED)}
    world.second("payable_add", fields)
    world.decide()
    payout = world.payout(payee=payee)
    assert world.approve(payout, by=world.dave).done == [payout.number]
    return payout


def moved(chain: SandboxService, kind: str = "debit") -> list[int]:
    return [int(entry["units"]) for entry in chain.ledger() if entry["kind"] == kind]


def steps(payout: Payout) -> list[tuple[str, str]]:
    rows = Step.objects.filter(batch__attempts__payout=payout).order_by("batch__created_at", "n")
    return list(rows.values_list("name", "outcome"))


def agreed(world: World, chain: SandboxService) -> None:
    blocks(chain, 40)
    wrong = disagreements(flex=world.flex, provider=chain)
    assert not wrong, "\n".join(wrong)
    world.assert_promises_hold()
    assert [one.opened for one in reconciling.reconcile_all(now=world.now, only="solana")] == [0]
    assert world.incidents() == []
    assert three_books.check(now=world.now).ok


def paid_once(world: World, chain: SandboxService, payout: Payout) -> None:
    """Whatever happened: it ends as paid, one debit left us, and all books agree."""
    blocks(chain, OVER)
    world.lease_is_over()
    world.hear_back(rounds=2)
    payout.refresh_from_db()
    if payout.state == "failed":  # proven absent: a person sends it again
        done = intervention.retry(by=world.bob, payout_ids=[payout.pk], reason="Try again.", now=world.now)
        assert done.done == [payout.number]
    world.let_pass(minutes=2)
    world.send()
    ends(world, chain, payout)
    assert moved(chain) == [OWED]
    agreed(world, chain)


def test_a_seller_is_paid_on_chain(world: World, chain: SandboxService) -> None:
    transaction, payout = approved(world)
    assert world.send() == 1
    assert steps(payout) == [("prepare", "accepted"), ("send", "accepted")]
    ends(world, chain, payout)
    [entry] = [one for one in chain.ledger() if one["kind"] == "debit"]
    assert (entry["destination"], entry["units"]) == (str(wallet("anna")), str(OWED))
    assert world.told(transaction)["status"] == "paid"
    [fee] = moved(chain, "fee")
    assert world.balance("fees:solana") == fee
    attempt = world.attempt(payout)
    assert (int(attempt.fee_units or 0), attempt.fee_currency) == (fee, "SOL")
    assert attempt.reference == entry["key"]
    agreed(world, chain)


def test_usdc_arrive_and_their_fee_is_booked_in_sol(world: World, chain: SandboxService) -> None:
    payout = owed_usdc(world)
    world.send()
    ends(world, chain, payout)
    [debit] = [one for one in chain.ledger() if one["kind"] == "debit"]
    assert (debit["currency"], debit["units"], debit["destination"]) == (
        USDC,
        str(OWED),
        str(wallet("anna")),
    )
    [fee] = moved(chain, "fee")
    assert fee > RENT_OF_A_TOKEN_ACCOUNT
    booked = balances()
    assert booked["provider_cash:solana", USDC] == -OWED
    assert booked["provider_cash:solana", SOL] == -fee
    assert booked["fees:solana", SOL] == fee
    agreed(world, chain)


def test_usdc_that_are_frozen_on_the_way_are_the_payees_to_mend(world: World, chain: SandboxService) -> None:
    payout = owed_usdc(world)
    chain.fault("land_late", times=1, value=60)
    world.send()
    chain.post("/_sandbox/freeze", {"address": str(wallet("anna"))})
    blocks(chain, 100)
    ends(world, chain, payout, "failed")
    attempt = world.attempt(payout)
    assert (attempt.refusal_code, attempt.refusal_class) == ("token.0x11", "payee")
    assert moved(chain) == []
    agreed(world, chain)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error_before", "error_after", "html_body"])
def test_an_answer_that_is_lost_is_found_out(world: World, chain: SandboxService, kind: str) -> None:
    _, payout = approved(world)
    chain.fault(kind, times=1, match=only("sendTransaction"))
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    world.hear_back()
    # The very bytes that were kept, sent again or found: one signature, and no second attempt.
    assert len(steps(payout)) == 2
    ends(world, chain, payout)
    assert moved(chain) == [OWED]
    assert Attempt.objects.filter(payout=payout).count() == 1
    agreed(world, chain)


def test_what_was_dropped_is_signed_anew_only_with_the_proof(world: World, chain: SandboxService) -> None:
    _, payout = approved(world)
    chain.fault("drop_transaction", times=1)
    world.send()
    world.hear_back(rounds=2)
    payout.refresh_from_db()
    assert payout.state == "submitted"
    blocks(chain, OVER)
    world.hear_back(rounds=3)
    payout.refresh_from_db()
    assert (payout.state, world.attempt(payout).state) == ("failed", "absent")
    paid_once(world, chain, payout)
    assert len({one.key for one in Step.objects.filter(name="send")}) == 2


def test_a_node_that_lies_about_heights_never_makes_us_pay_twice(world: World, chain: SandboxService) -> None:
    _, payout = approved(world)
    chain.fault("land_late", times=1, value=100)
    world.send()
    chain.fault("height_is_slot")
    world.hear_back(rounds=3)
    payout.refresh_from_db()
    assert payout.state in ("submitted", "unknown")
    assert Attempt.objects.count() == 1
    chain.delete("/_sandbox/faults")
    paid_once(world, chain, payout)
    assert Attempt.objects.count() == 1


def test_a_fork_takes_it_back_and_it_is_paid_once(world: World, chain: SandboxService) -> None:
    _, payout = approved(world)
    world.send()
    blocks(chain, 5)
    world.hear_back()
    payout.refresh_from_db()
    assert payout.state == "submitted"
    chain.post("/_sandbox/rollback", {"signature": world.attempt(payout).reference})
    world.hear_back()
    payout.refresh_from_db()
    assert payout.state == "submitted"
    blocks(chain, OVER)
    world.hear_back(rounds=3)
    paid_once(world, chain, payout)


# Both calls of the two steps; the intent is committed once.
@pytest.mark.parametrize(
    ("point", "nth"), [*((point, 1) for point in POINTS), *((point, 2) for point in POINTS[2:])]
)
def test_a_sender_that_died_anywhere_leaves_one_payment(
    world: World, chain: SandboxService, point: str, nth: int
) -> None:
    _, payout = approved(world)
    world.reread()
    with world.crash_at(point, nth=nth):
        world.transmit()
    # While its lease runs, nobody else touches it.
    before = Step.objects.count()
    world.hear_back()
    assert Step.objects.count() == before
    kept = set(Step.objects.filter(name="send").values_list("key", flat=True))
    world.lease_is_over()
    world.hear_back(rounds=2)
    assert kept <= set(Step.objects.filter(name="send").values_list("key", flat=True))
    paid_once(world, chain, payout)
    assert Attempt.objects.exclude(state__in=("refused", "absent")).count() == 1


def test_funds_that_are_short_are_our_alarm_and_topped_up(world: World, chain: SandboxService) -> None:
    _, payout = approved(world)
    chain.post("/_sandbox/funds", {"currency": SOL, "units": 50_000_000})
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    [hold] = Hold.objects.filter(lifted_at__isnull=True)
    assert "too little SOL" in hold.reason
    chain.post("/_sandbox/funds", {"currency": SOL, "units": 500_000_000})
    world.lift_our_holds()
    world.let_pass(minutes=2)
    world.send()
    ends(world, chain, payout)
    assert Attempt.objects.filter(payout=payout).count() == 1
    assert moved(chain) == [OWED]
    agreed(world, chain)


def test_what_fails_in_a_block_costs_its_fee(world: World, chain: SandboxService) -> None:
    _, payout = approved(world)
    chain.fault("land_late", times=1, value=60)
    world.send()
    chain.post("/_sandbox/funds", {"currency": SOL, "units": OWED})
    blocks(chain, 100)
    ends(world, chain, payout, "failed")
    attempt = world.attempt(payout)
    assert (attempt.refusal_code, attempt.refusal_class) == ("system.0x1", "ours")
    [fee] = moved(chain, "fee")
    assert [(p.kind, int(p.units), p.currency) for p in Posting.objects.filter(kind="fee")] == [
        ("fee", fee, "SOL")
    ]
    assert moved(chain) == []
    agreed(world, chain)


def test_a_signer_that_does_not_answer_is_waited_for(
    world: World, chain: SandboxService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    signs = chain.credentials["signer"]
    script = tmp_path / "broken"
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o700)
    monkeypatch.setenv("SOLANA_SIGNER", f"exec:{script}")
    registry.reset()
    _, payout = approved(world)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    assert steps(payout) == [("prepare", "deferred")]
    monkeypatch.setenv("SOLANA_SIGNER", signs)
    registry.reset()
    world.lift_our_holds()
    world.let_pass(minutes=2)
    world.send()
    ends(world, chain, payout)
    assert moved(chain) == [OWED]
    agreed(world, chain)


def test_no_more_leaves_in_a_day_than_the_settings_allow(
    world: World, chain: SandboxService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLANA_DAILY_LIMIT", "0.01 SOL")
    registry.reset()
    payouts = [approved(world, name)[1] for name in ("anna", "bert")]
    world.send()
    for payout in payouts:
        payout.refresh_from_db()
    assert sorted(payout.state for payout in payouts) == ["approved", "submitted"]
    [waiting] = [payout for payout in payouts if payout.state == "approved"]
    assert waiting.blocked_by == "caps"
    monkeypatch.setenv("SOLANA_DAILY_LIMIT", "0.02 SOL")
    registry.reset()
    world.let_pass(minutes=2)
    world.send()
    blocks(chain, 40)
    world.until("paid")
    assert moved(chain) == [OWED, OWED]


def test_no_more_goes_to_one_address_in_a_day_than_the_settings_allow(
    world: World, chain: SandboxService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOLANA_RECIPIENT_DAILY_LIMIT", "0.01 SOL")
    registry.reset()
    payee = seller(world)
    _, first = world.sold_and_approved(payee, price=PRICE, currency=SOL)
    world.send()
    ends(world, chain, first)
    _, second = world.sold_and_approved(payee, price=PRICE, currency=SOL)
    _, other = approved(world, "bert")
    world.send()
    ends(world, chain, other)
    second.refresh_from_db()
    assert (second.state, second.blocked_by) == ("approved", "caps")
    assert moved(chain) == [OWED, OWED]
