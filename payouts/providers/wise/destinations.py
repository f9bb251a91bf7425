"""Where Wise can pay to: a recipient that was made at Wise, by its id; what Wise keeps of it never changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from payouts.providers.base import DestinationError, ProviderError

_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_HASH = re.compile(r"[A-Za-z0-9+/=_-]{8,128}", re.ASCII)
# Currency and the last characters, as `destination` puts them together.
_ACCOUNT = re.compile(r"([A-Z]{3}):([A-Za-z0-9]{0,4})", re.ASCII)
_FIELDS: Final = frozenset({"recipient", "hash", "account"})
_BULLETS: Final = "••••"


def read_destination(given: Mapping[str, str]) -> Mapping[str, str]:
    """This will check and normalise what stands for a recipient: `recipient`, its id at Wise, and what goes with it.

    `hash` is Wise's mark of what it keeps, compared at each sending; `account` tells currency and last characters. Both
    are missing where staff give the id of a recipient that they made on wise.com.

    :raises DestinationError: when Wise cannot pay there; the sentence is fit for the payee.
    """
    filled = {name: value.strip() for name, value in given.items() if value and value.strip()}
    unknown = sorted(set(filled) - _FIELDS)
    if unknown:
        raise DestinationError("Wise pays to a recipient that it knows: give its id.", field=unknown[0])
    if not _ID.fullmatch(filled.get("recipient", "")):
        raise DestinationError("Give the id of the recipient at Wise, a number.", field="recipient")
    if "hash" in filled and not _HASH.fullmatch(filled["hash"]):
        raise DestinationError("This is no hash of a recipient.", field="hash")
    if "account" in filled and not _ACCOUNT.fullmatch(filled["account"]):
        raise DestinationError("This tells neither currency nor number.", field="account")
    return filled


def mask(destination: Mapping[str, str]) -> str:
    """This will show a destination without giving it away."""
    found = _ACCOUNT.fullmatch(destination.get("account", ""))
    if found is None:
        return f"Wise recipient {_BULLETS}{destination.get('recipient', '')[-3:]}"
    return f"{found[1]} account {_BULLETS}{found[2]}"


def currency_of(destination: Mapping[str, str]) -> str:
    """This will give the currency of the account, or nothing where it is not told."""
    return destination.get("account", "")[:3]


def account_of(currency: str, number: str) -> str:
    """This will put together what a destination tells of its account."""
    tail = re.sub(r"[^A-Za-z0-9]", "", number)[-4:]
    return f"{currency}:{tail}"


def recipient_of(destination: Mapping[str, str]) -> int:
    """This will give the id of the recipient.

    :raises ProviderError: when it is no destination that `read_destination` gave.
    """
    try:
        if dict(read_destination(destination)) != dict(destination):
            raise ProviderError("The destination is not in the form in which it was checked.")
    except DestinationError:
        raise ProviderError("The destination is not one that Wise can pay to.") from None
    return int(destination["recipient"])
