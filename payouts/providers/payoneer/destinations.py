"""Where Payoneer can pay to: a payee of our program, whom it knows by the id that we gave them.

The id is ours, made of our own id of the payee and of nothing else, so that a registration is always somebody's. Its
longest form is not documented for this version; the one before took 30 letters and digits, which a UUID written in 32
letters fits.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from payouts.providers.base import DestinationError, ProviderError

_PAYEE = re.compile(r"[A-Za-z0-9_-]{1,30}", re.ASCII)
_BULLETS: Final = "•••"
# Of a shorter id its end would be too much.
_LONG: Final = 12


def payee_id_of(payee: str) -> str:
    """This will give the id by which Payoneer knows a payee of ours: the same for ever.

    :raises ProviderError: when it can be expressed in no such id.
    """
    try:
        return base64.b32encode(UUID(payee).bytes).decode().rstrip("=").lower()
    except ValueError:
        pass
    if not _PAYEE.fullmatch(payee):
        raise ProviderError("A payee's id for Payoneer has at most 30 letters and digits.")
    return payee


def read_destination(given: Mapping[str, str]) -> Mapping[str, str]:
    """This will check `payee_id`, and nothing else.

    :raises DestinationError: when it can be no payee's; the sentence is fit for the payee.
    """
    filled = {name: value.strip() for name, value in given.items() if value and value.strip()}
    unknown = sorted(set(filled) - {"payee_id"})
    if unknown:
        raise DestinationError(
            "Payoneer asks for your details itself: nothing else is needed.", field=unknown[0]
        )
    payee_id = filled.get("payee_id", "")
    if not _PAYEE.fullmatch(payee_id):
        raise DestinationError("Register with Payoneer first, by the link on this page.", field="payee_id")
    return {"payee_id": payee_id}


def payee_of(destination: Mapping[str, str]) -> str:
    """This will give Payoneer's payee.

    :raises ProviderError: when it is no destination that `read_destination` gave.
    """
    try:
        if dict(read_destination(destination)) == dict(destination):
            return destination["payee_id"]
    except DestinationError:
        pass
    raise ProviderError("The destination is not one that Payoneer can pay to.")


def mask(destination: Mapping[str, str]) -> str:
    """This will show a destination without giving it away."""
    payee_id = destination.get("payee_id", "")
    return f"Payoneer {_BULLETS}{payee_id[-4:] if len(payee_id) >= _LONG else ''}"


def echo(payee_id: str) -> str:
    """This will bring a payee, ours or echoed, into one form."""
    return payee_id.strip().lower()
