"""What stands in blocks, what is still on its way into one, and what forks take out again."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from solders.account import Account
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from sandbox.core import World
from sandbox.solana import tokens
from sandbox.solana.bank import Bank, Outcome
from sandbox.solana.chain import DEPTHS, FIRST_HEIGHT, Chain, slot_of
from sandbox.solana.truth import Truth

STATUS_CACHE: Final = 300
"""Blocks for which a node remembers statuses without looking into its history."""


@dataclass(slots=True)
class Landed:
    """A transaction in a block."""

    tx: VersionedTransaction
    height: int
    at: float
    outcome: Outcome
    told: bool = False
    """Whether the ledger has it: only what is final is told."""

    @property
    def signature(self) -> str:
        """Give its name."""
        return str(self.tx.signatures[0])

    @property
    def slot(self) -> int:
        """Give its slot."""
        return slot_of(self.height)

    def memos(self) -> list[bytes]:
        """Give the texts that it carries."""
        return memos_of(self.tx)


@dataclass(slots=True)
class Waiting:
    """A transaction that a node took and that will be tried in the block of a height."""

    tx: VersionedTransaction
    height: int


class History:
    """Everything that happened; `catch_up` lets the blocks that came meanwhile take what waited for them."""

    def __init__(self, *, world: World, chain: Chain, bank: Bank, truth: Truth) -> None:
        self._world, self._chain, self._bank, self._truth = world, chain, bank, truth
        self.landed: dict[str, Landed] = {}
        self._waiting: dict[str, Waiting] = {}
        self.first_height = FIRST_HEIGHT
        """Nothing below is remembered."""

    # Into blocks ---------------------------------------------------------------------------------------------

    def take(self, tx: VersionedTransaction, *, late: int = 0) -> None:
        """Have a transaction tried in the next block, or so many blocks later."""
        self._wait(Waiting(tx, self._chain.height() + 1 + late))
        self.watch()

    def _wait(self, one: Waiting) -> None:
        """Sent twice it waits once: for the sooner of the two blocks."""
        name = str(one.tx.signatures[0])
        known = self._waiting.get(name)
        if known is None or one.height < known.height:
            self._waiting[name] = one
            self._world.journal.write("waiting", [base64.b64encode(bytes(one.tx)).decode(), one.height])

    def catch_up(self) -> None:
        """Put what waited into the blocks that came, in order, and tell the ledger what became final."""
        newest = self._chain.height()
        due = sorted(self._waiting.items(), key=lambda pair: pair[1].height)
        for name, one in due:
            if one.height <= newest:
                del self._waiting[name]
                self._try(one)
        final = self._chain.height("finalized")
        for landed in self.landed.values():
            if not landed.told and landed.height <= final:
                landed.told = True
                self._truth.tell(landed.signature, landed.memos(), landed.outcome)

    def watch(self) -> None:
        """Look again at each block while something is on its way or not final."""

        def look() -> None:
            self.catch_up()
            if self._waiting or any(not one.told for one in self.landed.values()):
                self.watch()

        self._world.clock.call_later(self._chain.block_s, look)

    def _try(self, one: Waiting) -> None:
        if self.is_known(one.tx):
            return
        is_fresh = self.is_fresh(one.tx, at=one.height)
        outcome = self._bank.execute(one.tx, is_fresh=is_fresh, blockhash=self._chain.blockhash(one.height))
        if outcome.lands:
            landed = Landed(one.tx, one.height, self._world.clock.time(), outcome)
            self.landed[landed.signature] = landed
            self._keep(landed)

    def is_fresh(self, tx: VersionedTransaction, *, at: int) -> bool:
        """Say whether a transaction's blockhash is good in the block of a height."""
        return self._chain.is_good(str(tx.message.recent_blockhash), at=at)

    def is_known(self, tx: VersionedTransaction) -> bool:
        """Say whether these very bytes stand in a block already."""
        return str(tx.signatures[0]) in self.landed

    # Out of blocks -------------------------------------------------------------------------------------------

    def roll_back(self, signature: str) -> bool:
        """Drop the fork on which a transaction stood; what came after it is put into the new one as it was.

        Gives False where it stands in no block, or in a final one.
        """
        landed = self.landed.get(signature)
        if landed is None or landed.height <= self._chain.height("finalized"):
            return False
        undone = []
        while self.landed:
            name, newest = self.landed.popitem()
            self._bank.undo(newest.outcome)
            undone.append(newest)
            if name == signature:
                break
        self._world.journal.write("fork", signature)
        for one in reversed(undone[:-1]):
            self._try(Waiting(one.tx, one.height))
        return True

    def prune(self) -> None:
        """Forget everything before now, as a node without an archive does."""
        self.first_height = self._chain.height()

    # Looking -------------------------------------------------------------------------------------------------

    def find(self, signature: str) -> Landed | None:
        """Give a transaction that this node remembers."""
        found = self.landed.get(signature)
        return found if found is not None and found.height >= self.first_height else None

    def status_of(self, signature: str, *, searches: bool) -> dict[str, Any] | None:
        """Give a status as `getSignatureStatuses` does."""
        found = self.find(signature)
        if found is None:
            return None
        depth = self._chain.height() - found.height
        if depth > STATUS_CACHE and not searches:
            return None
        err = found.outcome.err
        return {
            "slot": found.slot,
            "confirmations": None if depth >= DEPTHS["finalized"] else depth,
            "err": err,
            "status": {"Ok": None} if err is None else {"Err": err},
            "confirmationStatus": commitment_at(depth),
        }

    def about(self, address: Pubkey, *, commitment: str) -> Iterator[Landed]:
        """Give what an address took part in, newest first."""
        seen = self._chain.height(commitment)
        for one in reversed(self.landed.values()):
            if self.first_height <= one.height <= seen and address in one.outcome.keys:
                yield one

    def depth_of(self, landed: Landed) -> int:
        """Say by how many blocks a transaction is covered."""
        return self._chain.height() - landed.height

    # Over restarts -------------------------------------------------------------------------------------------

    def _keep(self, landed: Landed) -> None:
        outcome = landed.outcome
        self._world.journal.write(
            "landed",
            {
                "tx": base64.b64encode(bytes(landed.tx)).decode(),
                "height": landed.height,
                "at": landed.at,
                "outcome": [outcome.err, outcome.fee, outcome.units, outcome.logs],
                "before": [written(one) for one in outcome.before],
                "after": [written(one) for one in outcome.after],
            },
        )

    def restore(self, kind: str, fact: Any) -> None:
        """Take back a fact of the state file."""
        if kind == "waiting":
            text, height = fact
            tx = VersionedTransaction.from_bytes(base64.b64decode(text))
            self._waiting[str(tx.signatures[0])] = Waiting(tx, height)
        elif kind == "fork":
            while self.landed:
                name, newest = self.landed.popitem()
                self._bank.undo(newest.outcome)
                if name == fact:
                    break
        else:
            self._restore_landed(fact)

    def _restore_landed(self, fact: dict[str, Any]) -> None:
        tx = VersionedTransaction.from_bytes(base64.b64decode(fact["tx"]))
        keys = list(tx.message.account_keys)
        before, after = ([read_back(one) for one in fact[name]] for name in ("before", "after"))
        err, fee, units, logs = fact["outcome"]
        outcome = Outcome(err, fee, units, logs, keys, before, after)
        for key, account in zip(keys, after, strict=True):
            if account is None or not account.executable:
                self._bank.put(key, account)
        landed = Landed(tx, fact["height"], fact["at"], outcome)
        self.landed[landed.signature] = landed
        self._waiting.pop(landed.signature, None)

    def resume(self) -> None:
        """Go on where the state file ended: what the ledger has need not be told again."""
        told = self._truth.told()
        for landed in self.landed.values():
            landed.told = landed.signature in told
        self.watch()


def memos_of(tx: VersionedTransaction) -> list[bytes]:
    """Give the texts that a transaction carries."""
    keys = tx.message.account_keys
    return [bytes(one.data) for one in tx.message.instructions if keys[one.program_id_index] == tokens.MEMO]


def commitment_at(depth: int) -> str:
    """Give the strongest commitment of what is covered by so many blocks."""
    return next(name for name in reversed(DEPTHS) if depth >= DEPTHS[name])


def written(account: Account | None) -> list[Any] | None:
    """Give an account as the state file has it."""
    if account is None:
        return None
    data = base64.b64encode(bytes(account.data)).decode()
    return [account.lamports, data, str(account.owner), account.executable]


def read_back(written_: list[Any] | None) -> Account | None:
    """Read an account of the state file."""
    if written_ is None:
        return None
    lamports, data, owner, executable = written_
    return tokens.plain(lamports, base64.b64decode(data), Pubkey.from_string(owner), executable=executable)
