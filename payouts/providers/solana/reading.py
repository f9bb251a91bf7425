"""A transaction in a block as an observation: what was paid, to whom, and what it cost, by the balances."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from solders.pubkey import Pubkey

from marketplace_payouts.lib.money import Money
from payouts.providers.base import BatchView, Observation, ProviderUnavailable, Status
from payouts.providers.solana import codes, messages
from payouts.providers.solana.messages import Read
from payouts.providers.solana.networks import SOL, Network
from payouts.providers.solana.node import Landed
from payouts.providers.solana.steps import Ticket


@dataclass(frozen=True, slots=True)
class Settled:
    """What a final transaction did, if it is one of our payments."""

    read: Read
    arrived: Money
    """By which the payee's balance grew; zero where it failed."""
    cost: Money
    """In SOL: the fee, and the rent of an account that was opened for the payee."""
    code: str
    """Why it failed; empty where it did not."""
    at: datetime | None


def settled(landed: Landed, *, wallet: Pubkey, network: Network) -> Settled | None:
    """This will say what a transaction did, or None where it is no payment of ours.

    :raises ProviderUnavailable: when what the node says of it does not fit its bytes.
    """
    read = messages.read_payment(landed.raw, usdc=network.usdc)
    if read is None or read.payer != wallet:
        return None
    if len(landed.before) != len(read.keys):
        raise ProviderUnavailable("The node's balances do not fit the transaction.")
    arrived = 0 if landed.err is not None else _arrived(landed, read, network)
    spent = landed.before[0] - landed.after[0]
    cost = spent - (arrived if read.payment.amount.currency == SOL else 0)
    return Settled(
        read=read,
        arrived=Money(arrived, read.payment.amount.currency),
        cost=Money(cost, SOL),
        code="" if landed.err is None else codes.code_of(landed.err, read.programs),
        at=None if landed.at is None else datetime.fromtimestamp(landed.at, UTC),
    )


def _arrived(landed: Landed, read: Read, network: Network) -> int:
    payment = read.payment
    if payment.amount.currency == SOL:
        place = read.keys.index(payment.recipient)
        return landed.after[place] - landed.before[place]
    place = read.keys.index(messages.home_of(payment.recipient, network.usdc))
    held = landed.held.get(place)
    if held is None or held.mint != str(network.usdc):
        raise ProviderUnavailable("The node does not say what the payee's account holds.")
    return held.after - held.before


def final(found: Settled) -> Observation:
    """This will give the observation of a final payment.

    What was sent is echoed where it failed; where it did not, what arrived by the balances, whatever we meant.
    """
    payment, failed = found.read.payment, bool(found.code)
    return Observation(
        item_key=payment.item_key,
        reference=found.read.signature,
        status=Status.FAILED if failed else Status.PAID,
        raw_status=found.code or "finalized",
        amount=payment.amount if failed else found.arrived,
        destination=str(payment.recipient),
        fee=found.cost,
        refusal=codes.refusal(found.code) if failed else None,
        movement_reference=found.read.signature,
        provider_time=found.at,
    )


def under_way(signature: str, raw_status: str, read: Read | None = None) -> Observation:
    """This will give a payment of which nothing is certain yet; where it stands in a block, with what was sent."""
    return Observation(
        item_key="" if read is None else read.payment.item_key,
        reference=signature,
        status=Status.PROCESSING,
        raw_status=raw_status,
        amount=None if read is None else read.payment.amount,
        destination="" if read is None else str(read.payment.recipient),
    )


def view_of(observed: Observation, ticket: Ticket) -> BatchView:
    """This will give the one payment of a transaction as the engine sees it."""
    return BatchView(
        reference=str(ticket),
        batch_key="",
        raw_status=observed.raw_status,
        closed=observed.status is not Status.PROCESSING,
        denied=None,
        observations=[observed],
    )
