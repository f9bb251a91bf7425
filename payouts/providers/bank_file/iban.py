"""International account numbers: their length per country, and their checksum (ISO 13616, SWIFT's registry)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Country and length, from SWIFT's IBAN registry, release 99.
_LENGTHS: Final = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
    "PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
LENGTHS: Final[Mapping[str, int]] = {word[:2]: int(word[2:]) for word in _LENGTHS.split()}
"""How long an IBAN is, by country; a country that is missing has none that we know."""

_SHAPE: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}", re.ASCII)
BIC: Final = re.compile(r"[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.ASCII)
"""A bank's code (ISO 9362); its fifth and sixth characters are the bank's country."""


def compact(text: str) -> str:
    """This will give an account number as it is compared: without blanks and dashes, in capitals."""
    return re.sub(r"[\s.-]", "", text).upper()


def problem(iban: str) -> str:
    """This will say what is wrong with a compact IBAN, for whoever typed it; nothing where it is right."""
    if not _SHAPE.fullmatch(iban):
        return "An IBAN begins with two letters and two digits, such as DE89 3704 0044 0532 0130 00."
    length = LENGTHS.get(iban[:2])
    if length is None:
        return f"No IBANs of the country {iban[:2]} are known."
    if len(iban) != length:
        return f"An IBAN of {iban[:2]} has {length} characters, not {len(iban)}."
    if _remainder(iban) != 1:
        return "This IBAN is mistyped: its check digits do not fit."
    return ""


def is_iban(text: str) -> bool:
    """This will tell whether a compact account number is an IBAN without a mistake."""
    return not problem(text)


def _remainder(iban: str) -> int:
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97
