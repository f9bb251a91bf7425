"""SPL tokens as bytes in accounts, and the programs that a payout uses."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address

SYSTEM: Final = Pubkey.default()
TOKEN: Final = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
MEMO: Final = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
USDC: Final = Pubkey.from_string("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGkZwyTDt1v")
USDC_DECIMALS: Final = 6
RENT_OF_A_TOKEN_ACCOUNT: Final = 2_039_280
_RENT_OF_A_MINT: Final = 1_461_600
_ACCOUNT: Final = struct.Struct("<32s32sQI32sBIQQI32s")
_MINT: Final = struct.Struct("<I32sQBBI32s")
INITIALIZED, FROZEN = 1, 2


class Tokens(NamedTuple):
    """What a token account holds, and for whom."""

    mint: Pubkey
    owner: Pubkey
    units: int
    state: int

    def packed(self) -> bytes:
        """Give it as the token program writes it."""
        none = b"\0" * 32
        return _ACCOUNT.pack(
            bytes(self.mint), bytes(self.owner), self.units, 0, none, self.state, 0, 0, 0, 0, none
        )


def plain(lamports: int, data: bytes = b"", owner: Pubkey = SYSTEM, *, executable: bool = False) -> Account:
    """Make an account."""
    return Account(lamports, data, owner, executable, 0)


def mint_account() -> Account:
    """Make USDC's mint, with six decimals and an authority that nobody has the key of."""
    none = b"\0" * 32
    data = _MINT.pack(0, none, 10**16, USDC_DECIMALS, 1, 0, none)
    return plain(_RENT_OF_A_MINT, data, TOKEN)


def account_of(tokens: Tokens) -> Account:
    """Make a token account."""
    return plain(RENT_OF_A_TOKEN_ACCOUNT, tokens.packed(), TOKEN)


def read(account: Account | None) -> Tokens | None:
    """Read a token account, or give None where it is something else."""
    if account is None or account.owner != TOKEN or len(account.data) != _ACCOUNT.size:
        return None
    mint, owner, units, _, _, state, *_ = _ACCOUNT.unpack(account.data)
    return Tokens(Pubkey.from_bytes(mint), Pubkey.from_bytes(owner), units, state)


def is_mint(account: Account | None) -> bool:
    """Say whether an account is a mint."""
    return account is not None and account.owner == TOKEN and len(account.data) == _MINT.size


def decimals_of(account: Account | None) -> int:
    """Give the decimals of a mint."""
    if account is None or not is_mint(account):
        return USDC_DECIMALS
    return int(_MINT.unpack(account.data)[3])


def home_of(owner: Pubkey) -> Pubkey:
    """Give the address at which a wallet's USDC lie."""
    return get_associated_token_address(owner, USDC)
