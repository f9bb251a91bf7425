"""USDC and SOL on Solana as a provider: declares what a chain can do, and puts the translating modules together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Self

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.http import BadBaseUrl, HttpClient, Timeouts
from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    Absent,
    BadWebhook,
    Balance,
    BatchView,
    Cancelled,
    CannotTell,
    Capabilities,
    ConnectionReport,
    DestinationError,
    Done,
    Found,
    Hint,
    Key,
    NotCancellable,
    Observation,
    Outcome,
    Progress,
    ProviderError,
    RawWebhook,
    ReferenceVanished,
    Statement,
    Step,
    Unknown,
)
from payouts.providers.solana import connection, destinations, messages, reading, recipients, sending, steps
from payouts.providers.solana.identity import Identity
from payouts.providers.solana.limits import Limits
from payouts.providers.solana.listing import Lister
from payouts.providers.solana.networks import EXPONENTS, SOL, USDC
from payouts.providers.solana.node import Node
from payouts.providers.solana.offering import SolanaOffering
from payouts.providers.solana.preparing import Preparer
from payouts.providers.solana.proofs import Chain
from payouts.providers.solana.settings import SolanaSettings
from payouts.providers.solana.steps import PREPARE, SEND, Ticket

_FOR_EVER: Final = timedelta(days=3650)
# A preparation makes some ten calls, and ends with the first that fails: within the lease under which a step is sent.
_TIMEOUTS: Final = Timeouts(connect=5.0, read=10.0, total=15.0)
_VANISHED: Final = "It stands in no block, and its blockhash is over."


def _capabilities(limits: Limits) -> Capabilities:
    return Capabilities(
        # One payment in a transaction: what fails for one payee must not fail for another.
        items_per_batch=1,
        one_currency_per_batch=True,
        # The chain takes the same signed bytes once at most, however often they are sent.
        dedupes=True,
        key_window=_FOR_EVER,
        # An absence is proven by the height, which is past the last one at which anything sent could land.
        settle_time=timedelta(0),
        lookup_by_key=True,
        can_cancel=False,
        separate_funding=False,
        # What is final stays; so long we look again all the same, at what people decided about without a proof.
        return_window=timedelta(days=2),
        poll_every=timedelta(seconds=5),
        # One wallet: what it holds is looked at right before each payment.
        concurrency=1,
        # Public nodes bear some ten calls a second of one sort; a payment makes about ten of different sorts.
        calls_per_second=5.0,
        exponents=EXPONENTS,
        caps=limits.payout,
        steps_lapse=True,
        returns=False,
        fee_on_failure=True,
        daily_caps=limits.day,
        daily_caps_per_destination=limits.recipient,
    )


class Solana:
    """One wallet on Solana.

    :raises ProviderError: when the settings make no sense.
    """

    name = "solana"
    label = "Solana"

    def __init__(self, settings: SolanaSettings) -> None:
        urls = {"SOLANA_RPC_URL": settings.rpc_url, "SOLANA_WITNESS_RPC_URL": settings.witness_rpc_url}
        nodes = tuple(_node(name, url, live=settings.live) for name, url in urls.items() if url)
        identity = Identity(nodes=nodes, network=settings.network)
        self.capabilities = _capabilities(settings.limits)
        self.offering = SolanaOffering(node=nodes[0], identity=identity, wallet=settings.wallet)
        self._settings, self._node, self._identity = settings, nodes[0], identity
        self._chain = Chain(nodes=nodes, network=settings.network, wallet=settings.wallet)
        self._lister = Lister(node=nodes[0], network=settings.network, wallet=settings.wallet)
        self._preparer = Preparer(
            node=nodes[0], identity=identity, wallet=settings.wallet, limits=settings.limits
        )

    @classmethod
    def from_environ(cls, env: Mapping[str, str]) -> Self | None:
        """This will make the provider from SOLANA_…, or give None where nothing is set.

        :raises ProviderError: when it is set up by half or wrongly.
        """
        settings = SolanaSettings.read(env)
        return None if settings is None else cls(settings)

    # Paying --------------------------------------------------------------------------------------------------

    def next_step(self, progress: Progress) -> Step | Done:
        """This will give the preparation, then the signed bytes, then say that it is done.

        :raises BadItem: when the payment cannot be made on Solana.
        :raises CannotSign: when the signer fails.
        """
        return steps.next_step(
            progress,
            signer=self._settings.signer,
            network=self._settings.network,
            caps=self.capabilities.caps,
        )

    def transmit(self, step: Step) -> Outcome:
        """This will prepare a payment, or send the signed bytes of one."""
        if step.name == PREPARE:
            return self._preparer.transmit(step)
        if step.name == SEND:
            return sending.transmit(self._node, step, network=self._settings.network)
        raise ProviderError(f"Solana has no step {step.name!r}.")

    def find(self, key: Key) -> Found | Absent | CannotTell:
        """This will look for signed bytes on the chain, or prove that they never landed."""
        return self._chain.find(key, now=utc_now())

    # Reading -------------------------------------------------------------------------------------------------

    def fetch(self, reference: str) -> BatchView:
        """This will read what became of a payment.

        :raises ReferenceVanished: when it can have no future: no block has it, and its blockhash is over.
        :raises ProviderUnavailable: when that cannot be read now.
        """
        ticket = Ticket.read(reference)
        if ticket is None:
            raise ReferenceVanished("This is no reference of a payment on Solana.")
        self._identity.check()
        found = self._chain.read(ticket.signature)
        if found is None and not self._chain.may_land(ticket, now=utc_now()):
            raise ReferenceVanished(_VANISHED)
        return reading.view_of(found or reading.under_way(ticket.signature, "not in a block yet"), ticket)

    def fetch_item(self, reference: str) -> Observation:
        """This will read one payment by its signature.

        :raises ReferenceVanished: when no block has it.
        :raises ProviderUnavailable: when that cannot be read now.
        """
        signature = steps.signature_in(reference)
        if signature is None:
            raise ReferenceVanished("This is no signature of a transaction.")
        self._identity.check()
        found = self._chain.read(signature)
        if found is None:
            raise ReferenceVanished("No block has this transaction.")
        return found

    def cancel(self, item_reference: str) -> Cancelled | NotCancellable | Unknown:
        """This will say that it cannot be done: signed bytes stay good until their blockhash is over."""
        return NotCancellable("A payment on Solana cannot be withdrawn.")

    def read_webhook(self, request: RawWebhook) -> Sequence[Hint]:
        """This will refuse: nobody calls us from a chain.

        :raises BadWebhook: always.
        """
        raise BadWebhook("Solana sends no webhooks.")

    def balances(self) -> Sequence[Balance]:
        """This will give what the wallet can pay with: of SOL, what is above the reserve.

        :raises ProviderUnavailable: when it cannot be read now.
        """
        self._identity.check()
        now = utc_now()
        wallet, network = self._settings.wallet, self._settings.network
        own, home = self._node.accounts(str(wallet), str(messages.home_of(wallet, network.usdc)))
        kept = max(self._settings.limits.reserve, self._identity.wallet_floor)
        lamports = max((own.lamports if own else 0) - kept, 0)
        return [
            Balance(Money(recipients.units_in(home), USDC), now),
            Balance(Money(lamports, SOL), now),
        ]

    def statement(self, *, since: datetime, until: datetime) -> Statement:
        """This will list what moved on the wallet.

        :raises ProviderUnavailable: when it cannot be read, or the node does not remember the whole time.
        """
        self._identity.check()
        return self._lister.statement(since=since, until=until, now=utc_now())

    def check(self) -> ConnectionReport:
        """This will test nodes, wallet and signer without moving money."""
        return connection.check(
            identity=self._identity,
            wallet=self._settings.wallet,
            signer=self._settings.signer,
            balances=self.balances,
        )

    # Destinations --------------------------------------------------------------------------------------------

    def read_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """This will check and normalise `address`.

        :raises DestinationError: when it is no wallet's, or our own.
        """
        clean = destinations.read_destination(given)
        if clean[destinations.FIELD] == str(self._settings.wallet):
            raise DestinationError("This is our own wallet.", field=destinations.FIELD)
        return clean

    def mask(self, destination: Mapping[str, str]) -> str:
        """This will show an address without giving it away."""
        return destinations.mask(destination)

    def destination_echo(self, destination: Mapping[str, str]) -> str:
        """This will give the address, as observations carry it."""
        return str(destinations.address_of(destination))


def _node(name: str, url: str, *, live: bool) -> Node:
    try:
        http = HttpClient(
            base_url=url,
            timeouts=_TIMEOUTS,
            allow_loopback_http=not live,
            # Nodes of one's own stand in one's own network, and those of others carry a key in path or query.
            allow_private=True,
            allow_path=True,
        )
    except BadBaseUrl as error:
        raise ProviderError(f"{name}: {error}") from None
    return Node(http)
