"""The account that we pay from, and how its bank wants files; read from BANK_FILE_…, and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Final, Self, TypeVar

from marketplace_payouts.lib.clock import BusinessCalendar, ClockError
from payouts.providers import environ
from payouts.providers.bank_file.characters import LONGEST_NAME, BadText, transliterate
from payouts.providers.bank_file.countries import COUNTRIES
from payouts.providers.bank_file.iban import BIC, compact, problem
from payouts.providers.base import ProviderError

# ISO 4217, for the currencies in which bank accounts are kept. It is what ISO 20022 allows in each, and, as a test
# holds, what we count in.
DECIMALS: Final[Mapping[str, int]] = {
    code: places
    for places, codes in {
        0: "ISK JPY KRW VND XAF XOF",
        2: (
            "AED ALL AUD BAM BGN BRL CAD CHF CNY CZK DKK EGP EUR GBP GEL GHS HKD HUF IDR ILS INR KES MAD MDL MKD MXN "
            "MYR NGN NOK NZD PHP PKR PLN RON RSD SAR SEK SGD THB TRY TWD UAH USD ZAR"
        ),
        3: "BHD JOD KWD OMR TND",
    }.items()
    for code in codes.split()
}

_TOGETHER: Final = ("BANK_FILE_DEBTOR_NAME", "BANK_FILE_DEBTOR_ACCOUNT", "BANK_FILE_DEBTOR_BIC")
_FALSE: Final = frozenset({"", "false", "off", "n", "no", "0"})
_TRUE: Final = frozenset({"true", "on", "y", "yes", "1"})
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFileSettings:
    """One account in one currency."""

    name: str
    """The account's holder, in the characters that banks take."""
    account: str
    """The IBAN, or the account's number where its country has none."""
    bic: str
    currency: str = "EUR"
    batch_booking: bool = False
    """Whether the bank shall debit a file as one sum; its statement then needs to name the file."""
    execution_days: int = 1
    """Business days from the making of a file until the bank is to carry it out."""
    booked_within: timedelta = timedelta(days=10)
    """How long after a file was made the bank may still book it; what is on no statement then was never sent."""
    most_payments: int = 5000
    hold_for_funds: bool = False
    """Whether payouts wait where the last statement's balance does not cover them."""
    hours: tuple[time, ...] = ()
    """From when on files are made; none: as soon as something is approved."""
    countries: frozenset[str] = COUNTRIES
    zone: str = "UTC"
    """In which the bank's days are counted."""

    @classmethod
    def from_environ(cls, env: Mapping[str, str]) -> Self | None:
        """This will read BANK_FILE_…; None where none of what is needed is set.

        :raises ProviderError: when it is set up by half or wrongly; the sentence says what to do.
        """
        needed = environ.read_together(env, _TOGETHER, label="The bank file")
        if needed is None:
            return None
        name, account, bic = needed
        environ.is_live(env)
        return cls(
            name=_debtor_name(name),
            account=_debtor_account(compact(account)),
            bic=_debtor_bic(compact(bic)),
            currency=_currency(environ.read(env, "BANK_FILE_CURRENCY").upper() or "EUR"),
            batch_booking=_flag(env, "BANK_FILE_BATCH_BOOKING"),
            execution_days=_whole(env, "BANK_FILE_EXECUTION_DAYS", default=1, least=0, most=30),
            booked_within=timedelta(
                days=_whole(env, "BANK_FILE_BOOKED_WITHIN_DAYS", default=10, least=1, most=90)
            ),
            most_payments=_whole(env, "BANK_FILE_MOST_PAYMENTS", default=5000, least=1, most=100_000),
            hold_for_funds=_flag(env, "BANK_FILE_HOLD_FOR_FUNDS"),
            hours=_hours(environ.read(env, "BANK_FILE_HOURS")),
            countries=_countries(environ.read(env, "BANK_FILE_COUNTRIES")),
            zone=_zone(environ.read(env, "TIME_ZONE") or "UTC"),
        )


def _debtor_name(text: str) -> str:
    try:
        name = transliterate(text)
    except BadText as error:
        raise ProviderError(f"BANK_FILE_DEBTOR_NAME: {error}") from None
    if len(name) > LONGEST_NAME:
        raise ProviderError(f"BANK_FILE_DEBTOR_NAME has more than {LONGEST_NAME} characters.")
    return name


def _debtor_account(number: str) -> str:
    # What begins as an IBAN does is one, or a mistake; anything else is an account of a country without IBANs.
    if number[:2].isalpha() and (sentence := problem(number)):
        raise ProviderError(f"BANK_FILE_DEBTOR_ACCOUNT: {sentence}")
    if not (number.isascii() and number.isalnum() and len(number) <= 34):
        raise ProviderError("BANK_FILE_DEBTOR_ACCOUNT is no account number: at most 34 letters and digits.")
    return number


def _debtor_bic(code: str) -> str:
    if not BIC.fullmatch(code):
        raise ProviderError("BANK_FILE_DEBTOR_BIC is no BIC: 8 or 11 characters, such as COBADEFF.")
    return code


def _currency(code: str) -> str:
    if code not in DECIMALS:
        raise ProviderError(
            f"BANK_FILE_CURRENCY is {code}, whose decimals at banks are not known; known are {', '.join(DECIMALS)}."
        )
    return code


def _flag(env: Mapping[str, str], name: str) -> bool:
    text = environ.read(env, name).lower()
    if text not in _TRUE | _FALSE:
        raise ProviderError(f"{name} is on or off, not {text!r}.")
    return text in _TRUE


def _whole(env: Mapping[str, str], name: str, *, default: int, least: int, most: int) -> int:
    return _read(
        env, name, default, lambda text: _between(text, least, most), f"a whole number from {least} to {most}"
    )


def _between(text: str, least: int, most: int) -> int:
    number = int(text)
    if not least <= number <= most:
        raise ValueError(text)
    return number


def _read(
    env: Mapping[str, str], name: str, default: Value, read: Callable[[str], Value], what: str
) -> Value:
    text = environ.read(env, name)
    if not text:
        return default
    try:
        return read(text)
    except ValueError:
        raise ProviderError(f"{name} is {what}, not {text!r}.") from None


def _countries(text: str) -> frozenset[str]:
    wanted = frozenset(part.strip().upper() for part in text.split(",") if part.strip())
    if unknown := sorted(wanted - COUNTRIES):
        raise ProviderError(f"BANK_FILE_COUNTRIES names {unknown[0]}, of whose accounts nothing is known.")
    return wanted or COUNTRIES


def _hours(text: str) -> tuple[time, ...]:
    try:
        return tuple(sorted(time.fromisoformat(part.strip()) for part in text.split(",") if part.strip()))
    except ValueError:
        raise ProviderError(
            f"BANK_FILE_HOURS is times of the day by commas, such as 14:00, not {text!r}."
        ) from None


def _zone(name: str) -> str:
    try:
        BusinessCalendar(zone=name)
    except ClockError:
        raise ProviderError(f"TIME_ZONE is {name!r}, which is no time zone.") from None
    return name
