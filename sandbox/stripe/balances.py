"""Every account's money: what is available, what is pending, and the balance transactions that made it so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from sandbox.core import World
from sandbox.stripe.currencies import SETTLING, ZERO_DECIMAL
from sandbox.stripe.events import Events
from sandbox.stripe.store import Data, Record, Store

START_MAJOR = 1_000_000
Sums = dict[str, dict[str, int]]
"""Account → currency → smallest units."""
CATEGORIES = {
    "payment": "charge",
    "payment_refund": "refund",
    "payout_failure": "payout_reversal",
    "transfer_refund": "transfer_reversal",
    "adjustment": "other_adjustment",
}
"""Type → reporting category, where the two differ."""


class Balances:
    """Books money in and out; a balance is the sum of its transactions, and the platform's beginning."""

    def __init__(self, *, world: World, store: Store, events: Events, platform: str) -> None:
        self._world = world
        self._store = store
        self._events = events
        self._platform = platform
        self.after_ripening: Callable[[str], None] = lambda account: None
        """What follows when pending money of an account has become available."""
        self.forget()

    def forget(self) -> None:
        """Begin anew: the platform holds a million of each currency in which it settles."""
        self.available: Sums = defaultdict(lambda: defaultdict(int))
        self.pending: Sums = defaultdict(lambda: defaultdict(int))
        for code in SETTLING:
            self.available[self._platform][code] = START_MAJOR * (1 if code in ZERO_DECIMAL else 100)

    def start(self) -> None:
        """Add up what the state file held, and wait for what is still pending."""
        for record in self._store.all("balance_transaction"):
            self._add(record)

    def book(
        self,
        *,
        account: str,
        kind: str,
        currency: str,
        amount: int,
        source: str | None,
        fee: int = 0,
        available_on: int | None = None,
        description: str | None = None,
        category: str | None = None,
    ) -> Record:
        """Book an amount, negative for what goes out; until `available_on` it is pending."""
        now = self._store.now()
        on = max(now, available_on or 0)
        details = [] if not fee else [_stripe_fee(fee, currency)]
        data: Data = {
            "id": self._store.new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": on,
            "balance_type": "payments",
            "created": now,
            "currency": currency,
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": details,
            "net": amount - fee,
            "reporting_category": category or CATEGORIES.get(kind, kind),
            "source": source,
            "status": "pending" if on > now else "available",
            "type": kind,
        }
        record = self._store.add("balance_transaction", account, data, {"payout": None})
        self._add(record)
        return record

    def _add(self, record: Record) -> None:
        data = record.data
        if data["status"] == "available":
            self.available[record.account][data["currency"]] += data["net"]
            return
        self.pending[record.account][data["currency"]] += data["net"]
        self._world.clock.call_at(float(data["available_on"]), lambda: self._ripen(record))

    def _ripen(self, record: Record) -> None:
        """Make pending money available."""
        account, code = record.account, record.data["currency"]
        record.data["status"] = "available"
        self._store.keep(record)
        self.pending[account][code] -= record.data["net"]
        self.available[account][code] += record.data["net"]
        self._events.tell_of(
            "balance.available",
            self.shown(record.account),
            account=record.account,
            references=[record.account],
        )
        self.after_ripening(record.account)

    def set_available(self, currency: str, units: int) -> None:
        """Have the platform hold so much, by an adjustment."""
        difference = units - self.available[self._platform][currency]
        if difference:
            self.book(
                account=self._platform,
                kind="adjustment",
                currency=currency,
                amount=difference,
                source=None,
                description="Steered",
            )

    def shown(self, account: str) -> Data:
        """Show a balance as Stripe does: the account's own currency, and all that hold something."""
        owner = self._store.get(account, "account")
        own = owner.data["default_currency"] if owner is not None else "usd"
        sums = self.available[account], self.pending[account]
        codes = sorted({own, *(code for held in sums for code, units in held.items() if units)})

        def part(held: Mapping[str, int]) -> list[Data]:
            return [
                {"amount": units, "currency": code, "source_types": {"card": units}}
                for code in codes
                for units in [held.get(code, 0)]
            ]

        return {
            "object": "balance",
            "available": part(sums[0]),
            "connect_reserved": [{"amount": 0, "currency": own}],
            "livemode": self._events.livemode,
            "pending": part(sums[1]),
        }


def _stripe_fee(fee: int, currency: str) -> Data:
    return {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
