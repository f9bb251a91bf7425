"""Where PayPal can pay to: an e-mail address, or the id of a PayPal account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from payouts.providers.base import DestinationError, ProviderError

LONGEST: Final = 127
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_DOMAIN = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{2,59})", re.ASCII
)
_ACCOUNT = re.compile(r"[A-Z0-9]{13}", re.ASCII)
_BULLETS: Final = "•••"


def read_destination(given: Mapping[str, str]) -> Mapping[str, str]:
    """This will check and normalise what a payee gave: `email`, or `paypal_id`, never both.

    :raises DestinationError: when PayPal cannot pay there; the sentence is fit for the payee.
    """
    filled = {name: value.strip() for name, value in given.items() if value and value.strip()}
    if "phone" in filled:
        raise DestinationError(
            "PayPal payouts to a phone number are not offered: give an address.", field="phone"
        )
    unknown = sorted(set(filled) - {"email", "paypal_id"})
    if unknown:
        raise DestinationError("Only an e-mail address or a PayPal ID is needed.", field=unknown[0])
    if len(filled) != 1:
        raise DestinationError(
            "Give the e-mail address of the PayPal account, or its PayPal ID.", field="email"
        )
    if "email" in filled:
        return {"email": _read_email(filled["email"])}
    return {"paypal_id": _read_account(filled["paypal_id"])}


def mask(destination: Mapping[str, str]) -> str:
    """This will show a destination without giving it away."""
    if "email" in destination:
        local, _, domain = destination["email"].rpartition("@")
        return f"{local[:1]}{_BULLETS}@{domain}"
    return f"PayPal ID {_BULLETS}{destination.get('paypal_id', '')[-4:]}"


def receiver_of(destination: Mapping[str, str]) -> tuple[str, str]:
    """This will give PayPal's recipient type and receiver.

    :raises ProviderError: when it is no destination that `read_destination` gave.
    """
    try:
        if dict(read_destination(destination)) != dict(destination):
            raise ProviderError("The destination is not in the form in which it was checked.")
    except DestinationError:
        raise ProviderError("The destination is not one that PayPal can pay to.") from None
    if "email" in destination:
        return "EMAIL", destination["email"]
    return "PAYPAL_ID", destination["paypal_id"]


def echo(receiver: str) -> str:
    """This will bring a receiver, ours or echoed, into one form: PayPal does not tell capital letters apart."""
    receiver = receiver.strip()
    return receiver.lower() if "@" in receiver else receiver.upper()


def _read_email(text: str) -> str:
    local, at, domain = text.rpartition("@")
    domain = domain.lower()
    if not text.isascii():
        raise DestinationError("PayPal takes addresses with plain letters only.", field="email")
    if len(text) > LONGEST:
        raise DestinationError(f"PayPal takes addresses of up to {LONGEST} characters.", field="email")
    if not at or len(local) > 64 or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise DestinationError("This is not an e-mail address.", field="email")
    return f"{local}@{domain}"


def _read_account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text.upper()):
        raise DestinationError("A PayPal ID has 13 letters and digits.", field="paypal_id")
    return text.upper()
