"""Pays anybody SOL and USDC by real transactions, as a faucet or an exchange would."""

from __future__ import annotations

import hashlib
import struct
from typing import Final

from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.token.associated import get_associated_token_address
from solders.transaction import VersionedTransaction

from sandbox.core import BadRequest
from sandbox.solana import tokens
from sandbox.solana.bank import Bank
from sandbox.solana.chain import Chain
from sandbox.solana.history import History

_ATA: Final = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
_LAMPORTS: Final = 10**18
_USDC: Final = 10**15


class Faucet:
    """A wallet that never ends."""

    def __init__(self, *, chain: Chain, bank: Bank, history: History) -> None:
        self._chain, self._bank, self._history = chain, bank, history
        self._key = Keypair.from_seed(hashlib.sha256(b"marketplace-payouts sandbox faucet").digest())
        self._count = 0

    def fill(self) -> None:
        """Give it all there is."""
        own = self._key.pubkey()
        self._bank.put(own, tokens.plain(_LAMPORTS))
        full = tokens.account_of(tokens.Tokens(tokens.USDC, own, _USDC, tokens.INITIALIZED))
        self._bank.put(tokens.home_of(own), full)

    def pay(self, to: Pubkey, currency: str, units: int) -> str:
        """Send something, to land in the next block; gives the signature.

        :raises BadRequest: when it does not have that currency.
        """
        own = self._key.pubkey()
        if currency == "SOL":
            parts = [transfer(TransferParams(from_pubkey=own, to_pubkey=to, lamports=units))]
        elif currency == "USDC@solana":
            parts = _usdc(own, to, units)
        else:
            raise BadRequest(f"Unknown currency {currency!r}; known: SOL, USDC@solana")
        self._count += 1
        memo = Instruction(tokens.MEMO, f"faucet {self._count}".encode(), [_meta(own, signs=True)])
        blockhash = self._chain.blockhash(self._chain.height())
        message = MessageV0.try_compile(own, [memo, *parts], [], blockhash)
        tx = VersionedTransaction(message, [self._key])
        self._history.take(tx)
        return str(tx.signatures[0])


def _usdc(own: Pubkey, to: Pubkey, units: int) -> list[Instruction]:
    source, home = tokens.home_of(own), get_associated_token_address(to, tokens.USDC)
    create = [
        _meta(own, signs=True, writes=True),
        _meta(home, writes=True),
        _meta(to),
        _meta(tokens.USDC),
        _meta(tokens.SYSTEM),
        _meta(tokens.TOKEN),
    ]
    move = [
        _meta(source, writes=True),
        _meta(tokens.USDC),
        _meta(home, writes=True),
        _meta(own, signs=True),
    ]
    return [
        Instruction(_ATA, b"\x01", create),
        Instruction(tokens.TOKEN, struct.pack("<BQB", 12, units, tokens.USDC_DECIMALS), move),
    ]


def _meta(address: Pubkey, *, signs: bool = False, writes: bool = False) -> AccountMeta:
    return AccountMeta(address, signs, writes)
