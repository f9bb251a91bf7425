"""What Stripe's objects say of a buyer's money, in our words: pure, over objects and not over events.

A webhook is a hint. Whoever heard one reads the object anew, expanded where `ReadAgain` asks for it, and hands it in
with the moment of the event. The objects are those of docs.stripe.com/api/{payment_intents,charges,refunds,disputes},
read 2026-11. A refund and a dispute are told by their own ids, whichever event they came by, so that `charge.refunded`
and `refund.created` tell of one refund once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from marketplace_payouts.lib.currencies import UnknownCurrency, convert_exponent, exponent
from marketplace_payouts.lib.money import Money
from payments.words import STRIPE, BadPayment, Kind, PaymentWord

TRANSACTION_KEY: Final = "flex_transaction_id"
"""Under which key of a PaymentIntent's metadata the Sharetribe transaction stands; charges inherit it."""

# docs.stripe.com/currencies, read 2026-11. In all others of ours Stripe counts as ISO does. ISK and UGX have no
# decimals, but Stripe writes them with two zeros; MGA it counts in whole ariary.
_STRIPES_OWN_EXPONENTS: Final = MappingProxyType({"ISK": 2, "UGX": 2, "MGA": 0})

_INTENTS: Final[Mapping[str, Kind]] = MappingProxyType(
    {"succeeded": Kind.RECEIVED, "canceled": Kind.FAILED, "requires_payment_method": Kind.FAILED}
)
"""What a PaymentIntent's status says; in any other nothing came and nothing failed yet."""
_REFUNDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "pending": Kind.REFUNDED,
        "requires_action": Kind.REFUNDED,
        "succeeded": Kind.REFUNDED,
        "failed": Kind.REGAINED,
        "canceled": Kind.REGAINED,
    }
)
# An inquiry (warning_…) takes no money yet. Nobody is paid while one is open all the same.
_DISPUTES: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "warning_needs_response": Kind.DISPUTED,
        "warning_under_review": Kind.DISPUTED,
        "needs_response": Kind.DISPUTED,
        "under_review": Kind.DISPUTED,
        "warning_closed": Kind.REGAINED,
        "won": Kind.REGAINED,
        "lost": Kind.CHARGED_BACK,
    }
)


class ReadAgain(Exception):
    """The object does not carry what is needed: read it again from Stripe with `expand`."""

    def __init__(self, *expand: str) -> None:
        super().__init__(f"Read the object again with expand {', '.join(expand)}.")
        self.expand = expand


class NotOurs(Exception):
    """The payment names no Sharetribe transaction: it belongs to something else of the Stripe account."""


def words_of(found: Mapping[str, Any], *, at: datetime) -> list[PaymentWord]:
    """This will say what an object tells of a buyer's money; nothing, where it tells of none.

    `at` is when it came to be so: the moment of the event, since an object says only when it was made.

    :raises ReadAgain: when the object must be read with more in it.
    :raises NotOurs: when it belongs to no Sharetribe transaction.
    :raises BadPayment: when it makes no sense.
    """
    reader = _READERS.get(str(found.get("object")))
    return [] if reader is None else reader(found, found, at)


def _intent(intent: Mapping[str, Any], _around: Mapping[str, Any], at: datetime) -> list[PaymentWord]:
    kind = _INTENTS.get(str(intent.get("status")))
    if kind is None or (
        intent.get("status") == "requires_payment_method" and not intent.get("last_payment_error")
    ):
        return []  # nobody has tried to pay it yet
    amount = "amount_received" if kind == Kind.RECEIVED else "amount"
    detail = (intent.get("last_payment_error") or {}).get("code") or intent.get("cancellation_reason") or ""
    if kind == Kind.RECEIVED:
        return [_word(intent, kind, at, around=intent, amount=amount)]
    # Each try is told by its own charge, where it came to one: the amount may change between two of them.
    tried = intent.get("latest_charge") or intent
    reference = tried if isinstance(tried, str) else tried.get("id")
    return [_word(intent, kind, at, around=intent, amount=amount, detail=detail, reference=reference)]


def _charge(charge: Mapping[str, Any], _around: Mapping[str, Any], at: datetime) -> list[PaymentWord]:
    """A charge tells of its refunds; that it came, its PaymentIntent tells."""
    if not charge.get("amount_refunded"):
        return []
    refunds = charge.get("refunds")
    if not isinstance(refunds, Mapping) or refunds.get("has_more") or not refunds.get("data"):
        raise ReadAgain("refunds")
    return [word for refund in refunds["data"] for word in _refund(refund, charge, at)]


