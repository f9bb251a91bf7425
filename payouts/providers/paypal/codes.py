"""PayPal's words as data: what each refusal means and who must act, and what each status means.

Sources, read 2026-11: PayPal's published file of the Payouts API (version 1.9), and developer.paypal.com pages
"payouts/view-transactions", "errors", "definitions/batch_enum". PayPal calls its own list of reasons incomplete:
a name that is missing here stays raw and unclassified.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from payouts.providers.base import RefusalClass, Status

_PAYEE, _OURS = RefusalClass.PAYEE, RefusalClass.OURS
_WAIT, _FINAL = RefusalClass.WAIT, RefusalClass.FINAL


@dataclass(frozen=True, slots=True)
class Reason:
    """Who must act, and what to do, in a sentence for staff (for the payee too, where the payee must act)."""

    refusal: RefusalClass
    sentence: str


REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        # The payee must act.
        "RECEIVER_UNREGISTERED": Reason(_PAYEE, "The address has no PayPal account yet."),
        "RECEIVER_UNCONFIRMED": Reason(_PAYEE, "The address is not confirmed at PayPal yet."),
        "RECEIVER_ACCOUNT_LOCKED": Reason(_PAYEE, "The PayPal account that was to be paid is locked."),
        "RECEIVER_ACCOUNT_LIMITATION": Reason(_PAYEE, "The PayPal account that was to be paid is limited."),
        "RECEIVER_ACCOUNT_INVALID": Reason(_PAYEE, "PayPal does not know the account that was to be paid."),
        "RECEIVER_STATE_RESTRICTED": Reason(_PAYEE, "PayPal pays nobody in the receiver's state."),
        "RECEIVING_LIMIT_EXCEEDED": Reason(_PAYEE, "The PayPal account has reached its receiving limit."),
        "RECEIVER_REFUSED": Reason(_PAYEE, "The receiver refused the payment."),
        "RECEIVER_YOUTH_ACCOUNT": Reason(_PAYEE, "PayPal does not pay to a youth account."),
        "CURRENCY_NOT_SUPPORTED_FOR_RECEIVER": Reason(
            _PAYEE, "The PayPal account does not take this currency."
        ),
        "PENDING_RECIPIENT_NON_HOLDING_CURRENCY_PAYMENT_PREFERENCE": Reason(
            _PAYEE, "The receiver must accept this currency at PayPal."
        ),
        "INVALID_EMAIL": Reason(_PAYEE, "PayPal does not take this address."),
        # We must act.
        "INSUFFICIENT_FUNDS": Reason(_OURS, "Our PayPal balance is too small: add funds."),
        "USER_FUNDING_SOURCE_INELIGIBLE": Reason(_OURS, "Our PayPal balance may not pay this: ask PayPal."),
        "USER_COUNTRY_NOT_ALLOWED": Reason(_OURS, "PayPal does not let our account's country send payouts."),
        "SENDER_ACCOUNT_LOCKED": Reason(_OURS, "PayPal has locked our account: contact PayPal."),
        "SENDER_ACCOUNT_UNVERIFIED": Reason(
            _OURS, "Our PayPal account is not verified: verify it at PayPal."
        ),
        "SENDER_EMAIL_UNCONFIRMED": Reason(
            _OURS, "Our PayPal address is not confirmed: confirm it at PayPal."
        ),
        "SENDER_STATE_RESTRICTED": Reason(_OURS, "PayPal does not let our account's state send payouts."),
        "SENDER_RESTRICTED": Reason(_OURS, "PayPal has restricted our account: contact PayPal."),
        "SPENDING_LIMIT_EXCEEDED": Reason(_OURS, "Our PayPal account has reached its sending limit."),
        "ACCOUNT_RESTRICTED": Reason(_OURS, "PayPal has restricted our account: contact PayPal."),
        "ACCOUNT_UNCONFIRMED_EMAIL": Reason(
            _OURS, "Our PayPal address is not confirmed: confirm it at PayPal."
        ),
        "NOT_AUTHORIZED": Reason(
            _OURS, "PayPal has not enabled Payouts for our app: ask PayPal to enable it."
        ),
        "REQUIRED_SCOPE_MISSING": Reason(_OURS, "Our PayPal app lacks a permission: enable Payouts for it."),
        "PERMISSION_DENIED": Reason(_OURS, "Our PayPal app lacks a permission: enable Payouts for it."),
        "MALFORMED_REQUEST": Reason(_OURS, "PayPal could not read what we sent."),
        "DUPLICATE_ITEM": Reason(_OURS, "The item's key stood twice in one batch."),
        # Nobody need act.
        "UNDEFINED": Reason(_WAIT, "PayPal gave no reason and says to try later."),
        "INTERNAL_ERROR": Reason(_WAIT, "PayPal had an error of its own."),
        "CLOSED_MARKET": Reason(_WAIT, "The market for this currency is closed now."),
        "GAMING_EXCEED_LIMIT": Reason(_WAIT, "A limit of the day is reached."),
        # It will not work through PayPal.
        "SELF_PAY_NOT_ALLOWED": Reason(_FINAL, "The receiver is our own PayPal account."),
        "RECEIVER_COUNTRY_NOT_ALLOWED": Reason(_FINAL, "PayPal does not pay to the receiver's country."),
        "RISK_DECLINE": Reason(_FINAL, "PayPal declined the payment because of risk."),
        "NEGATIVE_BALANCE": Reason(_FINAL, "PayPal does not pay to an account with a negative balance."),
    }
)

UNKNOWN_REASON: Final = Reason(RefusalClass.UNCLASSIFIED, "PayPal gave a reason that is not known here.")


def reason_of(code: str) -> Reason:
    """This will say what PayPal's name of a reason means."""
    return REASONS.get(code.upper(), UNKNOWN_REASON)


