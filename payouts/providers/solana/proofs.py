"""What became of signed bytes, and the proof that they never landed and never can.

Only such a proof lets the same payout be signed anew. It needs all of it, from every node that the settings name: the
final height is past the last one at which the blockhash was good, with a margin; the node remembers from before the
signing on; it knows the signature neither by status nor by transaction; and no transaction of our wallet since then has
our memo. A node that lies about heights, as one did that gave the slot for the height (EdgeApp/
edge-currency-accountbased#1107), proves nothing: slots are ahead of heights, and the lead never gets smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from solders.pubkey import Pubkey

from payouts.providers.base import Absent, CannotTell, Found, Key, Observation, ProviderUnavailable
from payouts.providers.solana import messages, reading
from payouts.providers.solana.networks import Network
from payouts.providers.solana.node import CONFIRMED, FINALIZED, Landed, Node
from payouts.providers.solana.steps import Ticket

MARGIN: Final = 64
"""Blocks beyond the last good one: by less is a node ahead that counts slots for heights during a blockhash's life."""
_SLACK: Final = 64
"""Blocks that may pass between two questions about slot and height."""
_CLOCKS: Final = timedelta(minutes=2)


class LyingNode(ProviderUnavailable):
    """What the node says of heights cannot be so; nothing is concluded from it."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """How far a node's final blocks are."""

    height: int
    slot: int

    def is_past(self, ticket: Ticket) -> bool:
        """Say whether the ticket's bytes cannot land any more."""
        return self.height > ticket.last_height + MARGIN


def expiry(node: Node, ticket: Ticket, *, network: Network, since: datetime | None, now: datetime) -> Expiry:
    """This will read how far the final blocks are; `since` is no later than the signing.

    :raises LyingNode: when that cannot be.
    :raises ProviderUnavailable: when the node cannot be asked.
    """
    slot = node.slot(FINALIZED)
    height = node.height(FINALIZED)
    lead, lead_then = slot - height, ticket.slot - ticket.height
    if lead < lead_then - _SLACK or slot < height:
        raise LyingNode(
            f"The node gives the height {height} at slot {slot}; when we signed, slots were {lead_then} ahead: this"
            " cannot be a height."
        )
    fastest = timedelta(milliseconds=network.block_ms) * (height - ticket.height)
    if since is not None and fastest > now - since + _CLOCKS:
        raise LyingNode(f"The node's height {height} grew faster than blocks can come.")
    return Expiry(height, slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Our wallet on a network, seen through one or more nodes."""

    nodes: Sequence[Node]
    network: Network
    wallet: Pubkey

    def find(self, key: Key, *, now: datetime) -> Found | Absent | CannotTell:
        """This will look for what was signed; an absence is authoritative where it is proven."""
        ticket = Ticket.read(key.step_key)
        if ticket is None:
            return Absent(now, authoritative=True, reason="Nothing was signed yet.")
        try:
            return self._found(ticket, key, now=now)
        except ProviderUnavailable as error:
            return CannotTell(str(error))

    def _found(self, ticket: Ticket, key: Key, *, now: datetime) -> Found | Absent | CannotTell:
        missing = [self._missing(node, ticket, key, now=now) for node in self.nodes]
        for node, reason in zip(self.nodes, missing, strict=True):
            if reason is None:
                return self._seen(node, ticket)
        open_reasons = [reason for reason in missing if reason]
        if open_reasons:
            return CannotTell(open_reasons[0])
        told = "Its blockhash is over, and no node knows the signature or our memo."
        return Absent(now, authoritative=True, reason=told)

    def _missing(self, node: Node, ticket: Ticket, key: Key, *, now: datetime) -> str | None:
        """Why a node proves no absence: empty where it does prove it, None where the transaction is there."""
        past = expiry(node, ticket, network=self.network, since=key.first_sent_at, now=now)
        status = node.status(ticket.signature)
        if status.commitment:
            return None
        if not past.is_past(ticket):
            left = ticket.last_height + MARGIN - past.height
            return f"It stands in no block yet, and may land for some {max(left, 1)} blocks more."
        if status.as_of_slot < past.slot:
            return "The node's statuses are older than its heights."
        if node.first_slot() > ticket.slot:
            return (
                "The node does not remember the time of the signing: set SOLANA_RPC_URL to one with history."
            )
        if node.transaction(ticket.signature, commitment=CONFIRMED) is not None:
            return "The node knows the transaction, but not its status."
        return self._under_another_name(node, ticket, key)

    def _under_another_name(self, node: Node, ticket: Ticket, key: Key) -> str:
        for listed in node.list(str(self.wallet), commitment=CONFIRMED):
            if listed.slot < ticket.slot:
                return ""
            if any(item in listed.memo for item in key.item_keys) or listed.signature == ticket.signature:
                return f"The transaction {listed.signature} has our memo, and is not the one that we kept."
        return ""

    def _seen(self, node: Node, ticket: Ticket) -> Found | CannotTell:
        """What stands in a block that may still vanish is told as under way, as soon as its bytes can be read."""
        landed = node.transaction(ticket.signature)
        if landed is not None:
            found = self._settled(landed, ticket.signature)
            return Found(reading.view_of(reading.final(found), ticket))
        landed = node.transaction(ticket.signature, commitment=CONFIRMED)
        if landed is None:
            return CannotTell("It stands in a block that is not confirmed yet.")
        read = messages.read_payment(landed.raw, usdc=self.network.usdc)
        if read is None or read.signature != ticket.signature:
            return CannotTell("The node gives other bytes than those that the signature names.")
        return Found(reading.view_of(reading.under_way(ticket.signature, CONFIRMED, read), ticket))

    def _settled(self, landed: Landed, signature: str) -> reading.Settled:
        found = reading.settled(landed, wallet=self.wallet, network=self.network)
        if found is None or found.read.signature != signature:
            raise ProviderUnavailable("The node gives another transaction than the one that was asked for.")
        return found

    def read(self, signature: str) -> Observation | None:
        """This will read a payment, or give None where no block has it.

        :raises ProviderUnavailable: when the nodes cannot be read, or know the status and not the transaction.
        """
        for node in self.nodes:
            status = node.status(signature)
            if status.commitment == FINALIZED:
                landed = node.transaction(signature)
                if landed is None:
                    raise ProviderUnavailable("The node says that it is final, but does not give it.")
                return reading.final(self._settled(landed, signature))
            if status.commitment:
                return reading.under_way(signature, status.commitment)
        return None

    def may_land(self, ticket: Ticket, *, now: datetime) -> bool:
        """This will say whether bytes that stand in no block may still land, as far as the heights tell.

        :raises ProviderUnavailable: when a node cannot be read, or lies.
        """
        return not all(
            expiry(node, ticket, network=self.network, since=None, now=now).is_past(ticket)
            for node in self.nodes
        )
