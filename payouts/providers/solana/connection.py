"""What a test of the connection finds: the cluster, the wallet, what it holds, and whether the signer signs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from solders.pubkey import Pubkey

from payouts.providers.base import Balance, ConnectionReport, ProviderUnavailable
from payouts.providers.solana.identity import Identity
from payouts.providers.solana.signers import CannotSign, Signer, signed

# No transaction begins like this, so that a signature over it is good for nothing else.
_TRIAL: Final = b"\xffmarketplace-payouts: does this key sign?"


def check(
    *,
    identity: Identity,
    wallet: Pubkey,
    signer: Signer | None,
    balances: Callable[[], Sequence[Balance]],
) -> ConnectionReport:
    """This will test nodes, wallet and signer without moving money."""
    missing: list[str] = []
    held: Sequence[Balance] = ()
    try:
        identity.check_now()
        held = balances()
    except ProviderUnavailable as error:
        missing.append(str(error))
    missing += [
        f"The wallet {wallet} has no {one.available.currency} to pay with: send it some."
        for one in held
        if not one.available.units
    ]
    missing += _signing(signer)
    return ConnectionReport(
        ok=not missing,
        account=str(wallet),
        scopes=[f"network {identity.network.name}"],
        missing=missing,
        balances=held,
    )


def _signing(signer: Signer | None) -> list[str]:
    if signer is None:
        return ["SOLANA_SIGNER is not set in this process: it can look, but not pay."]
    try:
        signed(signer, _TRIAL, {"purpose": "test of the connection"})
    except CannotSign as error:
        return [str(error)]
    return []
