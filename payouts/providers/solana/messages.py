"""What we sign: one function makes the message for the fee, the simulation and the signature alike.

A payment is always these instructions in this order: the limit and the price of computing, the memo with our number and
our key, and the payment itself. `read_payment` reads such bytes back, and refuses everything else.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from solders.compute_budget import ID as COMPUTE
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.hash import Hash
from solders.instruction import AccountMeta, CompiledInstruction, Instruction
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import ID as SYSTEM
from solders.system_program import TransferParams, transfer
from solders.token.associated import get_associated_token_address
from solders.transaction import VersionedTransaction

from marketplace_payouts.lib.money import Money
from payouts.providers.base import ProviderError
from payouts.providers.solana.networks import SOL, USDC, USDC_DECIMALS

TOKEN: Final = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
TOKEN_2022: Final = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
ATA: Final = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
MEMO: Final = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
MOST_UNITS: Final = 400_000
LAMPORTS_PER_SIGNATURE: Final = 5_000
_CREATE_IDEMPOTENT: Final = b"\x01"
_TRANSFER_CHECKED: Final = struct.Struct("<BQB")
_TRANSFER_SOL: Final = struct.Struct("<IQ")


@dataclass(frozen=True, slots=True)
class Payment:
    """What is to be paid, and whose: `item_key` is ours, `note` the number that people see."""

    item_key: str
    note: str
    amount: Money
    recipient: Pubkey
    """The payee's wallet, also where the money goes to its account for USDC."""

    @property
    def memo(self) -> str:
        """What stands on the chain beside the money: it makes the bytes of two equal payments differ."""
        return f"{self.note} {self.item_key}".strip()


@dataclass(frozen=True, slots=True)
class Terms:
    """What a message needs beside the payment."""

    payer: Pubkey
    usdc: Pubkey
    blockhash: str
    unit_limit: int
    unit_price: int
    """In millionths of a lamport."""


def message_of(payment: Payment, terms: Terms) -> MessageV0:
    """This will make the message: the same payment and terms give the same bytes.

    :raises ProviderError: when the currency is not one that we pay here.
    """
    instructions = [
        set_compute_unit_limit(terms.unit_limit),
        set_compute_unit_price(terms.unit_price),
        Instruction(MEMO, payment.memo.encode(), [_account(terms.payer, signs=True)]),
        *_moves(payment, terms),
    ]
    return MessageV0.try_compile(terms.payer, instructions, [], Hash.from_string(terms.blockhash))


def unsigned(message: MessageV0) -> bytes:
    """This will give a transaction that nobody has signed, for a simulation."""
    nobody = [Signature.default()] * message.header.num_required_signatures
    return bytes(VersionedTransaction.populate(message, nobody))


def with_signature(message: MessageV0, signature: Signature) -> bytes:
    """This will give the bytes that are sent."""
    return bytes(VersionedTransaction.populate(message, [signature]))


def to_sign(message: MessageV0) -> bytes:
    """This will give the bytes over which a signature goes."""
    return to_bytes_versioned(message)


