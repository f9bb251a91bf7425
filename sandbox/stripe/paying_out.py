"""The life of payouts to sellers' banks: made by themselves, or asked for; they can fail after they were paid."""

from __future__ import annotations

from sandbox.stripe import banks
from sandbox.stripe.currencies import PAID_OUT_IN_HUNDREDS
from sandbox.stripe.ground import Ground, Part
from sandbox.stripe.names import names_of
from sandbox.stripe.store import Data, Record
from sandbox.stripe.verification import Verification

_DAY = 86_400
MESSAGES = {
    "account_closed": "The bank account has been closed.",
    "no_account": "The bank account details on file are probably incorrect. No bank account could be located with "
    "those details.",
    "could_not_process": "The bank could not process this payout.",
    "debit_not_authorized": "Debit transactions are not approved on your bank account.",
    "insufficient_funds": "Your Stripe account has insufficient funds to cover the payout.",
    "invalid_currency": "The bank was unable to process this payout because of its currency.",
}


class PayingOut(Part):
    """Moves payouts on."""

    def __init__(self, ground: Ground, *, verification: Verification) -> None:
        super().__init__(ground)
        self._verification = verification
        self._balances.after_ripening = self.consider_all
        verification.after_change = self.consider_all
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._waiting: set[tuple[str, str]] = set()

    def start(self) -> None:
        """Go on with what the state file left unfinished."""
        for record in self._store.all("payout"):
            if record.data["status"] in ("pending", "in_transit") or record.hidden["returns"]:
                self._await(record)
        for account in list(self._balances.available):
            self.consider_all(account)

    # Automatic payouts ---------------------------------------------------------------------------------------

    def consider_all(self, account: str) -> None:
        """Plan payouts of all that an account holds."""
        for code in list(self._balances.available[account]):
            self.consider(account, code)

    def consider(self, account: str, code: str) -> None:
        """Plan the next automatic payout of an account in one currency, where there is one to come."""
        if (account, code) in self._waiting or not self._is_due(account, code):
            return
        self._waiting.add((account, code))
        at = self._world.clock.time() + self._settings.payout_s
        self._world.clock.call_at(at, lambda: self._pay_out(account, code, at))

    def _is_due(self, account: str, code: str) -> bool:
        record = self._store.get(account, "account")
        return (
            record is not None
            and not record.hidden.get("platform")
            and record.data["payouts_enabled"]
            and record.data["settings"]["payouts"]["schedule"]["interval"] != "manual"
            and self._balances.available[account][code] > 0
        )

    def _pay_out(self, account: str, code: str, at: float) -> None:
        self._waiting.discard((account, code))
        self.pay_now(account, code, at=at)

    def pay_now(self, account: str, code: str, *, at: float | None = None) -> Record | None:
        """Pay out all that an account has in one currency, in one payout that names what it is made of."""
        bank = banks.bank_of(self._store, account)
        units = self._balances.available[account][code]
        units -= units % 100 if code in PAID_OUT_IN_HUNDREDS else 0
        if bank is None or units <= 0 or not self._is_due(account, code):
            return None
        parts = [
            part
            for part in self._store.listed(account, "balance_transaction")
            if part.data["currency"] == code
            and part.data["status"] == "available"
            and part.hidden["payout"] is None
        ]
        payout = self.make(account, code, units, bank, automatic=True, at=at)
        for part in parts:
            part.hidden["payout"] = payout.id
            self._store.keep(part)
        return payout

    # The life of a payout ------------------------------------------------------------------------------------

    def make(
        self,
        account: str,
        code: str,
        units: int,
        bank: Record,
        *,
        automatic: bool,
        extra: Data | None = None,
        at: float | None = None,
    ) -> Record:
        """Make a payout, whose money leaves the balance at once; `at`: since when, if that is past."""
        now = self._store.now()
        identity = self._store.new_id("po")
        entry = self._balances.book(
            account=account,
            kind="payout",
            currency=code,
            amount=-units,
            source=identity,
            description="STRIPE PAYOUT",
        )
        entry.hidden["payout"] = identity if automatic else "by hand"
        self._store.keep(entry)
        data: Data = {
            "id": identity,
            "object": "payout",
            "amount": units,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": (now // _DAY + 1) * _DAY,
            "automatic": automatic,
            "balance_transaction": entry.id,
            "created": now,
            "currency": code,
            "description": "STRIPE PAYOUT" if automatic else None,
            "destination": bank.id,
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "livemode": self._events.livemode,
            "metadata": {},
            "method": "standard",
            "original_payout": None,
            "payout_method": None,
            "reconciliation_status": "in_progress" if automatic else "not_applicable",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": "pending",
            "trace_id": {"status": "pending", "value": None},
            "type": "bank_account",
        }
        hidden: Data = {
            "at": self._world.clock.time() if at is None else at,
            "fails": bank.hidden["fails"],
            "returns": False,
        }
        record = self._store.add("payout", account, data | (extra or {}), hidden)
        self._events.tell("payout.created", record)
        self._later(record, self._settings.arrival_s)
        return record

    def _later(self, record: Record, seconds: float) -> None:
        """Have the next step come, counted from the last one: a leap of the clock may do several."""
        record.hidden["at"] += seconds
        self._store.keep(record)
        self._await(record)

    def _await(self, record: Record) -> None:
        self._world.clock.call_at(record.hidden["at"], lambda: self._go_on(record))

    def _go_on(self, record: Record) -> None:
        match record.data["status"]:
            case "pending":
                self.turn(record, "in_transit")
            case "in_transit":
                self._arrive(record)
            case "paid" if record.hidden["returns"]:
                self.turn(record, "failed")

    def _arrive(self, record: Record) -> None:
        names = names_of(record, self._store)
        fault = self._world.faults.take("payout_fails", references=names) if self._world.faults else None
        fate = self._fates.of("payout", names)
        if fault is not None:
            record.hidden["fails"] = fault.value if fault.value in MESSAGES else "account_closed"
            fate = "failed" if fault.when == "before" else "returned"
        elif record.hidden["fails"]:
            fate = fate or "failed"
        if fate in ("failed", "canceled"):
            self.turn(record, fate)
            return
        record.hidden["returns"] = fate == "returned"
        self.turn(record, "paid")
        if record.hidden["returns"]:
            wait = self._settings.arrival_s
            self._later(record, fault.after(wait) if fault is not None else wait)

    def turn(self, record: Record, status: str) -> bool:
        """Give a payout a status, with the money that goes with it; False where it cannot have it any more."""
        was = record.data["status"]
        if was in (status, "failed", "canceled") or (was == "paid" and status != "failed"):
            return False
        before = self._shows.show(record)
        record.data["status"] = status
        if status in ("failed", "canceled"):
            self._bring_back(record, failed=status == "failed")
        elif status == "paid":
            record.data["trace_id"] = {"status": "supported", "value": f"TRACE{record.n:09d}"}
        reconciled = status == "paid" and record.data["automatic"]
        if reconciled:
            record.data["reconciliation_status"] = "completed"
        self._store.keep(record)
        self._events.tell(
            "payout.updated" if status == "in_transit" else f"payout.{status}", record, before=before
        )
        if reconciled:
            self._events.tell("payout.reconciliation_completed", record)
        if status == "in_transit":
            self._later(record, self._settings.arrival_s)
        return True

    def _bring_back(self, record: Record, *, failed: bool) -> None:
        data = record.data
        entry = self._balances.book(
            account=record.account,
            kind="payout_failure" if failed else "payout_cancel",
            currency=data["currency"],
            amount=data["amount"],
            source=record.id,
        )
        data["failure_balance_transaction"] = entry.id
        if failed:
            data["failure_code"] = record.hidden["fails"] or "account_closed"
            data["failure_message"] = MESSAGES[data["failure_code"]]
            self._close_bank(data["destination"])

    def _close_bank(self, identity: str) -> None:
        """Send nothing more to a bank account that sent a payout back, until there is another one."""
        bank = self._store.get(identity, "bank_account")
        account = self._store.get(bank.account, "account") if bank is not None else None
        if bank is None or account is None or account.hidden.get("platform"):
            return
        with self._verification.changing(account):
            bank.data["status"] = "errored"
            self._store.keep(bank)
        self._events.tell("account.external_account.updated", bank)
