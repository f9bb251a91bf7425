"""Names and texts in the characters that every bank takes, by rules that stand in a table.

The set is that of the SEPA rule books (EPC217-08): Latin letters without marks, digits and a few signs. A letter with
marks becomes its base letter; what has none stands in the table; what stands nowhere is refused, never dropped: a name
that lost its letters is somebody else's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

LONGEST_NAME: Final = 70
LONGEST_TEXT: Final = 140
LONGEST_ID: Final = 35

_ALLOWED: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")
# Where people write Mueller for Müller; elsewhere (Türkiye, Finland, Hungary) it is Muller.
_UMLAUT_COUNTRIES: Final = frozenset({"AT", "CH", "DE", "LI", "LU"})
_UMLAUTS: Final[Mapping[str, str]] = {"ä": "ae", "ö": "oe", "ü": "ue"}
_LETTERS: Final[Mapping[str, str]] = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "ø": "o",
    "đ": "d",  # Vietnamese, Croatian
    "ð": "d",
    "þ": "th",
    "ł": "l",
    "ı": "i",  # Turkish
    "ħ": "h",
    "ŋ": "ng",
    "ŧ": "t",
    "ə": "a",  # Azerbaijani
    "ɓ": "b",  # Hausa
    "ɗ": "d",
    "ƙ": "k",
    "ƴ": "y",
}
_SIGNS: Final[Mapping[str, str]] = {
    **dict.fromkeys("’‘ʼʻ`´′‚", "'"),
    **dict.fromkeys('"“”„«»″', "'"),
    **dict.fromkeys("–—‑‒−_", "-"),
    **dict.fromkeys("\u00a0\u2009\u202f", " "),
    "&": "+",
    ";": ",",
    "!": ".",
    "·": ".",
    "…": "...",
}
_MARK: Final = re.compile("[\u0300-\u036f]")
# "/" has a meaning of its own in bank messages, and a cell that begins with a sign is a formula to a spreadsheet.
_GOOD_START: Final = re.compile(r"[A-Za-z0-9'(]")


class BadText(ValueError):
    """A text cannot be written in the characters that banks take; says which, and what to do."""


def transliterate(text: str, *, country: str = "") -> str:
    """This will write a text in the characters that every bank takes; blanks are joined, nothing is cut.

    `country` is that of the account: it decides how ä, ö and ü are written.

    :raises BadText: when a character has no rule, or the text begins or ends as no text may.
    """
    wanted = unicodedata.normalize("NFC", " ".join(text.split()))
    written = "".join(
        _written(character, wanted[place + 1 : place + 2], country) for place, character in enumerate(wanted)
    )
    written = " ".join(written.split())
    if not _GOOD_START.match(written):
        raise BadText("Begin with a letter or a digit.")
    if written.endswith("/") or "//" in written:
        raise BadText("A bank takes no “//”, and no “/” at the end.")
    return written


def _written(character: str, following: str, country: str) -> str:
    if character in _ALLOWED:
        return character
    small = character.lower() if len(character.lower()) == 1 else character
    found = _UMLAUTS.get(small) if country in _UMLAUT_COUNTRIES else None
    found = found or _LETTERS.get(small)
    if found is not None:
        return found if small == character else _capital(found, following)
    if character in _SIGNS:
        return _SIGNS[character]
    if _MARK.fullmatch(character):
        return ""  # upon a letter that has no form together with it (Yoruba's ọ̀)
    parts = unicodedata.normalize("NFD", character)
    base, marks = parts[:1], parts[1:]
    if base.isascii() and base.isalpha() and all(unicodedata.category(mark) == "Mn" for mark in marks):
        return base
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    raise BadText(f"Banks cannot take “{shown}”: write it in plain Latin letters, as your bank does.")


def _capital(found: str, following: str) -> str:
    """Ä is AE among capitals, and Ae before a small letter."""
    return found.capitalize() if following.islower() else found.upper()
