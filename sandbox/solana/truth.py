"""What finalized transactions took from our wallet, judged from balances alone; no fault reaches this."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from solders.account import Account
from solders.pubkey import Pubkey

from sandbox.core import World
from sandbox.core.ledger import Kind
from sandbox.solana import tokens
from sandbox.solana.bank import Outcome


class Move(NamedTuple):
    """Something that left the wallet."""

    destination: str
    currency: str
    units: int
    kind: Kind


class Truth:
    """Writes the ledger."""

    def __init__(self, *, world: World, wallet: Pubkey) -> None:
        self._world, self._wallet = world, wallet

    def told(self) -> set[str]:
        """Name the transactions that the ledger has."""
        return {entry.key for entry in self._world.ledger.entries}

    def tell(self, signature: str, memos: Sequence[bytes], outcome: Outcome) -> None:
        """Write down what a transaction took from the wallet, if anything."""
        text = memos[0].decode("utf-8", "replace").split() if memos else []
        reference = text[-1] if text else signature
        for move in moves_of(outcome, self._wallet):
            self._world.ledger.record(
                reference=reference,
                key=signature,
                destination=move.destination,
                currency=move.currency,
                units=move.units,
                kind=move.kind,
            )


def moves_of(outcome: Outcome, wallet: Pubkey) -> Iterator[Move]:
    """Say what a transaction took from a wallet: to whom, and what it cost."""
    changes = list(zip(outcome.keys, outcome.before, outcome.after, strict=True))
    was_paid_by_it = bool(outcome.keys) and outcome.keys[0] == wallet
    yield from _tokens(changes, wallet)
    spent = sum(_lamports(old) - _lamports(new) for key, old, new in changes if key == wallet)
    if not was_paid_by_it or spent <= 0:
        return
    costs = outcome.fee
    for key, old, new in changes:
        gained = _lamports(new) - _lamports(old)
        if key == wallet or gained <= 0:
            continue
        if tokens.read(new) is not None:
            costs += gained
        else:
            yield Move(str(key), "SOL", gained, "debit")
    if costs:
        yield Move("", "SOL", costs, "fee")


def _tokens(
    changes: Sequence[tuple[Pubkey, Account | None, Account | None]], wallet: Pubkey
) -> Iterator[Move]:
    held = [(tokens.read(old), tokens.read(new)) for _, old, new in changes]
    usdc = [pair for pair in held if (pair[1] or pair[0] or _NOBODYS).mint == tokens.USDC]
    left = sum(_units(old) - _units(new) for old, new in usdc if (new or old or _NOBODYS).owner == wallet)
    if left <= 0:
        return
    for old, new in usdc:
        if new is not None and new.owner != wallet and _units(new) > _units(old):
            yield Move(str(new.owner), "USDC@solana", _units(new) - _units(old), "debit")


_NOBODYS = tokens.Tokens(tokens.SYSTEM, tokens.SYSTEM, 0, 0)


def _units(held: tokens.Tokens | None) -> int:
    return 0 if held is None else held.units


def _lamports(account: Account | None) -> int:
    return 0 if account is None else account.lamports
