"""The runtime itself: accounts, execution and simulation, and how to take an execution back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from solders.account import Account
from solders.hash import Hash
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata, SimulatedTransactionInfo
from solders.transaction_status import InstructionErrorCustom, TransactionErrorInstructionError

from sandbox.solana import tokens

_NONCE: Final = slice(40, 72)
"""Where a nonce account keeps its value."""


@dataclass(slots=True)
class Outcome:
    """What executing or simulating a transaction came to; `err` in the node's JSON."""

    err: Any = None
    fee: int = 0
    units: int = 0
    logs: list[str] = field(default_factory=list)
    keys: list[Pubkey] = field(default_factory=list)
    before: list[Account | None] = field(default_factory=list)
    after: list[Account | None] = field(default_factory=list)

    @property
    def lands(self) -> bool:
        """Say whether it stands in a block: what fails while running does, and costs its fee."""
        return self.err is None or isinstance(self.err, dict)


class Bank:
    """All accounts, as the newest block left them."""

    def __init__(self) -> None:
        # Which bytes were seen before is the statuses' business: after a fork the same bytes may land again.
        self._svm = LiteSVM().with_transaction_history(0)

    def account(self, address: Pubkey) -> Account | None:
        """Give an account, or None where there is none; one without lamports is none."""
        found = self._svm.get_account(address)
        return found if found is not None and found.lamports else None

    def put(self, address: Pubkey, account: Account | None) -> None:
        """Write an account as it shall be, whatever the rules say."""
        self._svm.set_account(address, account or tokens.plain(0))

    def rent_floor(self, size: int) -> int:
        """Give the lamports below which an account of so many bytes is not taken."""
        return self._svm.minimum_balance_for_rent_exemption(size)

    def simulate(self, tx: VersionedTransaction, *, is_fresh: bool, verifies: bool) -> Outcome:
        """Run a transaction without keeping what it does; `is_fresh`: its blockhash is good."""
        self._svm.with_blockhash_check(not is_fresh).with_sigverify(verifies)
        found = self._svm.simulate_transaction(tx)
        self._svm.with_sigverify(sigverify=True)
        return _outcome(found, tx)

    def execute(self, tx: VersionedTransaction, *, is_fresh: bool, blockhash: Hash) -> Outcome:
        """Run a transaction; what does not land leaves everything as it was."""
        keys = list(tx.message.account_keys)
        before = [self.account(key) for key in keys]
        # A new hash, as each block has: a durable nonce cannot be advanced twice within one.
        self._svm.expire_blockhash()
        self._svm.with_blockhash_check(not is_fresh)
        outcome = _outcome(self._svm.send_transaction(tx), tx)
        if outcome.lands and outcome.err is not None and tx.uses_durable_nonce():
            self._use_up_nonce(tx, keys, blockhash)
        outcome.before, outcome.after = before, [self.account(key) for key in keys]
        return outcome

    def undo(self, outcome: Outcome) -> None:
        """Take an execution back; only the newest one can be."""
        for key, account in zip(outcome.keys, outcome.before, strict=True):
            if account is None or not account.executable:
                self.put(key, account)

    def _use_up_nonce(self, tx: VersionedTransaction, keys: Sequence[Pubkey], blockhash: Hash) -> None:
        # LiteSVM leaves it as it was when the transaction fails; mainnet advances it (solana-labs/solana#7443).
        address = keys[tx.message.instructions[0].accounts[0]]
        account = self.account(address)
        assert account is not None
        data = bytearray(account.data)
        data[_NONCE] = hashlib.sha256(b"DURABLE_NONCE" + bytes(blockhash)).digest()
        self.put(address, tokens.plain(account.lamports, bytes(data), account.owner))


def _outcome(found: Any, tx: VersionedTransaction) -> Outcome:
    failed = isinstance(found, FailedTransactionMetadata)
    info = found.meta() if failed or isinstance(found, SimulatedTransactionInfo) else found
    return Outcome(
        err=error_json(found.err()) if failed else None,
        fee=info.fee(),
        units=info.compute_units_consumed(),
        logs=info.logs(),
        keys=list(tx.message.account_keys),
    )


def error_json(err: Any) -> Any:
    """Give a transaction's error as a node writes it."""
    if isinstance(err, TransactionErrorInstructionError):
        inner = err.err
        said = {"Custom": inner.code} if isinstance(inner, InstructionErrorCustom) else _word(inner)
        return {"InstructionError": [err.index, said]}
    name = type(err).__name__.removeprefix("TransactionError")
    for attribute in ("account_index", "index"):
        if hasattr(err, attribute):
            value = getattr(err, attribute)
            return {name: {"account_index": value} if attribute == "account_index" else value}
    return _word(err)


def _word(fieldless: Any) -> str:
    return str(fieldless).rpartition(".")[2]
