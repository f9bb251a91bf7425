"""PayPal Payouts as a provider: declares what PayPal can do, and puts the translating modules together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.http import BadBaseUrl, BadRequest, HttpClient, MaybeReceived, NotSent
from payouts.providers import environ
from payouts.providers.base import (
    Absent,
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
from payouts.providers.paypal import (
    batch_request,
    batches,
    cancelling,
    connection,
    destinations,
    lookup,
    outcomes,
    registration,
    reports,
    webhook,
)
from payouts.providers.paypal.amounts import EXPONENTS
from payouts.providers.paypal.certificates import CertificateKeeper, load_roots
from payouts.providers.paypal.client import LIVE_HOST, LIVE_HOSTS, SANDBOX_HOST, SANDBOX_HOSTS, PayPalClient
from payouts.providers.paypal.offering import PayPalOffering
from payouts.providers.paypal.token import NoToken

_SETTLE_TIME: Final = timedelta(hours=24)
_CAPABILITIES: Final = Capabilities(
    items_per_batch=batch_request.MOST_ITEMS,
    one_currency_per_batch=True,
    dedupes=True,
    key_window=timedelta(days=30),
    settle_time=_SETTLE_TIME,
    lookup_by_key=False,
    can_cancel=True,
    separate_funding=False,
    # Unclaimed money comes back after thirty days; what a receiver sends back later is heard by webhook.
    return_window=timedelta(days=35),
    poll_every=timedelta(minutes=5),
    concurrency=8,
    # PayPal publishes no rate for Payouts, and answers 429 where it has one: this careful one is our own choice. A call
    # carries up to 15,000 payments.
    calls_per_second=10.0,
    exponents=EXPONENTS,
    caps={"USD": 20_000_00},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayPalSettings:
    """What PayPal needs to know about us; a web process may do with the webhook's id alone."""

    base_url: str
    client_id: str = ""
    client_secret: str = ""
    webhook_id: str = ""
    webhook_ca_file: str = ""
    live: bool = False
    debug: bool = False

    def __repr__(self) -> str:
        return f"PayPalSettings(base_url={self.base_url!r}, live={self.live})"


