"""The life of a transfer after it was funded: converted, sent, perhaps bounced, and what comes back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sandbox.core import Fault
from sandbox.wise.books import CANCELLED, WAITING, Books, Transfer
from sandbox.wise.problems import Problem
from sandbox.wise.views import instant

if TYPE_CHECKING:
    from sandbox.wise.notifications import Notifications

SENT, BOUNCED, REFUNDED = "outgoing_payment_sent", "bounced_back", "funds_refunded"
HAPPY = ("processing", "funds_converted", SENT)
STATES = frozenset(
    {*HAPPY, BOUNCED, REFUNDED, CANCELLED, "charged_back", "waiting_recipient_input_to_proceed", "unknown"}
)
BEFORE = {
    "processing": (WAITING, "incoming_payment_initiated"),
    "funds_converted": ("processing",),
    SENT: ("funds_converted",),
    BOUNCED: (SENT,),
    REFUNDED: (BOUNCED,),
}
"""From which states Wise's own simulation leads to each."""
UNFUNDED_LIFE_S = 14 * 86_400.0
FATES = {
    "Bouncy": (*HAPPY, BOUNCED, REFUNDED),
    "Partly": (*HAPPY, BOUNCED, REFUNDED),
    "Resent": (*HAPPY, BOUNCED, "processing", SENT),
    "Held": ("processing", "waiting_recipient_input_to_proceed"),
    "Stuck": ("processing",),
    "Exotic": ("processing", "under_the_moon"),
}


