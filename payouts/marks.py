"""The mark of a destination: a keyed fingerprint, equal for equal destinations, which tells nothing about them."""

from __future__ import annotations

from marketplace_payouts.lib import crypto


def of_echo(provider: str, echo: str) -> str:
    """This will give the mark of a destination in the form in which its provider echoes it."""
    return crypto.fingerprint(f"{provider}:{echo}")