class PayPal:
    """PayPal Payouts, one app of one business account.

    :raises ProviderError: when the settings make no sense.
    """

    name = "paypal"
    label = "PayPal"
    webhook_setting = "PAYPAL_WEBHOOK_ID"
    capabilities = _CAPABILITIES
    offering = PayPalOffering()

    def __init__(self, settings: PayPalSettings) -> None:
        try:
            http = HttpClient(
                base_url=settings.base_url,
                allow_loopback_http=not settings.live,
                allowed_hosts=LIVE_HOSTS if settings.live else SANDBOX_HOSTS,
                pool_size=_CAPABILITIES.concurrency,
            )
        except BadBaseUrl as error:
            raise ProviderError(
                f"PAYPAL_BASE_URL does not fit ENVIRONMENT {'live' if settings.live else 'test'}: {error}"
            ) from None
        if settings.webhook_ca_file:
            load_roots(settings.webhook_ca_file)
        self._client = PayPalClient(
            http=http, client_id=settings.client_id, client_secret=settings.client_secret
        )
        self._webhook_id = settings.webhook_id
        self._certificates = CertificateKeeper(
            base_url=http.base_url,
            allow_plain_http=settings.debug and not settings.live,
            ca_file=settings.webhook_ca_file,
        )

    @classmethod
    def from_environ(cls, env: Mapping[str, str]) -> Self | None:
        """This will make the provider from PAYPAL_…; None where neither credentials nor a webhook are set.

        :raises ProviderError: when it is set up by half or wrongly.
        """
        credentials = environ.read_together(env, ("PAYPAL_CLIENT_ID", "PAYPAL_CLIENT_SECRET"), label="PayPal")
        webhook_id = environ.read(env, "PAYPAL_WEBHOOK_ID")
        if credentials is None and not webhook_id:
            return None
        client_id, client_secret = credentials or ("", "")
        live = environ.is_live(env)
        return cls(
            PayPalSettings(
                base_url=environ.read(env, "PAYPAL_BASE_URL")
                or f"https://{LIVE_HOST if live else SANDBOX_HOST}",
                client_id=client_id,
                client_secret=client_secret,
                webhook_id=webhook_id,
                webhook_ca_file=environ.read(env, "PAYPAL_WEBHOOK_CA_FILE"),
                live=live,
                debug=environ.read_flag(env, "DEBUG"),
            )
        )

    def next_step(self, progress: Progress) -> Step | Done:
        """This will give the creation of the batch, its bytes ready to be kept, or say that it is done.

        :raises BadItem: when one item cannot be expressed to PayPal.
        :raises ProviderError: when the batch as a whole cannot.
        """
        return batch_request.next_step(progress)

    def transmit(self, step: Step) -> Outcome:
        """This will send a step's very bytes, and say what PayPal's answer proves."""
        if step.name != batch_request.CREATE:
            raise ProviderError(f"PayPal has no step {step.name!r}.")
        try:
            # PayPal does not dedupe by this header (two batches were made under one); the key in the body does it.
            answer = self._client.call(
                "POST", batch_request.CREATE_PATH, body=step.body, headers={"PayPal-Request-Id": step.key}
            )
        except NoToken as error:
            return Deferred(str(error), ours=error.ours, retry_after=error.retry_after)
        except NotSent as error:
            return Deferred(f"PayPal was not reached: {error}", ours=isinstance(error, BadRequest))
        except MaybeReceived as error:
            return Unknown(f"PayPal did not answer: {error}")
        return outcomes.read_creation(answer=answer, step=step)

    def find(self, key: Key) -> Found | Absent | CannotTell:
        """This will look for a batch on PayPal's statement; PayPal cannot be asked by our key."""
        return lookup.find_batch(self._client, key, settle_time=_SETTLE_TIME, now=utc_now())

    def fetch(self, reference: str) -> BatchView:
        """This will read a batch, every page.

        :raises ReferenceVanished: when PayPal does not know it.
        :raises ProviderUnavailable: when it cannot be read now.
        """
        return batches.read_batch(self._client, reference)

    def fetch_item(self, reference: str) -> Observation:
        """This will read one item.

        :raises ReferenceVanished: when PayPal does not know it.
        :raises ProviderUnavailable: when it cannot be read now.
        """
        return batches.read_item(self._client, reference)

    def cancel(self, item_reference: str) -> Cancelled | NotCancellable | Unknown:
        """This will cancel an item that nobody has claimed yet."""
        return cancelling.cancel_item(self._client, item_reference)

    def read_webhook(self, request: RawWebhook) -> Sequence[Hint]:
        """This will verify a delivery and say what it points at.

        :raises BadWebhook: when it is not PayPal's or cannot be read.
        """
        return webhook.read_webhook(request, webhook_id=self._webhook_id, certificates=self._certificates)

    def balances(self) -> Sequence[Balance]:
        """This will give what PayPal holds for us, as of some hours ago.

        :raises ProviderUnavailable: when it cannot be read now.
        """
        return reports.read_balances(self._client, now=utc_now())

    def statement(self, *, since: datetime, until: datetime) -> Statement:
        """This will give PayPal's own list of movements; `complete_until` lags by up to three hours.

        :raises ProviderUnavailable: when it cannot be read now.
        """
        return reports.read_statement(self._client, since=since, until=until, now=utc_now())

    def check(self) -> ConnectionReport:
        """This will test the connection without moving money."""
        return connection.check(self._client, webhook_id=self._webhook_id, now=utc_now())

    def register_webhook(self, url: str) -> str:
        """This will have PayPal deliver webhooks to an address, and give the id of the registration.

        :raises ProviderError: when PayPal refuses it or cannot be asked.
        """
        return registration.register(self._client, url)

    def read_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """This will check and normalise `email` or `paypal_id`.

        :raises DestinationError: when it cannot be paid to.
        """
        return destinations.read_destination(given)

    def mask(self, destination: Mapping[str, str]) -> str:
        """This will show a destination without giving it away."""
        return destinations.mask(destination)

    def destination_echo(self, destination: Mapping[str, str]) -> str:
        """This will give a destination in the form in which observations carry it."""
        return destinations.echo(destinations.receiver_of(destination)[1])