ITEM_STATUSES: Final[Mapping[str, Status]] = MappingProxyType(
    {
        "NEW": Status.PROCESSING,
        "PENDING": Status.PROCESSING,
        "SUCCESS": Status.PAID,
        # With or without `errors`: the claim link lives for thirty days, so this is never a failure.
        "UNCLAIMED": Status.AWAITING_PAYEE,
        "ONHOLD": Status.ON_HOLD,
        "ON_HOLD": Status.ON_HOLD,  # how PayPal's pages spell it
        # Not debited. Whether it can still change is documented nowhere; whatever comes later is evidence.
        "BLOCKED": Status.FAILED,
        "FAILED": Status.FAILED,
        "DENIED": Status.FAILED,  # in PayPal's pages and webhooks, not in its published file
        # PayPal calls a cancelled item RETURNED; these stand only where a batch was withdrawn before any debit.
        "CANCELED": Status.CANCELLED,
        "CANCELLED": Status.CANCELLED,
        "RETURNED": Status.RETURNED,
        "REFUNDED": Status.RETURNED,
        "REVERSED": Status.RETURNED,
    }
)

BATCH_DENIED: Final = "DENIED"
BATCH_STATUSES: Final[Mapping[str, bool]] = MappingProxyType(
    {
        "ACKNOWLEDGED": False,  # only in old pages
        "NEW": False,
        "PENDING": False,
        "PROCESSING": False,
        # Finished, not paid: each item has its own outcome.
        "SUCCESS": True,
        BATCH_DENIED: True,
        "CANCELED": True,
        "CANCELLED": True,
    }
)
"""PayPal's word → whether the batch as a whole is finished. An unknown word is not finished."""


class Certainty(enum.Enum):
    """What a named error in answer to the creation of a batch proves."""

    REFUSED = "refused"
    """Certainly nothing was created; the reason lies in the bytes, so it holds for every try of the same bytes."""
    REFUSED_NOW = "refused_now"
    """Certainly nothing was created by this try; the reason lies in an account, which may have been well before."""
    DEFERRED = "deferred"
    """Turned away at PayPal's gate before the payout was read, hence before its key could be used up."""


