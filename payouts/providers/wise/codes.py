"""Wise's words as data: what each status means here, and what each refusal means and who must act.

Sources, read 2026-11: Wise's published file, and docs.wise.com "guides/product/send-money/tracking-transfers" and
"guides/developer/errors/funding". Wise calls its lists open: what is missing here stays raw and unclassified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from payouts.providers.base import RefusalClass, Status

WAITING: Final = "incoming_payment_waiting"
CANCELLED: Final = "cancelled"
REFUNDED: Final = "funds_refunded"

STATUSES: Final[Mapping[str, Status]] = MappingProxyType(
    {
        # Not paid in yet. Whether it waits for a person or for Wise itself, its payments tell.
        WAITING: Status.AWAITING_FUNDING,
        "incoming_payment_initiated": Status.PROCESSING,
        "processing": Status.PROCESSING,
        "funds_converted": Status.PROCESSING,
        "unknown": Status.PROCESSING,
        "waiting_recipient_input_to_proceed": Status.ON_HOLD,
        # As far as Wise ever tells: the recipient's bank may still send it back, for weeks.
        "outgoing_payment_sent": Status.PAID,
        # A stage, and no return: it may be sent once more, and nothing is back before it is refunded.
        "bounced_back": Status.ON_HOLD,
        "charged_back": Status.ON_HOLD,
        # Never funded; where it was, the money is on its way back and `_withdrawn` says so.
        CANCELLED: Status.CANCELLED,
        REFUNDED: Status.RETURNED,
    }
)
UNPAID: Final = frozenset({WAITING, CANCELLED})
"""In these a transfer may or may not have been paid in: only its payments tell."""

FUNDED: Final = "COMPLETED"
NOT_FUNDED: Final = "REJECTED"
INVALID_STATE: Final = "transfer.invalid-state"
NOT_CANCELLABLE: Final = "transfer.cancellation.not.allowed"


@dataclass(frozen=True, slots=True)
class Reason:
    """Who must act, and what to do, in a sentence for staff (for the payee too, where the payee must act)."""

    refusal: RefusalClass
    sentence: str


_OURS, _PAYEE, _FINAL, _WAIT = (
    RefusalClass.OURS,
    RefusalClass.PAYEE,
    RefusalClass.FINAL,
    RefusalClass.WAIT,
)

FUNDING: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "transfer.insufficient_funds": Reason(_OURS, "Our Wise balance is too small: add funds."),
        "balance.payment-option-unavailable": Reason(
            _OURS, "Wise does not let us pay from the balance now: look at the account on wise.com."
        ),
        "transfer.not-accessible-for-user": Reason(
            _OURS, "Our token may not act for this profile: check WISE_PROFILE_ID and the token."
        ),
    }
)
"""Wise's `errorCode` of a funding that it answers with REJECTED, or its error's code."""

QUOTE_OVER: Final = frozenset({"EXPIRED", "ACCEPTED", "FUNDED"})
"""In these states of a quote no transfer is made of it any more."""

REFUSALS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "quote.expired": Reason(_WAIT, "Wise's quote was over: it goes out with a new one."),
        "quote.already-used": Reason(_WAIT, "Wise's quote was used up: it goes out with a new one."),
        "quote.missing-approval": Reason(
            _OURS, "Payment approvals are switched on at Wise: switch them off for transfers by API."
        ),
        "NOT_SUPPORTED": Reason(_FINAL, "Wise does not pay this."),
        "account.not-found": Reason(_PAYEE, "Wise does not know the bank account any more: give it again."),
    }
)
"""The codes of errors, where the code alone says what is wrong."""

PATHS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "targetAccount": Reason(_PAYEE, "Wise does not pay to this bank account: give it again."),
        "targetCurrency": Reason(_FINAL, "Wise does not pay out in this currency."),
        "sourceCurrency": Reason(_OURS, "There is no balance of ours in this currency at Wise."),
        "targetAmount": Reason(_FINAL, "Wise does not pay this amount."),
        "sourceAmount": Reason(_FINAL, "Wise does not pay this amount."),
        "details.reference": Reason(_OURS, "Wise does not take the reference that we gave."),
    }
)
"""The field that an error is about, where its code only says that something is not valid."""

# How Wise words it where the code says nothing (its published file).
APPROVAL_WORDS: Final = "missing approval"
UNKNOWN_REASON: Final = Reason(RefusalClass.UNCLASSIFIED, "Wise gave a reason that is not known here.")


def reason_of(code: str, path: str = "", message: str = "") -> Reason:
    """This will say what one of Wise's errors means."""
    found = REFUSALS.get(code) or PATHS.get(path)
    if found is None and APPROVAL_WORDS in message:
        found = REFUSALS["quote.missing-approval"]
    return found or UNKNOWN_REASON


STATEMENT_KINDS: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("DEBIT", "TRANSFER"): "debit",
        ("CREDIT", "TRANSFER"): "return",
        ("CREDIT", "DEPOSIT"): "top_up",
        ("CREDIT", "MONEY_ADDED"): "top_up",
        ("CREDIT", "CONVERSION"): "conversion",
        ("DEBIT", "CONVERSION"): "conversion",
        # To and from the account's own jars.
        ("CREDIT", "INCOMING_CROSS_BALANCE"): "top_up",
        ("DEBIT", "OUTGOING_CROSS_BALANCE"): "withdrawal",
        ("DEBIT", "ACCRUAL_CHARGE"): "fee",
    }
)
"""(direction, Wise's type of a row) → our kind; what is not listed is `other`."""
