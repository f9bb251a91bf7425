"""The life of a payment after it was taken: loaded, waiting for its payee, cancelled, or back after it had arrived."""

from __future__ import annotations

from sandbox.core import World
from sandbox.payoneer.books import ACTIVE, INACTIVE, Books, Payment
from sandbox.payoneer.entry import Line
from sandbox.payoneer.notifications import Notifications
from sandbox.payoneer.settings import Settings

PENDING, WAITING, TRANSFERRED, CANCELLED = "Pending", "Pending Payee", "Transferred", "Cancelled"
RETURNED = "Returned"
"""No status of Payoneer's: transferred first, and cancelled later."""
FATES = (PENDING, WAITING, TRANSFERRED, CANCELLED, RETURNED)
INACTIVE_PAYEE = (10009, "Action cannot be performed because payee is inactive")
BAD_BRANCH = (30013, "Bank details - Invalid Branch Code")
_RECHECK_S = 0.2


class Processing:
    """Moves payments, and the money with them."""

    def __init__(self, *, world: World, books: Books, news: Notifications, settings: Settings) -> None:
        self._world = world
        self._books = books
        self._news = news
        self._settings = settings

    def take(self, line: Line) -> Payment | None:
        """Take a payment in; None where a fault loses it."""
        names = {line.reference, line.payee_id}
        if self._world.faults.take("drop_payment", references=names):
            return None
        now = self._world.clock.time()
        lag = self._world.faults.take("reference_lag", references=names)
        visible = now + (self._settings.lag_s if lag is None else lag.after(900.0))
        payment_id = str(1_000_000_000 + self._world.rng.randrange(9_000_000_000))
        payment = Payment(
            line.reference,
            payment_id,
            line.payee_id,
            line.units,
            line.currency,
            line.description,
            now,
            visible,
        )
        self._books.balance -= payment.units
        self._books.keep(payment)
        self._news.payment("payment-accepted", payment)
        self._later(payment)
        return payment

    def resume(self) -> None:
        """Go on with everything that the state file left unfinished."""
        for payment in self._books.payments.values():
            if not payment.decided:
                self._later(payment)

    def _later(self, payment: Payment, seconds: float | None = None) -> None:
        wait = self._settings.pace_s if seconds is None else seconds
        self._world.clock.call_later(wait, lambda: self._decide(payment))

    def _decide(self, payment: Payment) -> None:
        if payment.decided:
            return
        names = payment.names()
        if self._world.faults.take("stuck_pending", references=names):
            self._later(payment, _RECHECK_S)
            return
        fate = self._books.fate_of(payment)
        payee = self._books.payees.get(payment.payee_id)
        if fate:
            self.move(payment, fate, BAD_BRANCH)
        elif self._world.faults.take("refuse", references=names):
            self.move(payment, CANCELLED, BAD_BRANCH)
        elif (
            payee is None or payee.status == INACTIVE or self._world.faults.take("inactive", references=names)
        ):
            self.move(payment, CANCELLED, INACTIVE_PAYEE)
        elif payee.status != ACTIVE or self._world.faults.take("pending_payee", references=names):
            self.move(payment, WAITING)
        else:
            self.move(payment, TRANSFERRED)

    def payee_changed(self, payee_id: str) -> None:
        """Go on with what waited for a payee."""
        payee = self._books.payees.get(payee_id)
        for payment in self._books.named(payee_id):
            if payment.status == WAITING and payee is not None and payee.status == ACTIVE:
                self.move(payment, TRANSFERRED)
            elif payment.status == WAITING and (payee is None or payee.status == INACTIVE):
                self.move(payment, CANCELLED, INACTIVE_PAYEE)

    def move(self, payment: Payment, status: str, reason: tuple[int, str] | None = None) -> bool:
        """Give a payment a status, with the money that goes with it; tells whether anything changed."""
        comes_back = status == RETURNED
        status = TRANSFERRED if comes_back else status
        if payment.status == CANCELLED or (payment.status == status and payment.decided):
            return False
        if payment.status == TRANSFERRED and status != CANCELLED:
            return False
        payment.status, payment.decided = status, status != PENDING or payment.decided
        if status == TRANSFERRED:
            payment.loaded = self._world.clock.time()
        if status in (TRANSFERRED, WAITING):
            self._debit(payment)
        if status == CANCELLED:
            self._give_back(payment)
            payment.reason_code, payment.reason = reason or (None, "Cancelled by request of the program")
            if self._world.faults.take("cancel_forgets", references=payment.names()):
                payment.loaded = None
        self._books.keep(payment)
        self._tell(payment)
        if status == TRANSFERRED:
            self._await_return(payment, comes_back=comes_back)
        return True

    def cancel(self, payment: Payment) -> None:
        """Note that a cancelling was asked for; it is acted upon later, if at all."""
        payment.cancelling = True
        self._books.keep(payment)
        if not self._world.faults.take("cancel_ignored", references=payment.names()):
            self._world.clock.call_later(self._settings.pace_s, lambda: self._cancel(payment))

    def _cancel(self, payment: Payment) -> None:
        if payment.status in (PENDING, WAITING):
            payment.decided = True
            self.move(payment, CANCELLED)

    def _await_return(self, payment: Payment, *, comes_back: bool) -> None:
        back = self._world.faults.take("return", references=payment.names())
        if back is not None or comes_back:
            wait = self._settings.later_s if back is None else back.after(0.0)
            self._world.clock.call_later(wait, lambda: self.move(payment, CANCELLED, BAD_BRANCH))

    def _debit(self, payment: Payment) -> None:
        if not payment.out:
            payment.out = True
            self._record(payment, "debit")

    def _give_back(self, payment: Payment) -> None:
        if payment.held:
            self._books.balance += payment.units
        if payment.out:
            self._record(payment, "return")
        payment.held = payment.out = False

    def _record(self, payment: Payment, kind: str) -> None:
        self._world.ledger.record(
            reference=payment.reference,
            key=payment.id,
            destination=payment.payee_id,
            currency=payment.currency,
            units=payment.units,
            kind="debit" if kind == "debit" else "return",
        )

    def _tell(self, payment: Payment) -> None:
        if payment.status == CANCELLED:
            self._news.payment("payment-cancelled", payment)
        elif payment.status == TRANSFERRED:
            payee = self._books.payees.get(payment.payee_id)
            card = payee is not None and payee.method == "PREPAID_CARD"
            self._news.payment("card-loaded" if card else "sent-to-bank", payment)
