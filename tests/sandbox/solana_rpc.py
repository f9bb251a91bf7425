"""A wallet and a node for tests of the sandbox, without anything of the product."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import requests
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.token.associated import get_associated_token_address
from solders.transaction import VersionedTransaction

from tests.sandbox_services import SandboxService

USDC = Pubkey.from_string("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGkZwyTDt1v")
TOKEN = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
ATA = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
MEMO = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
SYSTEM = Pubkey.default()


def somebody(name: str) -> Keypair:
    """Give the key of somebody."""
    return Keypair.from_seed(hashlib.sha256(name.encode()).digest())


def meta(address: Pubkey, roles: str = "") -> AccountMeta:
    """Name an account of an instruction: `s` signs, `w` is written."""
    return AccountMeta(address, "s" in roles, "w" in roles)


class Client:
    """Speaks to the node as any client would."""

    def __init__(self, service: SandboxService) -> None:
        self.service = service
        path = Path(service.credentials["signer"].removeprefix("file:"))
        self.key = Keypair.from_bytes(bytes(json.loads(path.read_text())))
        self.own = self.key.pubkey()

    def raw(self, method: str, *params: Any) -> Any:
        """Ask, and give the whole answer."""
        asked = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        return requests.post(self.service.url, json=asked, timeout=10).json()

    def ask(self, method: str, *params: Any) -> Any:
        """Ask, and give the result."""
        answer = self.raw(method, *params)
        assert "result" in answer, answer
        return answer["result"]

    def refused(self, method: str, *params: Any) -> dict[str, Any]:
        """Ask, and give the error."""
        answer: dict[str, Any] = self.raw(method, *params)
        return dict(answer["error"])

    def blockhash(self, commitment: str = "confirmed") -> str:
        """Give a blockhash."""
        value = self.ask("getLatestBlockhash", {"commitment": commitment})["value"]
        return str(value["blockhash"])

    def tx(
        self, *parts: Instruction, blockhash: str = "", key: Keypair | None = None
    ) -> VersionedTransaction:
        """Make and sign a transaction."""
        key = key or self.key
        recent = Hash.from_string(blockhash or self.blockhash())
        return VersionedTransaction(MessageV0.try_compile(key.pubkey(), list(parts), [], recent), [key])

    def send(self, tx: VersionedTransaction, **options: Any) -> Any:
        """Send a transaction, and give the whole answer."""
        return self.raw("sendTransaction", packed(tx), {"encoding": "base64", **options})

    def land(self, tx: VersionedTransaction, **options: Any) -> str:
        """Send a transaction and let a block pass."""
        answer = self.send(tx, **options)
        assert "result" in answer, answer
        self.pass_blocks(1)
        return str(answer["result"])

    def pass_blocks(self, count: int) -> None:
        """Let blocks pass."""
        self.service.post("/_sandbox/blocks", {"count": count})

    def status(self, signature: str, *, searches: bool = True) -> Any:
        """Give a transaction's status."""
        options = {"searchTransactionHistory": searches}
        return self.ask("getSignatureStatuses", [signature], options)["value"][0]

    def balance(self, address: Pubkey) -> int:
        """Give an account's lamports."""
        return int(self.ask("getBalance", str(address))["value"])

    # Parts of transactions -----------------------------------------------------------------------------------

    def sol(self, to: Pubkey, lamports: int, *, of: Pubkey | None = None) -> Instruction:
        """Move SOL."""
        return transfer(TransferParams(from_pubkey=of or self.own, to_pubkey=to, lamports=lamports))

    def memo(self, text: str) -> Instruction:
        """Say something."""
        return Instruction(MEMO, text.encode(), [meta(self.own, "s")])

    def opens(self, owner: Pubkey) -> Instruction:
        """Open somebody's USDC account, if there is none."""
        home = get_associated_token_address(owner, USDC)
        accounts = [meta(self.own, "sw"), meta(home, "w"), *map(meta, (owner, USDC, SYSTEM, TOKEN))]
        return Instruction(ATA, b"\x01", accounts)

    def usdc(self, to: Pubkey, units: int, *, decimals: int = 6) -> Instruction:
        """Move USDC."""
        source, home = (get_associated_token_address(owner, USDC) for owner in (self.own, to))
        accounts = [meta(source, "w"), meta(USDC), meta(home, "w"), meta(self.own, "s")]
        return Instruction(TOKEN, struct.pack("<BQB", 12, units, decimals), accounts)


def packed(tx: VersionedTransaction) -> str:
    """Give a transaction as it travels."""
    return base64.b64encode(bytes(tx)).decode()


def packed_message(tx: VersionedTransaction) -> str:
    """Give a transaction's message as it travels."""
    return base64.b64encode(to_bytes_versioned(tx.message)).decode()