class Processing:
    """Moves transfers; `pace_s` is the time between two states. `manual`: only when simulation is asked for."""

    def __init__(self, books: Books, news: Notifications) -> None:
        self._books = books
        self._news = news
        self._clock = books.world.clock
        self.pace_s = float(os.environ.get("SANDBOX_WISE_PACE_S", "0.05"))
        self.manual = False

    # Beginnings ----------------------------------------------------------------------------------------------

    def fund(self, transfer: Transfer) -> None:
        """Take the money from the balance, and set out."""
        cost, now = transfer.source_units, self._books.now
        transfer.paid_in = cost
        transfer.payments.append(
            {
                "id": self._books.next_id(),
                "method": "BALANCE",
                "pricingVariant": None,
                "amount": cost,
                "currency": transfer.source,
                "timeCreated": instant(now),
                "timeUpdated": instant(now),
            }
        )
        self._books.enter(
            transfer.source,
            -cost,
            fee=transfer.fee,
            kind="TRANSFER",
            about=f"TRANSFER-{transfer.id}",
            text=f"Sent money to {self._holder(transfer)}",
        )
        self._record(transfer, "debit", transfer.sent)
        if transfer.fee:
            self._record(transfer, "fee", transfer.fee)
        quote = self._books.quotes[transfer.quote]
        quote.status = "FUNDED"
        self._books.keep(quote)
        self._books.keep(transfer)
        if not self.manual:
            self._follow(transfer, self._course(transfer))

    def expire_later(self, transfer: Transfer) -> None:
        """Cancel what nobody funds for two weeks."""

        def expire() -> None:
            if transfer.status == WAITING and not transfer.payments:
                self.turn(transfer, CANCELLED)

        self._clock.call_at(transfer.created + UNFUNDED_LIFE_S, expire)

    def resume(self) -> None:
        """Go on with everything that the state file left on its way."""
        for transfer in self._books.transfers.values():
            self.expire_later(transfer)
            course = self._course(transfer)
            if not transfer.payments or self.manual:
                continue
            if transfer.status == WAITING:
                self._follow(transfer, course)
            elif transfer.status in course:
                self._follow(transfer, course[course.index(transfer.status) + 1 :])

    # States --------------------------------------------------------------------------------------------------

    def turn(self, transfer: Transfer, status: str, *, quiet: bool = False) -> None:
        """Bring a transfer into a state, and tell it."""
        former, transfer.status = transfer.status, status
        if status == REFUNDED:
            self._refund(transfer, self._part(transfer), quiet=quiet)
        self._books.keep(transfer)
        self._news.state(transfer, former)
        if status == SENT:
            self._spoil(transfer)

    def cancel(self, transfer: Transfer) -> None:
        """Cancel; what was paid in comes back."""
        self.turn(transfer, CANCELLED)
        if transfer.payments:
            self._clock.call_later(self.pace_s, lambda: self.turn(transfer, REFUNDED))

    def simulate(self, transfer: Transfer, status: str) -> None:
        """Do what Wise's own simulation does; a refund tells nobody there.

        :raises Problem: when the state does not follow from the present one.
        """
        if status not in BEFORE or transfer.status not in BEFORE[status] or not transfer.payments:
            raise Problem(422, "transfer.invalid-state", f"Cannot go from {transfer.status} to {status}")
        self.turn(transfer, status, quiet=True)

    def give_back(self, transfer: Transfer, units: int) -> None:
        """Refund so much more of a transfer."""
        if not transfer.payments:
            raise Problem(422, "transfer.invalid-state", "It was never funded")
        self._refund(transfer, min(units, transfer.sent - transfer.back))
        transfer.status = REFUNDED
        self._books.keep(transfer)

    def _follow(self, transfer: Transfer, course: tuple[str, ...]) -> None:
        if not course:
            return
        here = transfer.status

        def step() -> None:
            # Steering, or somebody who cancelled, may have taken it elsewhere meanwhile.
            if transfer.status != here or self._is_stuck(transfer):
                return
            self.turn(transfer, course[0])
            self._follow(transfer, course[1:])

        self._clock.call_later(self.pace_s, step)

    def _course(self, transfer: Transfer) -> tuple[str, ...]:
        fates = self._books.fates
        fate = next((fates[name] for name in transfer.names() if name in fates), None)
        if fate is None:
            # Without saying why, Wise blocks and refunds what Brazil must be told the purpose of.
            if transfer.target == "BRL" and not transfer.nature:
                return ("processing", CANCELLED, REFUNDED)
            return FATES.get(self._holder(transfer).split(" ")[0], HAPPY)
        if fate in (BOUNCED, REFUNDED):
            return (*HAPPY, BOUNCED, *([REFUNDED] if fate == REFUNDED else []))
        if fate in HAPPY:
            return HAPPY[: HAPPY.index(fate) + 1]
        return ("processing", fate)

    def _is_stuck(self, transfer: Transfer) -> bool:
        return self._books.world.faults.take("stuck", references=transfer.names()) is not None

    # What goes wrong later -----------------------------------------------------------------------------------

    def _spoil(self, transfer: Transfer) -> None:
        faults, names = self._books.world.faults, transfer.names()
        back = faults.take("return", references=names)
        if back is not None:
            self._bounce(transfer, back, units=None)
        part = faults.take("partial_refund", references=names)
        if part is not None:
            units = part.value if isinstance(part.value, int) else max(1, transfer.sent // 2)
            self._bounce(transfer, part, units=units)

    def _bounce(self, transfer: Transfer, fault: Fault, *, units: int | None) -> None:
        def refund() -> None:
            if units is None:
                self.turn(transfer, REFUNDED)
                return
            former = transfer.status
            self.give_back(transfer, units)
            self._news.state(transfer, former)

        self._clock.call_later(fault.after(0.0), lambda: self.turn(transfer, BOUNCED))
        self._clock.call_later(fault.after(0.0) + self.pace_s, refund)

    def _part(self, transfer: Transfer) -> int:
        rest = transfer.sent - transfer.back
        return rest // 2 if self._holder(transfer).startswith("Partly ") else rest

    def _refund(self, transfer: Transfer, units: int, *, quiet: bool = False) -> None:
        if not transfer.payments or units <= 0:
            return
        transfer.back += units
        self._books.enter(
            transfer.source,
            units,
            kind="TRANSFER",
            about=f"TRANSFER-{transfer.id}",
            text=f"Refund of the transfer to {self._holder(transfer)}",
        )
        self._record(transfer, "return", units)
        if not quiet:
            self._news.refund(transfer, units)

    def _record(self, transfer: Transfer, kind: str, units: int) -> None:
        self._books.world.ledger.record(
            reference=transfer.key,
            key=str(transfer.id),
            destination=str(transfer.account),
            currency=transfer.source,
            units=units,
            kind=kind,  # type: ignore[arg-type]  # one of the three that the callers spell out
        )

    def _holder(self, transfer: Transfer) -> str:
        return self._books.recipients[transfer.account].holder
