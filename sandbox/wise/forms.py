"""Which fields Wise asks for to pay into an account, per currency and kind of account; some depend on others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.wise.problems import Problem

NAME = r"^\S{2,}( \S{2,})+$"


@dataclass(frozen=True)
class Asked:
    """One field; `choices` are (key, name), `when` names another field's value on which it depends."""

    key: str
    name: str
    pattern: str = ""
    example: str = ""
    required: bool = True
    longest: int = 140
    choices: tuple[tuple[str, str], ...] = ()
    refreshes: bool = False
    kind: str = "text"
    when: tuple[str, str] | None = None

    def shown(self) -> dict[str, Any]:
        """Show it as Wise does."""
        one = {
            "key": self.key,
            "name": self.name,
            "type": "select" if self.choices else self.kind,
            "refreshRequirementsOnChange": self.refreshes,
            "required": self.required,
            "displayFormat": "",
            "example": self.example,
            "minLength": 1,
            "maxLength": self.longest,
            "validationRegexp": self.pattern,
            "valuesAllowed": [{"key": key, "name": name} for key, name in self.choices] or None,
        }
        return {"name": self.name, "group": [one]}


_LEGAL = Asked("legalType", "Recipient type", choices=(("PRIVATE", "Person"), ("BUSINESS", "Business")))
_HOLDER = Asked("accountHolderName", "Full name of the account holder", pattern=NAME, example="Anna Lehmann")
_EMAIL = Asked("email", "Their email (optional)", required=False, pattern=r"^[^\s]+@[^\s]+\.[^\s]{2,}$")
_IBAN = Asked("IBAN", "IBAN", pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9 ]{8,30}$", example="DE89370400440532013000")
_NUMBER = Asked("accountNumber", "Account number", pattern=r"^[0-9]{4,20}$", example="12345678")
_COUNTRIES = (("US", "United States"), ("GB", "United Kingdom"), ("VN", "Vietnam"), ("NG", "Nigeria"))
_STATES = (("CA", "California"), ("NY", "New York"))
_ADDRESS = (
    Asked("address.country", "Country", choices=_COUNTRIES, refreshes=True),
    Asked("address.city", "City"),
    Asked("address.firstLine", "Recipient address"),
    Asked("address.postCode", "Post code", pattern=r"^.{1,32}$", longest=32),
    Asked("address.state", "State", choices=_STATES, when=("address.country", "US")),
)
_SWIFT = Asked("swiftCode", "SWIFT code", pattern=r"^[A-Z0-9]{8}([A-Z0-9]{3})?$", example="BUKBGB22")
_BANKS = (("VCB", "Vietcombank"), ("TCB", "Techcombank"))

FORMS: dict[str, dict[str, tuple[str, tuple[Asked, ...]]]] = {
    "EUR": {"iban": ("IBAN", (_LEGAL, _IBAN))},
    "GBP": {
        "sort_code": (
            "Local bank account",
            (_LEGAL, Asked("sortCode", "Sort code", pattern=r"^[0-9-]{6,8}$", example="40-30-20"), _NUMBER),
        ),
        "iban": ("IBAN", (_LEGAL, _IBAN)),
    },
    "USD": {
        "aba": (
            "US bank account",
            (
                _LEGAL,
                Asked("abartn", "Routing number", pattern=r"^[0-9]{9}$", example="111000025"),
                _NUMBER,
                Asked(
                    "accountType", "Account type", choices=(("CHECKING", "Checking"), ("SAVINGS", "Savings"))
                ),
                *_ADDRESS,
            ),
        ),
        "swift_code": ("International bank account", (_LEGAL, _SWIFT, _NUMBER, *_ADDRESS)),
    },
    "VND": {
        "vietname_earthport": (
            "Local bank account",
            (_LEGAL, Asked("bankCode", "Bank", choices=_BANKS), _NUMBER),
        )
    },
    "JPY": {"japanese": ("Local bank account", (_LEGAL, _NUMBER))},
}
_PLAIN: dict[str, tuple[str, tuple[Asked, ...]]] = {"local": ("Local bank account", (_LEGAL, _NUMBER))}


def kinds_for(currency: str) -> Mapping[str, tuple[str, tuple[Asked, ...]]]:
    """Give the kinds of account of a currency."""
    return FORMS.get(currency, _PLAIN)


def requirements(currency: str, given: Mapping[str, Any], *, with_name: bool) -> list[dict[str, Any]]:
    """Show the form of each kind of account, for what was given so far."""
    found = []
    for kind, (title, _) in kinds_for(currency).items():
        fields = [one.shown() for one in _fields(currency, kind, given, with_name=with_name)]
        found.append({"type": kind, "title": title, "usageInfo": "", "fields": fields})
    return found


def check(currency: str, kind: str, given: Mapping[str, Any]) -> None:
    """Hold what was given against the form.

    :raises Problem: naming the first field that is wrong.
    """
    if kind not in kinds_for(currency):
        raise Problem(400, "NOT_VALID", f"{kind} accounts are not supported for {currency}", path="type")
    for one in _fields(currency, kind, given, with_name=True):
        _check(one, _value(given, one.key))


def _check(one: Asked, value: str) -> None:
    if not value:
        if one.required:
            raise Problem(400, "NOT_VALID", f"Please enter {one.name.lower()}", path=one.key)
        return
    fits = value in dict(one.choices) if one.choices else re.match(one.pattern or "", value) is not None
    if not fits or len(value) > one.longest:
        raise Problem(400, "NOT_VALID", f"Please enter a valid {one.name.lower()}", path=one.key)


def _fields(currency: str, kind: str, given: Mapping[str, Any], *, with_name: bool) -> Iterator[Asked]:
    if with_name:
        yield _HOLDER
        yield _EMAIL
    for one in kinds_for(currency)[kind][1]:
        if one.when is None or _value(given, one.when[0]) == one.when[1]:
            yield one


def _value(given: Mapping[str, Any], key: str) -> str:
    """Find a dotted key: the holder's name at the top, everything else below `details`."""
    place: Any = given if key in ("accountHolderName", "email") else given.get("details") or {}
    if key == "email" and not given.get("email"):
        place = given.get("details") or {}
    for part in key.split("."):
        place = place.get(part) if isinstance(place, dict) else None
    return "" if place is None else str(place)
