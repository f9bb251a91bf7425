"""What a payee may give as an address, judged without asking anybody: a wallet, and nobody else's kind of address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM

from payouts.providers.base import DestinationError, ProviderError
from payouts.providers.solana.messages import ATA, MEMO, TOKEN, TOKEN_2022
from payouts.providers.solana.networks import NETWORKS

FIELD: Final = "address"
LONGEST: Final = 44
_BULLETS: Final = "••••"
_NOT_OURS: Final = (
    (re.compile(r"0x[0-9a-fA-F]{40,64}"), "an Ethereum address"),
    (re.compile(r"[0-9a-fA-F]{64}"), "an address of another network, such as NEAR"),
    (re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.(?:near|testnet|tg)", re.IGNORECASE), "a NEAR account"),
    (re.compile(r"bc1[a-z0-9]{20,80}", re.IGNORECASE), "a Bitcoin address"),
    (re.compile(r"[a-z0-9-]+\.sol", re.IGNORECASE), "a name: give the address that it stands for"),
)
# Programs and sysvars, as documented at solana.com/docs/core/programs (read 2026-11): nobody has their keys.
_NOBODYS: Final = frozenset(
    {
        SYSTEM,
        TOKEN,
        TOKEN_2022,
        ATA,
        MEMO,
        *(network.usdc for network in NETWORKS.values()),
        *map(
            Pubkey.from_string,
            (
                "ComputeBudget111111111111111111111111111111",
                "Vote111111111111111111111111111111111111111",
                "Stake11111111111111111111111111111111111111",
                "Config1111111111111111111111111111111111111",
                "AddressLookupTab1e1111111111111111111111111",
                "BPFLoader2111111111111111111111111111111111",
                "BPFLoaderUpgradeab1e11111111111111111111111",
                "NativeLoader1111111111111111111111111111111",
                "Sysvar1111111111111111111111111111111111111",
                "SysvarC1ock11111111111111111111111111111111",
                "SysvarRent111111111111111111111111111111111",
                "Sysvar1nstructions1111111111111111111111111",
                "SysvarRecentB1ockHashes11111111111111111111",
                "1nc1nerator11111111111111111111111111111111",
                "So11111111111111111111111111111111111111112",
                "SQDS4ep65T869zMMBKyuUq6aD6EgTu8psMjkvj52pCf",
            ),
        ),
    }
)


def read_destination(given: Mapping[str, str]) -> Mapping[str, str]:
    """This will check and normalise `address`.

    :raises DestinationError: when it is not the address of a wallet on Solana; the sentence is fit for the payee.
    """
    unknown = sorted(set(given) - {FIELD})
    if unknown:
        raise DestinationError("Only the address of your wallet is needed.", field=unknown[0])
    said = given.get(FIELD, "").strip()
    if not said:
        raise DestinationError("Give the address of your Solana wallet.", field=FIELD)
    for pattern, what in _NOT_OURS:
        if pattern.fullmatch(said):
            raise DestinationError(f"This is {what}. Give the address of a Solana wallet.", field=FIELD)
    return {FIELD: str(_wallet(said))}


def _wallet(said: str) -> Pubkey:
    try:
        address = Pubkey.from_string(said)
    except ValueError:
        raise DestinationError(
            "This is no Solana address: it has 32 to 44 letters and digits, without 0, O, I and l.",
            field=FIELD,
        ) from None
    if address in _NOBODYS:
        raise DestinationError("This is the address of a program, not of a wallet.", field=FIELD)
    if not address.is_on_curve():
        raise DestinationError(
            "Nobody holds the key of this address: it is a token account or a program's. Give the address of the"
            " wallet itself.",
            field=FIELD,
        )
    return address


def address_of(destination: Mapping[str, str]) -> Pubkey:
    """This will give the address of a destination that `read_destination` gave.

    :raises ProviderError: when it is none.
    """
    try:
        clean = read_destination(destination)
    except DestinationError as error:
        raise ProviderError(f"The destination is not one that can be paid to on Solana: {error}") from None
    if dict(clean) != dict(destination):
        raise ProviderError("The destination is not in the form in which it was checked.")
    return Pubkey.from_string(clean[FIELD])


def mask(destination: Mapping[str, str]) -> str:
    """This will show an address without giving it away."""
    address = destination.get(FIELD, "")
    return f"{address[:4]}{_BULLETS}{address[-4:]}"
