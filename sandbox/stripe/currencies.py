"""Currencies and countries as Stripe has them (docs.stripe.com/currencies and /global, read 2026-11)."""

from __future__ import annotations

from typing import Any

from sandbox.stripe import problems

_ZERO_DECIMAL = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
ZERO_DECIMAL = frozenset(_ZERO_DECIMAL.split())
_OTHERS = """
usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc
cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr kyd
kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr
pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx uyu uzs wst xcd
yer zar zmw
"""
CURRENCIES = ZERO_DECIMAL | frozenset(_OTHERS.split())
_SETTLING = """
usd eur gbp aud cad chf czk dkk hkd huf jpy mxn nok nzd pln ron sek sgd
"""
SETTLING = tuple(_SETTLING.split())
"""The currencies in which the platform begins with money."""

IN_HUNDREDS = frozenset({"isk", "ugx"})
"""Two decimals on the wire that must be zero: the currency lost them, the interface kept them."""
PAID_OUT_IN_HUNDREDS = IN_HUNDREDS | {"huf", "twd"}
"""The same, for payouts to a bank."""

COUNTRIES = {
    "AE": "aed", "AT": "eur", "AU": "aud", "BE": "eur", "BG": "eur", "BR": "brl", "CA": "cad", "CH": "chf",
    "CY": "eur", "CZ": "czk", "DE": "eur", "DK": "dkk", "EE": "eur", "ES": "eur", "FI": "eur", "FR": "eur",
    "GB": "gbp", "GI": "gbp", "GR": "eur", "HK": "hkd", "HR": "eur", "HU": "huf", "IE": "eur", "IN": "inr",
    "IT": "eur", "JP": "jpy", "LI": "chf", "LT": "eur", "LU": "eur", "LV": "eur", "MT": "eur", "MX": "mxn",
    "MY": "myr", "NL": "eur", "NO": "nok", "NZ": "nzd", "PL": "pln", "PT": "eur", "RO": "ron", "SE": "sek",
    "SG": "sgd", "SI": "eur", "SK": "eur", "TH": "thb", "US": "usd",
}  # fmt: skip
"""Country → the currency of its accounts."""

_REGIONS = """
AT BE BG CA CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IT LI LT LU LV MT NL NO PL PT RO SE SI SK US
"""
_TOGETHER = frozenset(_REGIONS.split())
"""A platform in one of these may send to accounts in all of them; elsewhere only within its country."""


def currency(value: Any, name: str) -> str:
    """Read a currency, in either case."""
    code = str(value).lower()
    if code not in CURRENCIES:
        raise problems.invalid(
            f"Invalid currency: {value}. Stripe currently supports these currencies: {', '.join(sorted(CURRENCIES))}",
            name,
        )
    return code


def country(value: Any, name: str) -> str:
    """Read the country of an account: Stripe serves some, and names the others."""
    if not isinstance(value, str) or len(value) != 2 or not value.isalpha():
        raise problems.invalid(
            f"Country '{value}' is unknown. Try using a 2-character alphanumeric country code instead, such as 'US', "
            "'EG', or 'GB'.",
            name,
        )
    code = value.upper()
    if code not in COUNTRIES:
        raise problems.invalid(
            f"{code} is not currently supported by Stripe.", name, code="country_unsupported"
        )
    return code


def reaches(platform: str, destination: str) -> bool:
    """Say whether a platform in one country may send to an account in another."""
    return platform == destination or {platform, destination} <= _TOGETHER


def check_divisible(units: int, code: str, *, of_payout: bool = False) -> None:
    """Refuse decimals that a currency does not have.

    :raises Problem: naming the amount.
    """
    if code in (PAID_OUT_IN_HUNDREDS if of_payout else IN_HUNDREDS) and units % 100:
        raise problems.invalid(
            f"Invalid amount: {code.upper()} has no decimals, so that the amount must be divisible by 100.",
            "amount",
        )


def shown(units: int, code: str) -> str:
    """Write an amount for people."""
    symbols = {"usd": "$", "eur": "€", "gbp": "£"}
    number = f"{units}" if code in ZERO_DECIMAL else f"{units // 100}.{units % 100:02d}"
    return f"{symbols[code]}{number}" if code in symbols else f"{number} {code.upper()}"
