"""What Payoneer's side remembers: payees, payments, and what the program holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sandbox.core import World
from sandbox.payoneer.money import program_currency

ACTIVE, PENDING, INACTIVE = "Active", "Pending", "Inactive"
TYPES = {ACTIVE: 1, PENDING: 0, INACTIVE: 99}
START_FUNDS = 1_000_000_00


@dataclass(slots=True)
class Payee:
    """Somebody who registered; `method`: BANK or PREPAID_CARD."""

    id: str
    account_id: str
    registered: float
    status: str = ACTIVE
    method: str = "BANK"
    reason: str = ""
    session: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    country: str = ""


@dataclass(slots=True)
class Payment:
    """One payment. `held`: the balance was reduced for it; `out`: our account counts as debited."""

    reference: str
    id: str
    payee_id: str
    units: int
    currency: str
    description: str
    created: float
    visible: float
    """From when on it is found by its reference."""
    status: str = "Pending"
    loaded: float | None = None
    reason_code: int | None = None
    reason: str | None = None
    held: bool = True
    out: bool = False
    decided: bool = False
    cancelling: bool = False

    def names(self) -> set[str]:
        """Give everything that faults and fates may call it by."""
        return {self.reference, self.id, self.payee_id}


class Books:
    """All of it, each change noted in the state file."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.payees: dict[str, Payee] = {}
        self.payments: dict[str, Payment] = {}
        self.fates: dict[str, str] = {}
        self.currency = program_currency()
        self.balance = START_FUNDS

    def keep_payee(self, payee: Payee) -> None:
        """Note a payee as they are now."""
        self.payees[payee.id] = payee
        self._world.journal.write("payee", asdict(payee))

    def remove_payee(self, payee_id: str) -> None:
        """Forget a payee."""
        del self.payees[payee_id]
        self._world.journal.write("released", payee_id)

    def keep(self, payment: Payment) -> None:
        """Note a payment as it is now, and the balance with it."""
        self.payments[payment.reference] = payment
        self._world.journal.write("payment", asdict(payment))
        self.keep_funds()

    def keep_funds(self) -> None:
        """Note the balance."""
        self._world.journal.write("funds", [self.currency, self.balance])

    def decree(self, name: str, status: str) -> None:
        """Note what shall become of whatever goes by a name."""
        self.fates[name] = status
        self._world.journal.write("fate", [name, status])

    def named(self, name: str) -> list[Payment]:
        """Give the payments that go by a name."""
        return [payment for payment in self.payments.values() if name in payment.names()]

    def fate_of(self, payment: Payment) -> str:
        """Give what was decreed for a payment, or nothing; its reference counts before its payee."""
        names = (payment.reference, payment.id, payment.payee_id)
        return next((self.fates[name] for name in names if name in self.fates), "")

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact from the state file."""
        match kind:
            case "payee":
                self.payees[fact["id"]] = Payee(**fact)
            case "released":
                self.payees.pop(fact, None)
            case "payment":
                self.payments[fact["reference"]] = Payment(**fact)
            case "funds":
                self.currency, self.balance = fact
            case "fate":
                self.fates[fact[0]] = fact[1]
