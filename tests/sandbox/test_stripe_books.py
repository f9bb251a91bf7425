"""Whatever happens in whatever order: no money appears, none is lost, and the ledger knows what moved."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.sandbox.stripe_api import available, paid, seller, stripe
from tests.sandbox_services import SandboxService

STEPS = 120


class Market:
    """A marketplace in which anything may happen next."""

    def __init__(self, service: SandboxService, seed: int) -> None:
        self.service = service
        self.rng = random.Random(seed)
        self.sellers = [seller(service, email=f"{name}@example.com").id for name in ("anna", "returned+ben")]
        self.start = available()
        self.transfers: list[Any] = []
        self.payments: list[Any] = []

    def step(self) -> None:
        """Have something happen; what Stripe refuses has not happened."""
        acts: tuple[Callable[[], object], ...] = (
            self.send, self.send, self.pass_on, self.take_back, self.pay, self.refund, self.dispute, self.wait,
            self.mend, self.bounce,
        )  # fmt: skip
        with suppress(stripe.InvalidRequestError):
            self.rng.choice(acts)()

    def send(self) -> None:
        wanted = {"amount": self.rng.randint(1, 5000), "currency": "eur"}
        self.transfers.append(stripe.Transfer.create(destination=self.rng.choice(self.sellers), **wanted))

    def pass_on(self) -> None:
        charge = self.rng.choice(self.payments).latest_charge if self.payments else None
        wanted = {"amount": self.rng.randint(1, 5000), "currency": "eur", "source_transaction": charge}
        self.transfers.append(stripe.Transfer.create(destination=self.rng.choice(self.sellers), **wanted))

    def take_back(self) -> None:
        if self.transfers:
            transfer = self.rng.choice(self.transfers)
            stripe.Transfer.create_reversal(transfer.id, amount=self.rng.randint(1, transfer.amount))

    def pay(self) -> None:
        card = self.rng.choice(["pm_card_visa", "pm_card_bypassPending"])
        self.payments.append(paid(self.rng.randint(50, 9000), card=card))

    def refund(self) -> None:
        if self.payments:
            stripe.Refund.create(
                payment_intent=self.rng.choice(self.payments).id, amount=self.rng.randint(1, 900)
            )

    def dispute(self) -> None:
        if self.payments:
            status = self.rng.choice(["disputed", "dispute_won", "dispute_lost"])
            reference = self.rng.choice(self.payments).id
            self.service.post("/_sandbox/fate", {"reference": reference, "status": status})

    def wait(self) -> None:
        self.service.advance(self.rng.choice([300, 700, 100_000]))

    def mend(self) -> None:
        stripe.Account.create_external_account(
            self.rng.choice(self.sellers), external_account="btok_us_verified"
        )

    def bounce(self) -> None:
        for payout in stripe.Payout.list(stripe_account=self.rng.choice(self.sellers), limit=1).data:
            self.service.post("/_sandbox/fate", {"reference": payout.id, "status": "failed"})


def entries(account: str | None = None) -> list[Any]:
    options = {"stripe_account": account} if account else {}
    return list(stripe.BalanceTransaction.list(limit=100, **options).auto_paging_iter())


def held(account: str | None = None) -> int:
    balance = stripe.Balance.retrieve(stripe_account=account) if account else stripe.Balance.retrieve()
    return sum(part.amount for part in [*balance.available, *balance.pending] if part.currency == "eur")


@pytest.mark.parametrize("seed", range(3))
def test_no_money_appears_and_none_is_lost(patient_stripe: SandboxService, seed: int):
    market = Market(patient_stripe, seed)
    for _ in range(STEPS):
        market.step()
    assert len(market.transfers) > 15
    assert market.start + sum(entry.net for entry in entries()) == held()
    paid_out: dict[str, int] = defaultdict(int)
    for account in market.sellers:
        theirs = entries(account)
        assert sum(entry.net for entry in theirs) == held(account)
        assert all(entry.status == "available" for entry in theirs if entry.available_on <= entry.created)
        for payout in stripe.Payout.list(stripe_account=account, limit=100).auto_paging_iter():
            made_of = stripe.BalanceTransaction.list(payout=payout.id, stripe_account=account, limit=100)
            assert sum(entry.net for entry in made_of.auto_paging_iter()) == 0
            paid_out[payout.status] += payout.amount
    transfers = [stripe.Transfer.retrieve(one.id) for one in market.transfers]
    moved = dict.fromkeys(("debit", "return"), 0)
    for entry in patient_stripe.ledger():
        moved[entry["kind"]] += int(entry["units"])
    assert moved["debit"] == sum(one.amount for one in transfers)
    assert moved["return"] == sum(one.amount_reversed for one in transfers)
    # What the sellers were given is with them, or on its way to their banks, or there.
    with_banks = sum(units for status, units in paid_out.items() if status not in ("failed", "canceled"))
    assert moved["debit"] - moved["return"] == with_banks + sum(held(account) for account in market.sellers)
