"""What an account is named by, country by country; a country that stands nowhere is not paid."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from payouts.providers.bank_file.iban import LENGTHS

# The scheme's own list of 2025-10; Guernsey, Jersey and the Isle of Man have British IBANs.
_SEPA: Final = (
    "AD AL AT BE BG CH CY CZ DE DK EE ES FI FR GB GI GR HR HU IE IS IT LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS "
    "SE SI SK SM VA"
)
SEPA: Final = frozenset(_SEPA.split())


def _is_routing_number(text: str) -> bool:
    weights = (3, 7, 1) * 3
    return sum(int(digit) * weight for digit, weight in zip(text, weights, strict=True)) % 10 == 0


def _is_clabe(text: str) -> bool:
    weights = (3, 7, 1) * 6
    total = sum(int(digit) * weight % 10 for digit, weight in zip(text[:17], weights, strict=False))
    return (10 - total % 10) % 10 == int(text[17])


def _anything(_text: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Domestic:
    """Accounts of a country without IBANs: a number, and the bank by its clearing code, or by its BIC."""

    account: str
    """Pattern of the account number, as it is compared: digits and capitals without blanks."""
    example: str
    account_label: str = "Account number"
    scheme: str = ""
    """ISO 20022's name of the clearing system; empty: the bank is named by its BIC."""
    clearing: str = ""
    clearing_label: str = ""
    clearing_example: str = ""
    is_account: Callable[[str], bool] = _anything
    is_clearing: Callable[[str], bool] = _anything


_BY_BIC: Final = "BD BO CL CO GH HK ID JM KE KH KR LA LK MA MY NP PE PG PH SG TH TT TW TZ UG UY VN ZM"
DOMESTIC: Final[Mapping[str, Domestic]] = {
    **{code: Domestic(r"[A-Z0-9]{4,34}", "0071000123456") for code in _BY_BIC.split()},
    "AR": Domestic(r"[0-9]{22}", "2850590940090418135201", "CBU"),
    "AU": Domestic(r"[0-9]{5,10}", "12345678", "Account number", "AUBSB", r"[0-9]{6}", "BSB", "062000"),
    "CA": Domestic(
        r"[0-9]{5,12}",
        "1234567",
        "Account number",
        "CACPA",
        r"0[0-9]{8}",
        "Routing number: 0, three digits of the institution, five of the branch",
        "000305552",
    ),
    "CN": Domestic(
        r"[0-9]{10,25}",
        "6222021234567890123",
        "Account number",
        "CNAPS",
        r"[0-9]{12}",
        "CNAPS code",
        "102100099996",
    ),
    "IN": Domestic(
        r"[0-9]{9,18}",
        "50100012345678",
        "Account number",
        "INFSC",
        r"[A-Z]{4}0[A-Z0-9]{6}",
        "IFSC",
        "HDFC0000001",
    ),
    "JP": Domestic(
        r"[0-9]{7}",
        "1234567",
        "Account number",
        "JPZGN",
        r"[0-9]{7}",
        "Bank and branch: four and three digits",
        "0001001",
    ),
    "MX": Domestic(r"[0-9]{18}", "002010077777777771", "CLABE", is_account=_is_clabe),
    "NG": Domestic(r"[0-9]{10}", "0123456789", "NUBAN account number"),
    "NZ": Domestic(r"[0-9]{15,16}", "0100010123456700"),
    "US": Domestic(
        r"[0-9]{4,17}",
        "123456789",
        "Account number",
        "USABA",
        r"[0-9]{9}",
        "Routing number",
        "021000021",
        is_clearing=_is_routing_number,
    ),
    "ZA": Domestic(
        r"[0-9]{7,13}", "62001234567", "Account number", "ZANCC", r"[0-9]{6}", "Branch code", "250655"
    ),
}
COUNTRIES: Final = frozenset(LENGTHS.keys() | DOMESTIC.keys())


def fits(pattern: str, text: str) -> bool:
    """This will tell whether a whole text is as a pattern has it."""
    return re.fullmatch(pattern, text, re.ASCII) is not None
