"""The clusters, and what we pay on them. A node that speaks of another genesis is another cluster's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from solders.pubkey import Pubkey

USDC: Final = "USDC@solana"
SOL: Final = "SOL"
EXPONENTS: Final[Mapping[str, int]] = MappingProxyType({USDC: 6, SOL: 9})
USDC_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class Network:
    """One cluster. `block_ms`: blocks never come faster; `lapses`: until a blockhash is over, and its block final."""

    name: str
    genesis_hash: str
    usdc: Pubkey
    block_ms: int
    lapses: timedelta


# Genesis hashes as public nodes name them, mints as Circle publishes them (developers.circle.com, read 2026-11). A
# block takes some 400 ms; it is never believed to take less than half of that.
NETWORKS: Final[Mapping[str, Network]] = MappingProxyType(
    {
        one.name: one
        for one in (
            Network(
                "mainnet",
                "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d",
                Pubkey.from_string("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGkZwyTDt1v"),
                block_ms=200,
                lapses=timedelta(minutes=3),
            ),
            Network(
                "devnet",
                "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG",
                Pubkey.from_string("4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU"),
                block_ms=200,
                lapses=timedelta(minutes=3),
            ),
            # The product's own sandbox, whose blocks come as fast as it is told.
            Network(
                "sandbox",
                "94MT7FQW9Fo3kF9aPUaiweaUN5c1RghH3upmHxCBSbog",
                Pubkey.from_string("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGkZwyTDt1v"),
                block_ms=0,
                lapses=timedelta(seconds=20),
            ),
        )
    }
)