def _refund(refund: Mapping[str, Any], around: Mapping[str, Any], at: datetime) -> list[PaymentWord]:
    kind = _REFUNDS.get(str(refund.get("status")))
    if kind is None:
        return []
    return [
        _word(
            refund, kind, at, around=around, detail=refund.get("failure_reason") or refund.get("reason") or ""
        )
    ]


def _dispute(dispute: Mapping[str, Any], _around: Mapping[str, Any], at: datetime) -> list[PaymentWord]:
    status = str(dispute.get("status"))
    kind = _withdrawn(dispute) if status == "prevented" else _DISPUTES.get(status)
    if kind is None:
        return []
    return [
        _word(dispute, kind, at, around=dispute, detail=f"{status}: {dispute.get('reason') or 'no reason'}")
    ]


def _withdrawn(dispute: Mapping[str, Any]) -> Kind:
    """A prevented dispute may have cost the money or not; the movements on our balance say which."""
    moved = sum(int(one.get("amount", 0)) for one in dispute.get("balance_transactions") or ())
    return Kind.CHARGED_BACK if moved < 0 else Kind.REGAINED


_READERS: Final[
    Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], datetime], list[PaymentWord]]]
] = MappingProxyType({"payment_intent": _intent, "charge": _charge, "refund": _refund, "dispute": _dispute})


def _word(
    found: Mapping[str, Any],
    kind: Kind,
    at: datetime,
    *,
    around: Mapping[str, Any],
    amount: str = "amount",
    detail: str = "",
    reference: object = None,
) -> PaymentWord:
    return PaymentWord(
        transaction_id=_transaction(found, around),
        kind=kind,
        amount=money(found.get(amount), found.get("currency")),
        origin=STRIPE,
        reference=str(reference or found.get("id") or ""),
        happened_at=at,
        detail=str(detail)[:500],
    )


def money(units: object, currency: object) -> Money:
    """This will express an amount of Stripe's in our own units.

    :raises BadPayment: when it is none, or in a currency that we do not know.
    """
    if type(units) is not int or not isinstance(currency, str):
        raise BadPayment("amount", f"Stripe names no amount: {units!r} {currency!r}.")
    code = currency.upper()
    try:
        converted, rest = convert_exponent(
            units, _STRIPES_OWN_EXPONENTS.get(code, exponent(code)), exponent(code)
        )
    except UnknownCurrency as error:
        raise BadPayment("amount", str(error)) from None
    if rest:
        raise BadPayment("amount", f"{units} of Stripe's units of {code} are finer than money can be paid.")
    return Money(converted, code)


def units_of(amount: Money) -> int:
    """This will express an amount of ours in Stripe's units.

    :raises BadPayment: when Stripe's are coarser than the amount.
    """
    code = amount.currency
    converted, rest = convert_exponent(
        amount.units, exponent(code), _STRIPES_OWN_EXPONENTS.get(code, exponent(code))
    )
    # Of three decimals Stripe wants the last one to be zero.
    if rest or (exponent(code) == 3 and converted % 10):
        raise BadPayment("amount", f"{amount} is finer than what Stripe can take in {code}.")
    return converted


def _transaction(found: Mapping[str, Any], around: Mapping[str, Any]) -> UUID:
    """Find the transaction on the object itself, or on the charge or PaymentIntent around it."""
    charge, intent = _part(found, "charge"), _part(found, "payment_intent") or _part(around, "payment_intent")
    for one in (found, around, charge, intent, _part(charge, "payment_intent")):
        named = (one.get("metadata") or {}).get(TRANSACTION_KEY)
        if named:
            try:
                return UUID(str(named))
            except ValueError:
                raise BadPayment(
                    "transaction_id", f"{TRANSACTION_KEY} is no id: {str(named)[:60]}."
                ) from None
    # A refund within a charge names its payment by its id, also where the charge shows all of it.
    if not intent and any(isinstance(one.get("payment_intent"), str) for one in (found, around)):
        raise ReadAgain("payment_intent")
    raise NotOurs(f"{found.get('id')} names no Sharetribe transaction.")


def _part(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = found.get(name)
    return part if isinstance(part, Mapping) else {}
