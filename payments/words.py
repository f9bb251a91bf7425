"""What somebody says of a buyer's money, checked before it goes any further; and the words by which it is said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, Self
from uuid import UUID

from django.utils.dateparse import parse_datetime

from marketplace_payouts.lib.money import Money, MoneyError
from payments.models import MANUAL, PaymentIn

Kind = PaymentIn.Kind

SHARETRIBE: Final = "sharetribe"
STRIPE: Final = "stripe"
RESERVED: Final = frozenset({SHARETRIBE, STRIPE, MANUAL})
"""Origins of our own, which no payment system of the marketplace may speak as."""

OUTCOMES: Final[Mapping[str, PaymentIn.Kind]] = MappingProxyType(
    {
        "succeeded": Kind.RECEIVED,
        "failed": Kind.FAILED,
        "refunded": Kind.REFUNDED,
        "refund_failed": Kind.REGAINED,
        "disputed": Kind.DISPUTED,
        "dispute_won": Kind.REGAINED,
        "charged_back": Kind.CHARGED_BACK,
    }
)
"""The words of whoever tells us from outside, and what each is here."""

_ORIGIN: Final = re.compile(r"[a-z][a-z0-9_-]{1,29}", re.ASCII)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LONGEST_REFERENCE: Final = 120
_LONGEST_DETAIL: Final = 500
# Another machine's clock may go a little ahead of ours.
_AHEAD: Final = timedelta(days=1)
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)


class BadPayment(ValueError):
    """What was said of a payment makes no sense; `field` says where, `str()` what is wrong and what to do.

    `code` is for programs: required, unknown_field or invalid.
    """

    def __init__(self, field: str, sentence: str, *, code: str = "invalid") -> None:
        super().__init__(sentence)
        self.field = field
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWord:
    """One word about a buyer's money.

    `reference` is the origin's own, of the payment, of the refund or of the dispute: the words about one dispute share
    it, and two refunds never do. `amount` is what moved by this word and never a running total.

    :raises BadPayment: when a part of it makes no sense.
    """

    transaction_id: UUID
    kind: PaymentIn.Kind
    amount: Money
    origin: str
    reference: str
    happened_at: datetime
    detail: str = ""
    made_by_id: UUID | None = None
    seconded_by_id: UUID | None = None

    def __post_init__(self) -> None:
        if self.amount.units <= 0:
            raise BadPayment(
                "amount", "The amount is more than nothing; which way it went, the outcome says."
            )
        if not _ORIGIN.fullmatch(self.origin):
            raise BadPayment(
                "origin", "The origin is 2 to 30 small letters, digits, - and _, such as paypal-checkout."
            )
        if not _is_text(self.reference, 1, _LONGEST_REFERENCE):
            raise BadPayment("reference", f"The reference is a text of 1 to {_LONGEST_REFERENCE} characters.")
        if not _is_text(self.detail, 0, _LONGEST_DETAIL):
            raise BadPayment("detail", f"The detail is a text of up to {_LONGEST_DETAIL} characters.")
        if self.happened_at.tzinfo is None:
            raise BadPayment("happened_at", "The moment needs its time zone, as in 2026-01-31T12:00:00Z.")


def of_payment_system(data: object, *, now: datetime) -> PaymentWord:
    """This will read what a payment system of the marketplace says, in the shape of the API.

    `{"origin", "transaction_id", "outcome", "amount": {"units", "currency"}, "reference", "happened_at", "detail"?}`;
    the outcome is one of `OUTCOMES`, units are whole and a text or a number.

    :raises BadPayment: naming the field that is missing, unknown or wrong.
    """
    fields = _Fields.of(data)
    fields.are_known({"origin", "transaction_id", "outcome", "amount", "reference", "happened_at", "detail"})
    origin = fields.text("origin")
    if origin in RESERVED:
        raise BadPayment("origin", f"The name {origin} is ours: give the payment system another one.")
    happened_at = fields.moment("happened_at")
    if not _EARLIEST <= happened_at <= now + _AHEAD:
        raise BadPayment(
            "happened_at", "The moment lies in the future, or long before there was any of this."
        )
    return PaymentWord(
        transaction_id=fields.id("transaction_id"),
        kind=fields.outcome("outcome"),
        amount=fields.money("amount"),
        origin=origin,
        reference=fields.text("reference"),
        happened_at=happened_at,
        detail=fields.text("detail", default=""),
    )


@dataclass(frozen=True, slots=True)
class _Fields:
    """A JSON object, read field by field."""

    data: Mapping[str, Any]

    @classmethod
    def of(cls, data: object) -> Self:
        """This will take an object, and nothing else."""
        if not isinstance(data, Mapping):
            raise BadPayment("", "Send one JSON object.")
        return cls(data)

    def are_known(self, names: set[str]) -> None:
        """This will refuse what nobody reads: a misspelt name would be passed over in silence."""
        if unknown := sorted(map(str, self.data.keys() - names)):
            raise BadPayment(
                unknown[0][:50].encode(errors="replace").decode(),
                f"There is no field of that name; known are {', '.join(sorted(names))}.",
                code="unknown_field",
            )

    def text(self, name: str, *, default: str | None = None) -> str:
        value = self.data.get(name, default)
        if not isinstance(value, str):
            raise _missing(name) if value is None else BadPayment(name, "It is a text.")
        return value

    def id(self, name: str) -> UUID:
        try:
            return UUID(self.text(name))
        except ValueError as error:
            if isinstance(error, BadPayment):
                raise
            raise BadPayment(name, "It is the id of a Sharetribe transaction, a UUID.") from None

    def outcome(self, name: str) -> PaymentIn.Kind:
        kind = OUTCOMES.get(self.text(name))
        if kind is None:
            raise BadPayment(name, f"It is one of {', '.join(OUTCOMES)}.")
        return kind

    def money(self, name: str) -> Money:
        value = self.data.get(name)
        if value is None:
            raise _missing(name)
        if isinstance(value, Mapping) and type(value.get("units")) is int:
            value = {**value, "units": str(value["units"])}
        try:
            return Money.parse(value)
        except MoneyError as error:
            raise BadPayment(name, str(error)) from None

    def moment(self, name: str) -> datetime:
        text = self.text(name)
        try:
            moment = parse_datetime(text)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise BadPayment(name, "It is an ISO 8601 time with its zone, such as 2026-01-31T12:00:00Z.")
        return moment


def _missing(name: str) -> BadPayment:
    return BadPayment(name, "It is missing.", code="required")


def _is_text(text: str, least: int, most: int) -> bool:
    is_storable = "\x00" not in text and not _SURROGATE.search(text)
    return least <= len(text) <= most and is_storable and text == text.strip()
