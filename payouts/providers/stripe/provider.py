"""Stripe Connect as a provider: declares what Stripe can do, and puts the translating modules together."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.http import (
    BadBaseUrl,
    BadRequest,
    HttpClient,
    MaybeReceived,
    NotSent,
    Timeouts,
)
from payments.stripe.pinned import API_VERSION, HOST
from payouts.providers import environ
from payouts.providers.base import (
    Absent,
    BadWebhook,
    Balance,
    BatchView,
    Cancelled,
    CannotTell,
    Capabilities,
    ConnectionReport,
    Deferred,
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
    Statement,
    Step,
    Unknown,
)
from payouts.providers.stripe import (
    connection,
    destinations,
    lookup,
    outcomes,
    reports,
    transfer_request,
    transfers,
    webhook,
)
from payouts.providers.stripe.amounts import EXPONENTS
from payouts.providers.stripe.client import StripeClient
from payouts.providers.stripe.offering import NAME, StripeOffering

_KEY: Final = re.compile(r"(?:sk|rk)_(live|test)_[A-Za-z0-9]{16,}", re.ASCII)
# A request of ours is given up after 45 seconds; Stripe itself ends one within two minutes.
_TIMEOUTS: Final = Timeouts(connect=5, read=30, total=45)
_SETTLE_TIME: Final = timedelta(minutes=15)
_CAPABILITIES: Final = Capabilities(
    items_per_batch=1,
    one_currency_per_batch=True,
    dedupes=True,
    key_window=timedelta(hours=24),
    settle_time=_SETTLE_TIME,
    lookup_by_key=True,
    can_cancel=False,
    separate_funding=False,
    # A transfer can be reversed for ever, and banks send money back within days. What is reversed later is heard by
    # webhook, and stands on the list.
    return_window=timedelta(days=30),
    poll_every=timedelta(minutes=10),
    concurrency=8,
    # Stripe bears 100 readings and 100 writings a second of a live key, 25 of a test key; asking about one transfer
    # takes up to four readings, and buyers and sellers need some.
    calls_per_second=15.0,
    exponents=EXPONENTS,
    caps={},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSettings:
    """What Stripe needs to know about us."""

    secret_key: str = field(repr=False)
    base_url: str = f"https://{HOST}"
    api_version: str = API_VERSION
    countries: Collection[str] = ()
    """In which sellers may have an account; empty: all of Stripe's."""
    live: bool = False


