"""The wallet's own list: every final transaction of it and of its USDC account, as movements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from marketplace_payouts.lib.money import Money
from payouts.providers.base import ProviderUnavailable, Statement, StatementLine
from payouts.providers.solana import messages, reading
from payouts.providers.solana.networks import SOL, USDC, Network
from payouts.providers.solana.node import FINALIZED, Landed, Listed, Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Lister:
    """Lists what moved on one wallet."""

    node: Node
    network: Network
    wallet: Pubkey

    def statement(self, *, since: datetime, until: datetime, now: datetime) -> Statement:
        """This will list the movements of a time.

        It ends before now by as long as a payment that was sent may take to land and to be final.

        :raises ProviderUnavailable: when the node cannot be read, or does not remember the whole time.
        """
        self._check_memory(since)
        listed = self._listed(since=since, until=until)
        lines = [line for one in listed.values() for line in self._lines(one)]
        lines.sort(key=lambda line: line.at)
        return Statement(lines=lines, complete_until=min(until, now - self.network.lapses))

    def _check_memory(self, since: datetime) -> None:
        first = self.node.first_slot()
        at = self.node.time_of(first) if first else None
        if first and (at is None or datetime.fromtimestamp(at, UTC) > since):
            raise ProviderUnavailable(
                "The node does not remember the whole time that is asked for: set SOLANA_RPC_URL to one with history."
            )

    def _listed(self, *, since: datetime, until: datetime) -> dict[str, Listed]:
        """Both lists, because a transfer into the USDC account need not name the wallet."""
        found: dict[str, Listed] = {}
        for address in (self.wallet, messages.home_of(self.wallet, self.network.usdc)):
            for one in self.node.list(str(address), commitment=FINALIZED):
                at = datetime.fromtimestamp(one.at, UTC)
                # Whole seconds: what happened within the first one belongs to it.
                if at < since.replace(microsecond=0):
                    break
                if at <= until:
                    found[one.signature] = one
        return found

    def _lines(self, listed: Listed) -> Iterator[StatementLine]:
        landed = self.node.transaction(listed.signature)
        if landed is None:
            raise ProviderUnavailable(f"The node lists {listed.signature}, but does not give it.")
        at = datetime.fromtimestamp(listed.at, UTC)
        ours = reading.settled(landed, wallet=self.wallet, network=self.network)
        if ours is None:
            yield from self._foreign(listed.signature, landed, at)
            return
        signature, payment = ours.read.signature, ours.read.payment
        if ours.arrived.units:
            yield StatementLine(
                reference=signature,
                item_key=payment.item_key,
                item_reference=signature,
                kind="debit",
                amount=ours.arrived,
                at=at,
                destination=str(payment.recipient),
            )
        if ours.cost.units:
            yield StatementLine(signature, payment.item_key, signature, "fee", ours.cost, at)

    def _foreign(self, signature: str, landed: Landed, at: datetime) -> Iterator[StatementLine]:
        """What is no payment of ours: money that came is a top-up; money that went we did not send."""
        for change in self._changes(landed):
            kind = "top_up" if change.units > 0 else "debit"
            yield StatementLine(signature, "", signature, kind, abs(change), at)

    def _changes(self, landed: Landed) -> Iterator[Money]:
        home = messages.home_of(self.wallet, self.network.usdc)
        keys = _keys(landed)
        tokens = sum(
            held.after - held.before
            for place, held in landed.held.items()
            if keys[place] == home and held.mint == str(self.network.usdc)
        )
        lamports = sum(
            landed.after[place] - landed.before[place]
            for place, address in enumerate(keys)
            if address == self.wallet
        )
        for units, currency in ((tokens, USDC), (lamports, SOL)):
            if units:
                yield Money(units, currency)


def _keys(landed: Landed) -> list[Pubkey]:
    try:
        message = VersionedTransaction.from_bytes(landed.raw).message
        keys = [*message.account_keys, *map(Pubkey.from_string, landed.loaded)]
    except ValueError:
        raise ProviderUnavailable("The node gives a transaction that cannot be read.") from None
    if len(keys) != len(landed.before):
        raise ProviderUnavailable("The node's balances do not fit the transaction.")
    return keys
