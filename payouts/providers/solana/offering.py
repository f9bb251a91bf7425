"""What Solana offers to payees: a wallet's address, all of the amount, within a minute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from solders.pubkey import Pubkey

from marketplace_payouts.lib.money import Money
from payouts.providers.base import DestinationError
from payouts.providers.offering import Field, Form, Kind, Proof, Receiver, Terms
from payouts.providers.solana import destinations, recipients
from payouts.providers.solana.identity import Identity
from payouts.providers.solana.networks import EXPONENTS
from payouts.providers.solana.node import Node

_ARRIVES: Final = timedelta(minutes=1)
_PATTERN: Final = "[1-9A-HJ-NP-Za-km-z]{32,44}"


class SolanaOffering:
    """Solana as payees choose it; an address is looked up on the chain before it is kept."""

    kind = Kind.FORM
    # Nobody can be asked at an address.
    proof = Proof.LOG_IN

    def __init__(self, *, node: Node, identity: Identity, wallet: Pubkey) -> None:
        self._node, self._identity, self._wallet = node, identity, wallet

    def refusal(self, receiver: Receiver) -> str:
        """This will say why somebody cannot be paid: the currencies that they are owed."""
        if receiver.currencies and not set(receiver.currencies) & EXPONENTS.keys():
            return f"On Solana we do not pay {', '.join(receiver.currencies)}."
        return ""

    def terms(self, receiver: Receiver, *, currency: str, amount: Money | None) -> Terms:
        """This will say that all of it arrives: the fees are ours."""
        if currency not in EXPONENTS:
            note = f"On Solana we do not pay {currency}."
            return Terms(currency, None, None, None, fee_note=note, amount_note=note, arrival_note=note)
        return Terms(
            currency=currency,
            fee=Money.zero(currency),
            amount=amount,
            arrives_within=_ARRIVES,
            fee_note="The marketplace pays the fees of the network.",
            amount_note="You are owed nothing in this currency now." if amount is None else "",
        )

    def requirements(self, receiver: Receiver, values: Mapping[str, str]) -> Form:
        """This will ask for the wallet's address."""
        return Form(
            [
                Field(
                    name=destinations.FIELD,
                    label="Address of your Solana wallet",
                    help="Your own wallet's address on Solana. What is sent to a wrong address is lost.",
                    example="9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin",
                    pattern=_PATTERN,
                    max_length=destinations.LONGEST,
                    value=values.get(destinations.FIELD, ""),
                )
            ]
        )

    def destination(self, receiver: Receiver, values: Mapping[str, str]) -> Mapping[str, str]:
        """This will check the address, and what lies there.

        :raises DestinationError: when it cannot be paid to.
        :raises ProviderUnavailable: when the chain cannot be asked now.
        """
        clean = destinations.read_destination(values)
        address = Pubkey.from_string(clean[destinations.FIELD])
        if address == self._wallet:
            raise DestinationError("This is our own wallet.", field=destinations.FIELD)
        self._identity.check()
        problem = recipients.problem_at(self._node, address, usdc=self._identity.network.usdc)
        if problem:
            raise DestinationError(problem, field=destinations.FIELD)
        return clean
