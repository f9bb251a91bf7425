"""Amounts of money: whole units of the smallest denomination and their currency. Never a float, never a bare number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from marketplace_payouts.lib.currencies import MoneyError, exponent, format_amount

__all__ = ["MAX_UNITS", "Money", "MoneyError"]

# What fits the database's numeric(40, 0).
MAX_UNITS: Final = 10**40 - 1


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency, ordered and added only within that currency.

    :raises MoneyError: when the units are not a plain ``int`` or do not fit the database.
    :raises UnknownCurrency: when the currency is not in our registry.
    """

    units: int
    currency: str

    def __post_init__(self) -> None:
        # `type() is`, because True is an int and would pass as one unit.
        if type(self.units) is not int:
            raise MoneyError(f"Money counts whole units as int, not {type(self.units).__name__}.")
        if abs(self.units) > MAX_UNITS:
            raise MoneyError("The amount has more than 40 digits.")
        exponent(self.currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Give nothing, in this currency."""
        return cls(0, currency)

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str) -> Money:
        """Add amounts up; nothing to add is zero.

        :raises MoneyError: when one of them is in another currency.
        """
        total = cls(0, currency)
        for amount in amounts:
            total = total + amount
        return total

    @classmethod
    def parse(cls, value: object) -> Money:
        """Read the JSON form ``{"units": "123", "currency": "EUR"}``.

        :raises MoneyError: when it is anything else; a JSON number is refused, since it may have been a float.
        :raises UnknownCurrency: when the currency is not in our registry.
        """
        if not isinstance(value, Mapping) or set(value) != {"units", "currency"}:
            raise MoneyError("An amount must have units and currency, and nothing else.")
        units, currency = value["units"], value["currency"]
        if not isinstance(units, str) or not isinstance(currency, str):
            raise MoneyError("Units and currency of an amount must be strings.")
        digits = units.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > 40:
            raise MoneyError(f"{units[:50]!r} is not a whole number of units.")
        return cls(int(units), currency)

    def to_json(self) -> dict[str, str]:
        """Give the JSON form that `parse` reads."""
        return {"units": str(self.units), "currency": self.currency}

    def shown_json(self) -> dict[str, str | int]:
        """Give the JSON form for whoever has no table of currencies: with the decimals of this one."""
        return {"units": str(self.units), "currency": self.currency, "exponent": exponent(self.currency)}

    def __bool__(self) -> bool:
        return self.units != 0

    def __str__(self) -> str:
        return format_amount(self)

    def __add__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.units + self._same(other).units, self.currency)

    def __sub__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        return Money(self.units - self._same(other).units, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.units, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.units), self.currency)

    def __lt__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.units < self._same(other).units

    def __le__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.units <= self._same(other).units

    def __gt__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.units > self._same(other).units

    def __ge__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.units >= self._same(other).units

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise MoneyError(f"{self.currency} and {other.currency} cannot be combined or compared.")
        return other
