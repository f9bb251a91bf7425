"""Where money goes: a connected account. It is named by our own record of the seller, and typed by nobody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from payouts.providers.base import DestinationError, ProviderError

_ACCOUNT: Final = re.compile(r"acct_[A-Za-z0-9]{8,60}", re.ASCII)


def read_destination(given: Mapping[str, str]) -> Mapping[str, str]:
    """This will check `account`, the id of a connected account.

    :raises DestinationError: when it is none; the sentence is fit for the payee.
    """
    filled = {name: value.strip() for name, value in given.items() if value and value.strip()}
    unknown = sorted(set(filled) - {"account"})
    if unknown:
        raise DestinationError("Only the id of the account at Stripe is needed.", field=unknown[0])
    account = filled.get("account", "")
    if not _ACCOUNT.fullmatch(account):
        raise DestinationError("This is not the id of an account at Stripe.", field="account")
    return {"account": account}


def account_of(destination: Mapping[str, str]) -> str:
    """This will give the connected account.

    :raises ProviderError: when it is no destination that `read_destination` gave.
    """
    try:
        if dict(read_destination(destination)) != dict(destination):
            raise ProviderError("The destination is not in the form in which it was checked.")
    except DestinationError:
        raise ProviderError("The destination is no account at Stripe.") from None
    return destination["account"]


def mask(destination: Mapping[str, str]) -> str:
    """This will show a destination without giving it away."""
    return f"Stripe account •••{destination.get('account', '')[-4:]}"
