"""The secrets of webhook endpoints: dj-stripe keeps them in a column of text, we put them there sealed."""

from __future__ import annotations

import base64
from typing import Final
from uuid import UUID

from marketplace_payouts.lib import crypto

_SEALED: Final = "sealed:"


def seal(secret: str, *, endpoint: UUID) -> str:
    """This will seal a secret for the column of the endpoint with this part of its address."""
    sealed = crypto.seal(secret.encode(), aad=endpoint.bytes)
    return _SEALED + base64.b64encode(sealed).decode()


def open_sealed(text: str, *, endpoint: UUID) -> str:
    """This will open what was sealed; a secret that somebody else put there in clear is given as it is.

    :raises CryptoError: when it is sealed under a key that we do not hold, or is of another endpoint.
    """
    if not text.startswith(_SEALED):
        return text
    return crypto.open(_bytes(text), aad=endpoint.bytes).decode()


def is_under(key_id: str, text: str) -> bool:
    """This will say whether it is sealed under the key."""
    return text.startswith(_SEALED) and crypto.sealed_under(_bytes(text)) == key_id


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text.removeprefix(_SEALED), validate=True)
    except ValueError:
        raise crypto.Tampered("The sealed secret of a webhook endpoint was changed.") from None
