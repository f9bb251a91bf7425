"""A wallet: payees say where they want their money on its own pages, and it says how far they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from marketplace_payouts.lib.money import Money
from payouts.providers.base import DestinationError
from payouts.providers.offering import Hosted, HostedState, Kind, Link, Proof, Receiver, Terms
from tests.providers.two_step.provider import TwoStep

SENTENCES: Final = {
    HostedState.NOT_STARTED: "Register with the wallet.",
    HostedState.PENDING: "The wallet is looking at your papers.",
    HostedState.READY: "You can be paid.",
    HostedState.DECLINED: "The wallet does not take you.",
}
states: dict[str, HostedState] = {}
"""How far each payee is, as the wallet knows it."""


class WalletOffering:
    """Knows payees by our id of them."""

    kind = Kind.HOSTED
    proof = Proof.SERVICE

    def refusal(self, receiver: Receiver) -> str:
        """Refuse nobody."""
        return ""

    def terms(self, receiver: Receiver, *, currency: str, amount: Money | None) -> Terms:
        """Know nothing before the payee has registered."""
        note = "The wallet says so once you have registered."
        return Terms(currency, None, None, None, fee_note=note, amount_note=note, arrival_note=note)

    def requirements(self, receiver: Receiver, values: Mapping[str, str]) -> Hosted:
        """Say how far the payee is."""
        state = states.get(receiver.payee, HostedState.NOT_STARTED)

        def open_link(return_url: str) -> Link:
            states.setdefault(receiver.payee, HostedState.PENDING)
            return Link(f"https://wallet.example/register?payee={receiver.payee}&back={return_url}")

        return Hosted(state, SENTENCES[state], open_link)

    def destination(self, receiver: Receiver, values: Mapping[str, str]) -> Mapping[str, str]:
        """Pay to whom the wallet knows by our id."""
        if states.get(receiver.payee) is not HostedState.READY:
            raise DestinationError("You are not registered.")
        return {"account": f"w-{receiver.payee[-12:]}"}


class Wallet(TwoStep):
    """The wallet."""

    name = "wallet"
    label = "Wallet"
    offering = WalletOffering()