class Stripe:
    """Transfers from one platform's balance to its connected accounts.

    :raises ProviderError: when the settings make no sense.
    """

    name = NAME
    label = "Stripe"
    capabilities = _CAPABILITIES

    def __init__(self, settings: StripeSettings) -> None:
        try:
            http = HttpClient(
                base_url=settings.base_url,
                timeouts=_TIMEOUTS,
                allow_loopback_http=not settings.live,
                allowed_hosts=[HOST],
                pool_size=_CAPABILITIES.concurrency,
            )
        except BadBaseUrl as error:
            raise ProviderError(f"STRIPE_API_HOST: {error}") from None
        self._client = StripeClient(
            http=http, secret_key=settings.secret_key, api_version=settings.api_version
        )
        self.offering = StripeOffering(countries=settings.countries)

    @classmethod
    def from_environ(cls, env: Mapping[str, str]) -> Self | None:
        """This will make the provider from STRIPE_…; None where payouts through Stripe are not switched on.

        A key alone is not enough: buyers and sellers need one too, and where Sharetribe itself pays sellers through
        Stripe nobody wants a second way there.

        :raises ProviderError: when they are switched on without a key, or with one that does not fit.
        """
        if not environ.read_flag(env, "STRIPE_PAYOUTS"):
            return None
        key, live = environ.read(env, "STRIPE_SECRET_KEY"), environ.is_live(env)
        if not key:
            raise ProviderError(
                "STRIPE_PAYOUTS is on without STRIPE_SECRET_KEY: set the key, or switch it off."
            )
        found = _KEY.fullmatch(key)
        if found is None:
            raise ProviderError(
                "STRIPE_SECRET_KEY is not of the form of a secret key, which begins with sk_."
            )
        if (found[1] == "live") is not live:
            raise ProviderError(f"STRIPE_SECRET_KEY is a {found[1]} key, and ENVIRONMENT is another one.")
        countries = environ.read(env, "STRIPE_SELLER_COUNTRIES").split(",")
        return cls(
            StripeSettings(
                secret_key=key,
                base_url=environ.read(env, "STRIPE_API_HOST") or f"https://{HOST}",
                api_version=environ.read(env, "STRIPE_API_VERSION") or API_VERSION,
                countries=[code for one in countries if (code := one.strip())],
                live=live,
            )
        )

    def next_step(self, progress: Progress) -> Step | Done:
        """This will give the transfer to be made, its bytes ready to be kept, or say that it is done.

        :raises BadItem: when the item cannot be expressed to Stripe.
        :raises ProviderError: when the batch cannot.
        """
        return transfer_request.next_step(progress)

    def transmit(self, step: Step) -> Outcome:
        """This will send a step's very bytes, and say what Stripe's answer proves."""
        if step.name != transfer_request.TRANSFER:
            raise ProviderError(f"Stripe has no step {step.name!r}.")
        try:
            answer = self._client.post(transfer_request.TRANSFERS_PATH, body=step.body, key=step.key)
        except NotSent as error:
            return Deferred(f"Stripe was not reached: {error}", ours=isinstance(error, BadRequest))
        except MaybeReceived as error:
            return Unknown(f"Stripe did not answer: {error}")
        return outcomes.read_creation(answer=answer, step=step)

    def find(self, key: Key) -> Found | Absent | CannotTell:
        """This will look for a transfer by our key, which is its group."""
        return lookup.find_transfer(self._client, key, settle_time=_SETTLE_TIME, now=utc_now())

    def fetch(self, reference: str) -> BatchView:
        """This will read a transfer, and how far its money came on its way to the seller's bank.

        :raises ReferenceVanished: when Stripe does not know it.
        :raises ProviderUnavailable: when it cannot be read now.
        """
        return transfers.read_transfer(self._client, reference)

    def fetch_item(self, reference: str) -> Observation:
        """This will read a transfer; raises as `fetch`."""
        return self.fetch(reference).observations[0]

    def cancel(self, item_reference: str) -> Cancelled | NotCancellable | Unknown:
        """This will say that a transfer is made at once, so that there is nothing to withdraw."""
        return NotCancellable("A transfer is made at once: reverse it in Stripe's Dashboard.")

    def read_webhook(self, request: RawWebhook) -> Sequence[Hint]:
        """This will refuse every delivery: Stripe's own endpoints take its events in, and verify them.

        :raises BadWebhook: always.
        """
        raise BadWebhook("Stripe's events come to the addresses that register_stripe_webhooks makes.")

    def hints_of(self, event: Mapping[str, object]) -> Sequence[Hint]:
        """This will say what an event points at that was verified at one of Stripe's endpoints."""
        return webhook.hints_of(event)

    def balances(self) -> Sequence[Balance]:
        """This will give what is available now.

        :raises ProviderUnavailable: when it cannot be read now.
        """
        return reports.read_balances(self._client, now=utc_now())

    def statement(self, *, since: datetime, until: datetime) -> Statement:
        """This will give Stripe's own list of movements.

        :raises ProviderUnavailable: when it cannot be read now.
        """
        return reports.read_statement(self._client, since=since, until=until, now=utc_now())

    def check(self) -> ConnectionReport:
        """This will test the connection without moving money."""
        return connection.check(self._client, now=utc_now())

    def read_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """This will check `account`.

        :raises DestinationError: when it is no id of a connected account.
        """
        return destinations.read_destination(given)

    def mask(self, destination: Mapping[str, str]) -> str:
        """This will show a destination without giving it away."""
        return destinations.mask(destination)

    def destination_echo(self, destination: Mapping[str, str]) -> str:
        """This will give a destination in the form in which observations carry it."""
        return destinations.account_of(destination)
