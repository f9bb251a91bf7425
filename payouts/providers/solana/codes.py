"""Why a payment fails on Solana, as data: who must act, and what to do.

Programs' errors as their sources name them (solana-program/token `TokenError`, the System program's `SystemError`,
anza-xyz/solana-sdk `TransactionError`, read 2026-11), tried out on the runtime itself. An error that is missing here
stays raw and unclassified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM

from payouts.providers.base import ItemRefusal, RefusalClass
from payouts.providers.solana.messages import ATA, MEMO, TOKEN

_PAYEE, _OURS = RefusalClass.PAYEE, RefusalClass.OURS
_FINAL: Final = RefusalClass.FINAL

NO_SOL: Final = "not_enough_sol"
NO_USDC: Final = "not_enough_usdc"
OUR_ACCOUNT_FROZEN: Final = "our_account_frozen"
FEE_TOO_HIGH: Final = "fee_too_high"
NOT_A_WALLET: Final = "not_a_wallet"
FROZEN: Final = "token.0x11"
TOO_LITTLE: Final = "InsufficientFundsForRent"

REASONS: Final[Mapping[str, tuple[RefusalClass, str]]] = MappingProxyType(
    {
        # Ours, found before anything is signed.
        NO_SOL: (_OURS, "Our wallet has too little SOL for the payment or its fees: send it some."),
        NO_USDC: (_OURS, "Our wallet has too little USDC: send it some."),
        OUR_ACCOUNT_FROZEN: (_OURS, "Circle has frozen the USDC of our own wallet: ask Circle."),
        FEE_TOO_HIGH: (_OURS, "Fee and rent are more than SOLANA_MAX_FEE together: raise it."),
        NOT_A_WALLET: (_PAYEE, "This address is not a wallet that can be paid: give another one."),
        # Of the token program.
        "token.0x1": (_OURS, "Our wallet has too little USDC: send it some."),
        "token.0x4": (_OURS, "The USDC do not belong to the wallet that signs."),
        FROZEN: (_PAYEE, "The issuer has frozen the USDC account of this wallet: give another address."),
        "token.0x12": (_OURS, "The decimals of USDC are not what we think: stop, and ask who runs this."),
        # Of the program that opens USDC accounts.
        "ata.InvalidSeeds": (_FINAL, "No USDC account can be opened for this address."),
        "ata.IllegalOwner": (_PAYEE, "The USDC account of this wallet was given away: give another address."),
        "ata.0x0": (_PAYEE, "The USDC account of this wallet was given away: give another address."),
        "ata.0x1": (_OURS, "Our wallet has too little SOL to open the payee's USDC account: send it some."),
        # Of the System program, and of the runtime before any program runs.
        "system.0x1": (_OURS, "Our wallet has too little SOL: send it some."),
        "AccountNotFound": (_OURS, "Our wallet has no SOL at all: send it some."),
        "InsufficientFundsForFee": (_OURS, "Our wallet has too little SOL for the fee: send it some."),
        "InvalidAccountForFee": (_OURS, "Our wallet is no plain wallet and cannot pay fees."),
        TOO_LITTLE: (_FINAL, "The amount is too small to open an account at this address."),
        "InvalidWritableAccount": (
            _PAYEE,
            "This address is not a wallet that can be paid: give another one.",
        ),
        "ProgramAccountNotFound": (_OURS, "The network lacks a program that we need: check SOLANA_NETWORK."),
    }
)
_PROGRAMS: Final[Mapping[Pubkey, str]] = MappingProxyType(
    {TOKEN: "token", ATA: "ata", SYSTEM: "system", MEMO: "memo"}
)


def refusal(code: str) -> ItemRefusal:
    """This will say who must act for a code."""
    known = REASONS.get(code)
    if known is None:
        return ItemRefusal(code, RefusalClass.UNCLASSIFIED, f"Solana says {code}, which we do not know.")
    return ItemRefusal(code, *known)


def code_of(err: object, programs: Sequence[Pubkey]) -> str:
    """This will name a transaction's error, with the program of the instruction that failed.

    An account that would keep less than the rent is our wallet, if it is the first one.
    """
    if isinstance(err, str):
        return err
    if not isinstance(err, dict) or len(err) != 1:
        return "unreadable"
    [(name, inside)] = err.items()
    if name == TOO_LITTLE and isinstance(inside, dict) and inside.get("account_index") == 0:
        return "InsufficientFundsForFee"
    if name != "InstructionError" or not isinstance(inside, list) or len(inside) != 2:
        return str(name)
    place, said = inside
    program = programs[place] if isinstance(place, int) and 0 <= place < len(programs) else None
    word = f"{said.get('Custom', 0):#x}" if isinstance(said, dict) and "Custom" in said else str(said)
    return f"{_PROGRAMS.get(program, 'program') if program else 'program'}.{word}"