def fee_of(terms: Terms) -> int:
    """This will give the lamports that a message costs, without any rent: one signature, and its units."""
    return LAMPORTS_PER_SIGNATURE + -(-terms.unit_limit * terms.unit_price // 1_000_000)


def home_of(owner: Pubkey, mint: Pubkey) -> Pubkey:
    """This will give the address at which a wallet's tokens lie."""
    return get_associated_token_address(owner, mint)


def _moves(payment: Payment, terms: Terms) -> list[Instruction]:
    payer, recipient = terms.payer, payment.recipient
    if payment.amount.currency == SOL:
        lamports = payment.amount.units
        return [transfer(TransferParams(from_pubkey=payer, to_pubkey=recipient, lamports=lamports))]
    if payment.amount.currency != USDC:
        raise ProviderError(f"{payment.amount.currency} is not paid on Solana.")
    source, home = home_of(payer, terms.usdc), home_of(recipient, terms.usdc)
    create = [
        _account(payer, signs=True, writes=True),
        _account(home, writes=True),
        _account(recipient),
        _account(terms.usdc),
        _account(SYSTEM),
        _account(TOKEN),
    ]
    move = [
        _account(source, writes=True),
        _account(terms.usdc),
        _account(home, writes=True),
        _account(payer, signs=True),
    ]
    data = _TRANSFER_CHECKED.pack(12, payment.amount.units, USDC_DECIMALS)
    return [Instruction(ATA, _CREATE_IDEMPOTENT, create), Instruction(TOKEN, data, move)]


def _account(address: Pubkey, *, signs: bool = False, writes: bool = False) -> AccountMeta:
    return AccountMeta(address, signs, writes)


@dataclass(frozen=True, slots=True)
class Read:
    """A payment of ours, as its bytes say it."""

    payment: Payment
    signature: str
    payer: Pubkey
    keys: list[Pubkey]
    programs: list[Pubkey]
    """Of each instruction."""


def read_payment(raw: bytes, *, usdc: Pubkey) -> Read | None:
    """This will read bytes that are a payment of ours, signed as they must be; None where they are something else.

    The signature is verified over the whole message, so what is read here no node can have invented.
    """
    try:
        tx = VersionedTransaction.from_bytes(raw)
    except ValueError:
        return None
    message = tx.message
    if not isinstance(message, MessageV0) or len(tx.signatures) != 1 or not all(tx.verify_with_results()):
        return None
    keys = list(message.account_keys)
    if message.address_table_lookups or any(
        one.program_id_index >= len(keys) or max(one.accounts, default=0) >= len(keys)
        for one in message.instructions
    ):
        return None
    payment = _payment(message, keys, usdc)
    if payment is None:
        return None
    return Read(payment, str(tx.signatures[0]), keys[0], keys, programs_of(message))


def programs_of(message: MessageV0) -> list[Pubkey]:
    """This will name the program of each instruction."""
    keys = message.account_keys
    return [keys[one.program_id_index] for one in message.instructions]


def _payment(message: MessageV0, keys: list[Pubkey], usdc: Pubkey) -> Payment | None:
    instructions = message.instructions
    programs = programs_of(message)
    if programs[:3] != [COMPUTE, COMPUTE, MEMO]:
        return None
    try:
        note, _, item_key = bytes(instructions[2].data).decode().rpartition(" ")
    except UnicodeDecodeError:
        return None
    if programs[3:] == [SYSTEM]:
        found = _sol(instructions[3], keys)
    elif programs[3:] == [ATA, TOKEN]:
        found = _usdc(instructions[3], instructions[4], keys, usdc)
    else:
        return None
    return None if found is None else Payment(item_key, note, found[0], found[1])


def _sol(one: CompiledInstruction, keys: list[Pubkey]) -> tuple[Money, Pubkey] | None:
    data, accounts = bytes(one.data), [keys[place] for place in one.accounts]
    if len(data) != _TRANSFER_SOL.size or len(accounts) != 2 or accounts[0] != keys[0]:
        return None
    kind, lamports = _TRANSFER_SOL.unpack(data)
    return (Money(lamports, SOL), accounts[1]) if kind == 2 else None


def _usdc(
    create: CompiledInstruction, move: CompiledInstruction, keys: list[Pubkey], usdc: Pubkey
) -> tuple[Money, Pubkey] | None:
    data = bytes(move.data)
    made, moved = ([keys[place] for place in one.accounts] for one in (create, move))
    if len(made) != 6 or len(moved) != 4 or len(data) != _TRANSFER_CHECKED.size:
        return None
    recipient, payer = made[2], keys[0]
    kind, units, decimals = _TRANSFER_CHECKED.unpack(data)
    wanted = [home_of(payer, usdc), usdc, home_of(recipient, usdc), payer]
    if moved != wanted or made[:2] != [payer, wanted[2]] or (kind, decimals) != (12, USDC_DECIMALS):
        return None
    return Money(units, USDC), recipient
