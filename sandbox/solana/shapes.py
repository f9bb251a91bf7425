"""Accounts and transactions as a node's JSON shows them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from solders.account import Account
from solders.message import MessageV0
from solders.pubkey import Pubkey

from sandbox.solana import tokens
from sandbox.solana.history import Landed, commitment_at

Look = Callable[[Pubkey], Account | None]


def amount(units: int) -> dict[str, Any]:
    """Show an amount of USDC."""
    text = f"{units // 10**tokens.USDC_DECIMALS}.{units % 10**tokens.USDC_DECIMALS:06d}".rstrip("0").rstrip(
        "."
    )
    return {
        "amount": str(units),
        "decimals": tokens.USDC_DECIMALS,
        "uiAmount": units / 10**tokens.USDC_DECIMALS,
        "uiAmountString": text,
    }


def account(found: Account | None, *, encoding: str) -> dict[str, Any] | None:
    """Show an account, parsed where that was asked for and it is one of the token program's."""
    if found is None:
        return None
    parsed = _parsed(found) if encoding == "jsonParsed" else None
    return {
        "lamports": found.lamports,
        "data": parsed or [base64.b64encode(bytes(found.data)).decode(), "base64"],
        "owner": str(found.owner),
        "executable": found.executable,
        "rentEpoch": 18446744073709551615,
        "space": len(found.data),
    }


def _parsed(found: Account) -> dict[str, Any] | None:
    if tokens.is_mint(found):
        info: dict[str, Any] = {"decimals": tokens.decimals_of(found), "isInitialized": True}
        return {"program": "spl-token", "parsed": {"type": "mint", "info": info}, "space": len(found.data)}
    held = tokens.read(found)
    if held is None:
        return None
    info = {
        "mint": str(held.mint),
        "owner": str(held.owner),
        "state": "frozen" if held.state == tokens.FROZEN else "initialized",
        "isNative": False,
        "tokenAmount": amount(held.units),
    }
    return {"program": "spl-token", "parsed": {"type": "account", "info": info}, "space": len(found.data)}


def _token_balances(keys: list[Pubkey], accounts: list[Account | None]) -> list[dict[str, Any]]:
    found = ((place, tokens.read(one)) for place, one in enumerate(accounts))
    return [
        {
            "accountIndex": place,
            "mint": str(held.mint),
            "owner": str(held.owner),
            "programId": str(tokens.TOKEN),
            "uiTokenAmount": amount(held.units),
        }
        for place, held in found
        if held is not None
    ]


def transaction(landed: Landed, *, encoding: str) -> dict[str, Any]:
    """Show a transaction as `getTransaction` does."""
    outcome, tx = landed.outcome, landed.tx
    message = tx.message
    header = message.header
    shown: Any = {
        "signatures": [str(one) for one in tx.signatures],
        "message": {
            "header": {
                "numRequiredSignatures": header.num_required_signatures,
                "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
                "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
            },
            "accountKeys": [str(key) for key in outcome.keys],
            "recentBlockhash": str(message.recent_blockhash),
            "instructions": [
                {
                    "programIdIndex": one.program_id_index,
                    "accounts": list(one.accounts),
                    "data": base58(bytes(one.data)),
                    "stackHeight": None,
                }
                for one in message.instructions
            ],
            "addressTableLookups": [],
        },
    }
    return {
        "slot": landed.slot,
        "blockTime": int(landed.at),
        "version": 0 if isinstance(message, MessageV0) else "legacy",
        "transaction": shown if encoding == "json" else [base64.b64encode(bytes(tx)).decode(), "base64"],
        "meta": {
            "err": outcome.err,
            "status": {"Ok": None} if outcome.err is None else {"Err": outcome.err},
            "fee": outcome.fee,
            "preBalances": [one.lamports if one else 0 for one in outcome.before],
            "postBalances": [one.lamports if one else 0 for one in outcome.after],
            "preTokenBalances": _token_balances(outcome.keys, outcome.before),
            "postTokenBalances": _token_balances(outcome.keys, outcome.after),
            "innerInstructions": [],
            "logMessages": outcome.logs,
            "loadedAddresses": {"readonly": [], "writable": []},
            "rewards": [],
            "computeUnitsConsumed": outcome.units,
        },
    }


def listed(landed: Landed, *, depth: int) -> dict[str, Any]:
    """Show a transaction as `getSignaturesForAddress` lists it."""
    memos = [f"[{len(text)}] {text.decode('utf-8', 'replace')}" for text in landed.memos()]
    return {
        "signature": landed.signature,
        "slot": landed.slot,
        "err": landed.outcome.err,
        "memo": "; ".join(memos) or None,
        "blockTime": int(landed.at),
        "confirmationStatus": commitment_at(depth),
    }


_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(data: bytes) -> str:
    """Write bytes in base 58."""
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = _ALPHABET[rest] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def base58_read(text: str) -> bytes:
    """Read base 58.

    :raises ValueError: when it is none.
    """
    number = 0
    for character in text:
        number = number * 58 + _ALPHABET.index(character)
    body = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return b"\0" * (len(text) - len(text.lstrip("1"))) + body
