"""Which currencies exist for us, with how many decimals, and how their amounts are written.

Three tables of exponents meet in this product: ours (here), the marketplace's own (its default is here, the
marketplace confirms it at set-up), and each provider's (in that provider's module). A code that is missing from a
table is refused; nothing is ever assumed to have two decimals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from marketplace_payouts.lib.money import Money


class MoneyError(ValueError):
    """An amount, or what was to be done with it, makes no sense."""


class UnknownCurrency(MoneyError):
    """A currency is in none of our tables, so its decimals are not known either."""

    def __init__(self, code: object) -> None:
        super().__init__(f"The currency {code!r} is not in the table of currencies.")
        self.code = code


def _table(codes_by_exponent: Mapping[int, str]) -> Mapping[str, int]:
    return MappingProxyType(
        {code: exponent for exponent, codes in codes_by_exponent.items() for code in codes.split()}
    )


# ISO 4217, minor units as of 2026-11. Units of account and fund codes (CLF, UYI, XDR, …) are left out on purpose:
# nobody can be paid in them. Malagasy ariary and Mauritanian ouguiya divide by five, yet ISO gives them two decimals.
_FIAT: Final = _table(
    {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
        2: (
            "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
            "CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
            "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR "
            "MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD "
            "SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG "
            "YER ZAR ZMW ZWG"
        ),
        3: "BHD IQD JOD KWD LYD OMR TND",
    }
)

# An asset on a chain is a currency of its own: USDC on one chain cannot pay a debt in USDC on another.
_CHAIN_ASSETS: Final = _table({6: "USDC@solana USDC@near", 9: "SOL", 24: "NEAR"})

EXPONENTS: Final[Mapping[str, int]] = MappingProxyType({**_FIAT, **_CHAIN_ASSETS})

# How many decimals the marketplace's own front end assumes, as Sharetribe's web template ships them
# (src/config/settingsCurrency.js, read 2026-11). This is not ISO everywhere: the template has no currency with three
# decimals, so JOD counts in hundredths there. Each marketplace may change its copy, hence only a default.
SHARETRIBE_DEFAULT_EXPONENTS: Final = _table(
    {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
        2: (
            "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
            "CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF "
            "IDR ILS INR IRR JMD JOD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK "
            "MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP "
            "SLE SOS SRD SSP STN SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW"
        ),
    }
)

_DECIMAL = re.compile(r"(-?)([0-9]{1,60})(?:\.([0-9]{1,60}))?", re.ASCII)


def exponent(code: str) -> int:
    """Say how many decimals our own amounts of this currency have.

    :raises UnknownCurrency: when the code is not in the registry.
    """
    try:
        return EXPONENTS[code]
    except (KeyError, TypeError):
        raise UnknownCurrency(code) from None


def format_amount(money: Money) -> str:
    """Write an amount for people, such as ``1,234.50 EUR``.

    :raises UnknownCurrency: when the currency is not in the registry.
    """
    sign, whole, fraction = _split(units=money.units, places=exponent(money.currency))
    return f"{sign}{int(whole):,}{fraction} {money.currency}"


def to_decimal_string(units: int, exponent: int) -> str:
    """Write whole units as a plain decimal number with exactly `exponent` decimals."""
    sign, whole, fraction = _split(units=units, places=exponent)
    return f"{sign}{whole}{fraction}"


def from_decimal_string(text: object, exponent: int) -> int:
    """Read a plain decimal number into whole units.

    Further decimals are accepted only where they are zeros, because a foreign figure is never rounded in secret.

    :raises MoneyError: when the text is no plain decimal number (``1e3``, ``NaN``, ``1,5``, ``.5``) or too fine.
    """
    match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise MoneyError(f"{text!r} is not a plain decimal number.")
    sign, whole, fraction = match[1], match[2], match[3] or ""
    if fraction[exponent:].strip("0"):
        raise MoneyError(f"{text!r} has more than {exponent} decimals.")
    units = int(whole + fraction[:exponent].ljust(exponent, "0"))
    return -units if sign else units


def convert_exponent(units: int, from_exp: int, to_exp: int) -> tuple[int, int]:
    """Express units of one exponent in another, rounding towards zero.

    Gives the converted units and the rest, the rest in the finer units of `from_exp` and with the sign of `units`,
    so that nothing is lost: ``converted * 10 ** (from_exp - to_exp) + rest == units``.
    """
    if to_exp >= from_exp:
        return units * 10 ** (to_exp - from_exp), 0
    converted, rest = divmod(abs(units), 10 ** (from_exp - to_exp))
    return (converted, rest) if units >= 0 else (-converted, -rest)


def _split(*, units: int, places: int) -> tuple[str, str, str]:
    digits = str(abs(units)).rjust(places + 1, "0")
    whole, fraction = (digits[:-places], f".{digits[-places:]}") if places else (digits, "")
    return ("-" if units < 0 else ""), whole, fraction
