"""Where a provider delivers its webhooks: an address with a part that nobody can guess.

The unguessable part follows from SECRET_KEY, so that every process knows it and it stands nowhere; after the key was
changed the address of the former one still works while it is among SECRET_KEY_FALLBACKS.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid

from django.conf import settings

from marketplace_payouts.lib import crypto


def token(provider: str) -> uuid.UUID:
    """This will give the unguessable part of a provider's address."""
    return _derived(provider, settings.SECRET_KEY)


def is_token(provider: str, given: uuid.UUID) -> bool:
    """This will tell, in constant time, whether it is the provider's."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    fits = [crypto.constant_time_equal(_derived(provider, key).bytes, given.bytes) for key in keys]
    return any(fits)


def address(provider: str) -> str:
    """This will give the address to register with a provider."""
    return f"{settings.PUBLIC_URL}/webhooks/{provider}/{token(provider)}/"


def _derived(provider: str, key: str) -> uuid.UUID:
    digest = hmac.digest(key.encode(), f"webhook address of {provider}".encode(), hashlib.sha256)
    return uuid.UUID(bytes=digest[:16], version=4)
