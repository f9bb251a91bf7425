"""The two steps of a payment: what is needed to sign is fetched, then exactly the signed bytes are sent.

`prepare` moves nothing: it looks at recipient and balances, simulates, and comes back with a blockhash and what the fee
is made of. From these facts, which are kept, `send` is built and signed: ed25519 signs the same bytes the same way, so
the same progress gives the same step. The engine keeps the signed bytes before they are sent, and nothing else ever is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from solders.signature import Signature

from marketplace_payouts.lib.http.bodies import json_body
from payouts.providers.base import BadItem, Done, Item, Progress, ProviderError, Step
from payouts.providers.solana import destinations, messages
from payouts.providers.solana.messages import Payment, Terms
from payouts.providers.solana.networks import EXPONENTS, Network
from payouts.providers.solana.node import Blockhash
from payouts.providers.solana.signers import Signer, signed

PREPARE: Final = "prepare"
SEND: Final = "send"
# All calls of JSON-RPC go to one address.
PATH: Final = "/"
BLOCKHASH_LIFE: Final = 150


@dataclass(frozen=True, slots=True)
class Ticket:
    """Our reference of a payment: its signature, known before it is sent, and how long it may still land."""

    signature: str
    last_height: int
    slot: int
    """Of the node when it gave the blockhash."""

    def __str__(self) -> str:
        return f"{self.signature}:{self.last_height}:{self.slot}"

    @property
    def height(self) -> int:
        """The height at that slot."""
        return self.last_height - BLOCKHASH_LIFE

    @classmethod
    def read(cls, text: str) -> Self | None:
        """This will read a ticket, or give None where the text is none."""
        parts = text.split(":")
        if len(parts) != 3 or not all(part.isascii() and part.isdecimal() for part in parts[1:]):
            return None
        signature = signature_in(parts[0])
        return None if signature is None else cls(signature, int(parts[1]), int(parts[2]))


def signature_in(text: str) -> str | None:
    """This will read a signature, or give None where the text is none."""
    try:
        return str(Signature.from_string(text))
    except ValueError:
        return None


def facts_of(blockhash: Blockhash, *, unit_limit: int, unit_price: int) -> Mapping[str, str]:
    """This will give what `prepare` leaves for `send`."""
    return {
        "blockhash": blockhash.blockhash,
        "slot": str(blockhash.slot),
        "last_height": str(blockhash.last_height),
        "unit_limit": str(unit_limit),
        "unit_price": str(unit_price),
    }


def next_step(
    progress: Progress, *, signer: Signer | None, network: Network, caps: Mapping[str, int]
) -> Step | Done:
    """This will give the next step, signing it where it is the payment.

    :raises BadItem: when the payment cannot be made on Solana at all.
    :raises CannotSign: when the signer fails.
    """
    answers = {answer.step: answer for answer in progress.answers if answer.outcome == "accepted"}
    if SEND in answers:
        return Done(answers[SEND].reference)
    if len(progress.items) != 1:
        raise ProviderError("A payment on Solana has exactly one recipient.")
    payment = payment_of(progress.items[0], caps=caps)
    if PREPARE in answers:
        return _send(payment, answers[PREPARE].facts, signer=signer, network=network)
    body = {
        "item_key": payment.item_key,
        "note": payment.note,
        "currency": payment.amount.currency,
        "units": str(payment.amount.units),
        "recipient": str(payment.recipient),
    }
    return Step(
        name=PREPARE,
        key=f"{progress.batch_key}:{PREPARE}",
        body=json_body(body),
        moves_money=False,
        path=PATH,
    )


def payment_of(item: Item, *, caps: Mapping[str, int]) -> Payment:
    """This will express an item as a payment, within the limit of a single one.

    :raises BadItem: when it cannot be.
    """
    currency = item.amount.currency
    if currency not in EXPONENTS:
        raise BadItem(f"{currency} is not paid on Solana.", item_key=item.key)
    if item.amount.units <= 0:
        raise BadItem("Only an amount above zero can be paid.", item_key=item.key)
    if item.amount.units > caps.get(currency, item.amount.units):
        raise BadItem("The amount is above SOLANA_PAYOUT_LIMIT.", item_key=item.key)
    try:
        recipient = destinations.address_of(item.destination)
    except ProviderError as error:
        raise BadItem(str(error), item_key=item.key) from error
    return Payment(item.key, item.note, item.amount, recipient)


def _send(payment: Payment, facts: Mapping[str, str], *, signer: Signer | None, network: Network) -> Step:
    if signer is None:
        raise ProviderError("SOLANA_SIGNER is not set in this process, which therefore cannot pay.")
    terms = Terms(
        payer=signer.wallet,
        usdc=network.usdc,
        blockhash=facts["blockhash"],
        unit_limit=int(facts["unit_limit"]),
        unit_price=int(facts["unit_price"]),
    )
    message = messages.message_of(payment, terms)
    purpose = {
        "amount": str(payment.amount),
        "recipient": str(payment.recipient),
        "memo": payment.memo,
        "network": network.name,
    }
    signature = signed(signer, messages.to_sign(message), purpose)
    ticket = Ticket(str(signature), int(facts["last_height"]), int(facts["slot"]))
    return Step(
        name=SEND,
        key=str(ticket),
        body=messages.with_signature(message, signature),
        moves_money=True,
        path=PATH,
    )
