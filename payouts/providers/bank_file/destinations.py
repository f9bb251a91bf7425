"""Accounts that a bank file can pay to: read, shown masked, and brought into the form in which they are compared."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

from payouts.providers.bank_file import iban as ibans
from payouts.providers.bank_file.characters import LONGEST_NAME, BadText, transliterate
from payouts.providers.bank_file.countries import COUNTRIES, DOMESTIC, SEPA, fits
from payouts.providers.bank_file.iban import BIC, LENGTHS, compact
from payouts.providers.base import DestinationError

FIELDS: Final = ("country", "holder", "iban", "account", "clearing", "bic", "city")
LONGEST_CITY: Final = 35
_SHORTEST_BIC: Final = 8


def read_destination(given: Mapping[str, str]) -> Mapping[str, str]:
    """This will check and normalise an account: `country`, `holder`, then `iban`, or `account` and its bank.

    :raises DestinationError: when a file cannot pay there; the sentence is fit for the payee.
    """
    filled = {name: value.strip() for name, value in given.items() if value and value.strip()}
    country = filled.get("country", "").upper()
    if country not in COUNTRIES:
        raise DestinationError("Choose the country in which the account is held.", field="country")
    wanted = fields_of(country)
    if unknown := sorted(set(filled) - set(wanted)):
        raise DestinationError(
            f"For an account in {country} only {', '.join(wanted)} are needed.", field=unknown[0]
        )
    read = {"country": country, "holder": _text(filled, "holder", country, LONGEST_NAME)}
    read |= _iban(filled, country) if country in LENGTHS else _domestic(filled, country)
    if "city" in wanted:
        read["city"] = _text(filled, "city", country, LONGEST_CITY)
    return read


def fields_of(country: str) -> tuple[str, ...]:
    """This will name what an account in a country needs; of IBANs within SEPA the bank's code is not asked."""
    if country in SEPA:
        return ("country", "holder", "iban", "bic")
    if country in LENGTHS:
        return ("country", "holder", "iban", "bic", "city")
    named_by = "clearing" if DOMESTIC[country].scheme else "bic"
    return ("country", "holder", "account", named_by, "city")


def mask(destination: Mapping[str, str]) -> str:
    """This will show an account without giving it away: its last three characters."""
    kind = "IBAN" if "iban" in destination else "Account"
    return f"{kind} •••• {account_of(destination)[-3:]}"


def account_of(destination: Mapping[str, str]) -> str:
    """This will give the account number alone, as statements name it."""
    return destination.get("iban") or destination["account"]


def name_of(destination: Mapping[str, str]) -> str:
    """This will give the holder's name as the file has it."""
    return transliterate(destination["holder"], country=destination["country"])


def _text(filled: Mapping[str, str], field: str, country: str, longest: int) -> str:
    """Kept as it was given, where it can be written in the characters of banks."""
    given = unicodedata.normalize("NFC", " ".join(filled.get(field, "").split()))
    if not given:
        what = "the name of the account's holder" if field == "holder" else "the holder's town"
        raise DestinationError(f"Give {what}.", field=field)
    try:
        written = transliterate(given, country=country)
    except BadText as error:
        raise DestinationError(str(error), field=field) from None
    if len(written) > longest:
        raise DestinationError(
            f"A bank takes {longest} characters, and this has {len(written)}: shorten it as your bank does.",
            field=field,
        )
    return given


def _iban(filled: Mapping[str, str], country: str) -> dict[str, str]:
    number = compact(filled.get("iban", ""))
    if not number:
        raise DestinationError("Give the IBAN.", field="iban")
    if sentence := ibans.problem(number):
        raise DestinationError(sentence, field="iban")
    if number[:2] != country:
        raise DestinationError(
            f"This IBAN is of {number[:2]}: choose that country, or give another IBAN.", field="iban"
        )
    if "bic" not in filled and country in SEPA:
        return {"iban": number}
    return {"iban": number, "bic": _bic(filled, country)}


def _domestic(filled: Mapping[str, str], country: str) -> dict[str, str]:
    rule = DOMESTIC[country]
    number = compact(filled.get("account", ""))
    if not fits(rule.account, number) or not rule.is_account(number):
        raise DestinationError(
            f"This is no account number of {country}. One looks like this: {rule.example}", field="account"
        )
    if not rule.scheme:
        return {"account": number, "bic": _bic(filled, country)}
    code = compact(filled.get("clearing", ""))
    if not fits(rule.clearing, code) or not rule.is_clearing(code):
        raise DestinationError(
            f"This cannot be right. It looks like this: {rule.clearing_example}", field="clearing"
        )
    return {"account": number, "clearing": code}


def _bic(filled: Mapping[str, str], country: str) -> str:
    code = compact(filled.get("bic", ""))
    if not BIC.fullmatch(code):
        raise DestinationError("Give the bank's BIC (SWIFT code): 8 or 11 characters.", field="bic")
    # A bank abroad may keep accounts of this country (Monaco's are kept in France): only IBANs tell for certain.
    if country in DOMESTIC and code[4:6] != country:
        raise DestinationError(f"This BIC is of a bank in {code[4:6]}, not in {country}.", field="bic")
    return code[:_SHORTEST_BIC] if code.endswith("XXX") and len(code) > _SHORTEST_BIC else code
