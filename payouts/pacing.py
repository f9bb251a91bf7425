"""No provider is called more often than it bears: one rate for each, kept by all processes and machines together.

A turn is taken before each payment, each question about one and each cancelling. Further pages of the same answer, and
what is read a few times a day (balances, lists), take none: the declared rate leaves room for them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from marketplace_payouts.lib.shared_state import NotGranted, TokenBucket
from payouts.providers.base import PayoutProvider, ProviderUnavailable

# Far less than a sender's lease, and than a claim of whoever asks; whoever would wait longer comes back later.
PATIENCE: Final = timedelta(seconds=20)


class NoTurn(ProviderUnavailable):
    """Everybody together calls this provider as often as it may be called: nothing was sent, ask later."""

    def __init__(self, provider: str) -> None:
        super().__init__(f"{provider} is being called as often as it may be; this comes later.")
        self.provider = provider


def take_turn(provider: PayoutProvider, *, patience: timedelta = PATIENCE) -> None:
    """This will wait until the provider may be called once more. It must not be called in a transaction.

    :raises NoTurn: when the wait would be longer than `patience`.
    """
    try:
        turns(provider).take(wait_s=patience.total_seconds())
    except NotGranted:
        raise NoTurn(provider.name) from None


def turns(provider: PayoutProvider) -> TokenBucket:
    """This will give the turns with a provider that everybody shares."""
    rate = provider.capabilities.calls_per_second
    # What was not used may be used up at once, but never more than two seconds' worth.
    return TokenBucket(f"provider {provider.name}", rate=rate, burst=max(round(2 * rate), 1))
