"""The secrets that a subscription's messages are signed with: sealed, each for the row of its subscription."""

from __future__ import annotations

from datetime import datetime

from marketplace_payouts.lib import crypto
from payouts.models import WebhookSubscription


def seal(secret: str, subscription: WebhookSubscription) -> bytes:
    """This will seal a secret for the row of its subscription."""
    return crypto.seal(secret.encode(), aad=subscription.pk.bytes)


def secrets_of(subscription: WebhookSubscription, *, now: datetime) -> list[str]:
    """This will open what messages are signed with now: the secret and, for a while, the former one.

    :raises CryptoError: when one was changed, moved to another row, or its key is missing.
    """
    sealed = [subscription.secret]
    if subscription.former_secret is not None and (subscription.former_until or now) > now:
        sealed.append(subscription.former_secret)
    return [crypto.open(bytes(one), aad=subscription.pk.bytes).decode() for one in sealed]