REFUSALS: Final[Mapping[tuple[int, str], Certainty]] = MappingProxyType(
    {
        # The whole request is validated before anything is created, so one bad item refuses all.
        (400, "VALIDATION_ERROR"): Certainty.REFUSED,
        (400, "INVALID_REQUEST"): Certainty.REFUSED,
        (422, "VALIDATION_ERROR"): Certainty.REFUSED,
        # Our bytes are well-formed: they were damaged on the way this time, and need not have been another time.
        (400, "MALFORMED_REQUEST"): Certainty.REFUSED_NOW,
        # The gate: the token is good, the app may not use Payouts.
        (403, "NOT_AUTHORIZED"): Certainty.DEFERRED,
        (403, "REQUIRED_SCOPE_MISSING"): Certainty.DEFERRED,
        (403, "PERMISSION_DENIED"): Certainty.DEFERRED,
        # Named by the payouts service itself, which has read the request and may have used up its key.
        (403, "SENDER_EMAIL_UNCONFIRMED"): Certainty.REFUSED_NOW,
        (403, "SENDER_ACCOUNT_UNVERIFIED"): Certainty.REFUSED_NOW,
        (403, "SENDER_ACCOUNT_LOCKED"): Certainty.REFUSED_NOW,
        (403, "SENDER_RESTRICTED"): Certainty.REFUSED_NOW,
        (403, "ACCOUNT_RESTRICTED"): Certainty.REFUSED_NOW,
        (403, "ACCOUNT_UNCONFIRMED_EMAIL"): Certainty.REFUSED_NOW,
        (403, "USER_COUNTRY_NOT_ALLOWED"): Certainty.REFUSED_NOW,
        # Whether lack of funds comes at once, and with which status, is documented nowhere: taken under each.
        (400, "INSUFFICIENT_FUNDS"): Certainty.REFUSED_NOW,
        (403, "INSUFFICIENT_FUNDS"): Certainty.REFUSED_NOW,
        (422, "INSUFFICIENT_FUNDS"): Certainty.REFUSED_NOW,
    }
)
"""(HTTP status, error name) → certainty. What is not listed is not certain: a definite list, never a range."""

UMBRELLAS: Final = frozenset(
    {(400, "USER_BUSINESS_ERROR"), (422, "USER_BUSINESS_ERROR"), (422, "UNPROCESSABLE_ENTITY")}
)
"""Names that say nothing by themselves: the reason stands in `details[].issue`, and only a known one is certain.

Without a known one this may be the answer to a key that was used already (PayPal's text for both is the same), and
then a new key would pay twice.
"""

CANCEL_DONE: Final = frozenset({"ITEM_ALREADY_CANCELLED", "ITEM_ALREADY_CANCELED"})
CANCEL_REFUSED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ITEM_INCORRECT_STATUS": "PayPal cancels only payments that nobody has claimed yet.",
        "ITEM_CANCELLATION_FAILED": "PayPal could not cancel the payment.",
        "RESOURCE_NOT_FOUND": "PayPal does not know this payment.",
        "INVALID_RESOURCE_ID": "PayPal does not know this payment.",
        "NOT_AUTHORIZED": "Our PayPal app may not cancel payouts: ask PayPal to enable Payouts for it.",
        "REQUIRED_SCOPE_MISSING": "Our PayPal app may not cancel payouts: ask PayPal to enable Payouts for it.",
    }
)

# Transaction event codes of PayPal's statement. Holds (T15) and releases (T11) of a whole batch move no money out.
STATEMENT_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "T0001": "debit",  # payouts
        "T0104": "fee",  # for a batch
        "T0106": "fee",  # of a chargeback
        "T0107": "fee",  # "payment fee"
        "T0113": "fee",
        "T1106": "return",
        "T1107": "return",
        "T1111": "return",
        "T1114": "return",  # payout reversed
        "T1115": "return",  # payout refunded
        "T1116": "return",
        "T0300": "top_up",
        "T0301": "top_up",
        "T0302": "top_up",
        "T0303": "top_up",
        "T0304": "top_up",
    }
)
STATEMENT_GROUPS: Final[Mapping[str, str]] = MappingProxyType({"T02": "conversion", "T04": "withdrawal"})
"""Groups of which every code means the same: PayPal says that a code's group is enough to reconcile by (page
"transaction-event-codes", read 2026-11), and adds codes to them."""

STATEMENT_HOLDS: Final = frozenset({"T1500", "T1501", "T1502", "T1503", "T1504"})
STATEMENT_PAYOUTS_HELD: Final = "T1503"
STATEMENT_RELEASES: Final = frozenset({"T1105"})
STATEMENT_DEBIT: Final = "T0001"
