"""Payoneer Mass Payouts as a provider: declares what it can do, and puts the translating modules together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Self

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.http import BadBaseUrl, BadRequest, HttpClient, MaybeReceived, NotSent
from payouts.providers.base import (
    Absent,
    Balance,
    BatchView,
    CancelRequested,
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
    ProviderUnavailable,
    RawWebhook,
    Statement,
    Step,
    Unknown,
)
from payouts.providers.offering import Offering
from payouts.providers.payoneer import (
    cancelling,
    connection,
    destinations,
    funds,
    lookup,
    mass_payout,
    outcomes,
    payments,
    webhook,
)
from payouts.providers.payoneer.amounts import EXPONENTS
from payouts.providers.payoneer.client import (
    LIVE_AUTH_HOST,
    LIVE_HOST,
    SANDBOX_AUTH_HOST,
    SANDBOX_HOST,
    PayoneerClient,
)
from payouts.providers.payoneer.offering import PayoneerOffering
from payouts.providers.payoneer.settings import PayoneerSettings, read_settings
from payouts.providers.payoneer.token import NoToken, TokenKeeper

_CONCURRENCY: Final = 4


class Payoneer:
    """Payoneer Mass Payouts, one program of one partner.

    :raises ProviderError: when the settings make no sense.
    """

    name = "payoneer"
    label = "Payoneer"
    webhook_events = webhook.EVENTS

    def __init__(self, settings: PayoneerSettings) -> None:
        self._settings = settings
        http = _http("PAYONEER_BASE_URL", settings.base_url, LIVE_HOST, SANDBOX_HOST, live=settings.live)
        auth = _http(
            "PAYONEER_AUTH_URL", settings.auth_url, LIVE_AUTH_HOST, SANDBOX_AUTH_HOST, live=settings.live
        )
        tokens = TokenKeeper(http=auth, client_id=settings.client_id, client_secret=settings.client_secret)
        self._client = PayoneerClient(http=http, tokens=tokens, program_id=settings.program_id)
        self.offering: Offering = PayoneerOffering(self._client, currencies=settings.currencies)
        self.capabilities = Capabilities(
            items_per_batch=settings.items_per_call,
            one_currency_per_batch=True,
            # A reference that was used is refused, as far as anybody has seen; by which words nobody has confirmed. So
            # nothing rests on it: what went unanswered is asked for by its references and never sent once more.
            dedupes=False,
            key_window=timedelta(0),
            settle_time=settings.settle_time,
            lookup_by_key=True,
            can_cancel=True,
            separate_funding=False,
            return_window=timedelta(days=60),
            poll_every=timedelta(minutes=5),
            concurrency=_CONCURRENCY,
            # Payoneer tells its rates to partners alone: this careful one is our own choice. A call carries up to 500
            # payments, and each of them is asked about by a call of its own.
            calls_per_second=10.0,
            exponents={currency: EXPONENTS[currency] for currency in settings.currencies},
            caps={},
            keeps_batches=False,
            lists_movements=False,
        )

    @classmethod
    def from_environ(cls, env: Mapping[str, str]) -> Self | None:
        """This will make the provider from PAYONEER_…; None where neither credentials nor webhooks are set up.

        :raises ProviderError: when it is set up by half or wrongly.
        """
        settings = read_settings(env)
        return None if settings is None else cls(settings)

    def next_step(self, progress: Progress) -> Step | Done:
        """This will give the submission, its bytes ready to be kept, or say that it is done.

        :raises BadItem: when one item cannot be expressed to Payoneer.
        :raises ProviderError: when the batch as a whole cannot.
        """
        return mass_payout.next_step(
            progress,
            program_id=self._client.program_id,
            path=self._client.path("masspayouts"),
            currencies=self._settings.currencies,
        )

    def transmit(self, step: Step) -> Outcome:
        """This will send a step's very bytes to the program that they were made for, and say what the answer proves."""
        if step.name != mass_payout.SUBMIT:
            raise ProviderError(f"Payoneer has no step {step.name!r}.")
        try:
            answer = self._client.call("POST", step.path, body=step.body)
        except NoToken as error:
            return Deferred(str(error), ours=error.ours, retry_after=error.retry_after)
        except NotSent as error:
            return Deferred(f"Payoneer was not reached: {error}", ours=isinstance(error, BadRequest))
        except MaybeReceived as error:
            return Unknown(f"Payoneer did not answer: {error}")
        return outcomes.read_submission(answer=answer, step=step)

    def find(self, key: Key) -> Found | Absent | CannotTell:
        """This will ask for the payments by our references, until one is found."""
        return lookup.find_payments(self._client, key, settle_time=self._settings.settle_time, now=utc_now())

    def fetch(self, reference: str) -> BatchView:
        """This will read the payment of this key, as the one of its request.

        :raises ReferenceVanished: when Payoneer does not know it, or not yet.
        :raises ProviderUnavailable: when it cannot be read now.
        """
        return payments.view_of(self.fetch_item(reference), reference=reference)

    def fetch_item(self, reference: str) -> Observation:
        """This will read one payment by our key.

        :raises ReferenceVanished: when Payoneer does not know it, or not yet.
        :raises ProviderUnavailable: when it cannot be read now.
        """
        return payments.read_payment(self._client, reference)

    def cancel(self, item_reference: str) -> CancelRequested | NotCancellable | Unknown:
        """This will ask Payoneer to cancel a payment, which it may do later."""
        return cancelling.cancel_payment(self._client, item_reference)

    def read_webhook(self, request: RawWebhook) -> Sequence[Hint]:
        """This will verify a delivery and say what it points at.

        :raises BadWebhook: when it is not Payoneer's or cannot be read.
        """
        return webhook.read_webhook(
            request,
            secret=self._settings.webhook_secret,
            application=webhook.LIVE_APPLICATION if self._settings.live else webhook.APPLICATION,
            takes_unsigned=self._settings.takes_unsigned,
        )

    def balances(self) -> Sequence[Balance]:
        """This will give what the program holds.

        :raises ProviderUnavailable: when it cannot be read now.
        """
        return [funds.read_balance(self._client, now=utc_now())]

    def statement(self, *, since: datetime, until: datetime) -> Statement:
        """This will say that there is none: Mass Payouts has no list that could be read.

        :raises ProviderUnavailable: always.
        """
        raise ProviderUnavailable("Payoneer has no list of movements that could be read.")

    def check(self) -> ConnectionReport:
        """This will test the connection without moving money."""
        settings = self._settings
        webhook_lacks = connection.UNSIGNED if settings.takes_unsigned else connection.UNHEARD
        return connection.check(
            self._client,
            currencies=settings.currencies,
            webhook="" if settings.webhook_secret else webhook_lacks,
            now=utc_now(),
        )

    def read_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """This will check `payee_id`.

        :raises DestinationError: when it can be no payee's.
        """
        return destinations.read_destination(given)

    def mask(self, destination: Mapping[str, str]) -> str:
        """This will show a destination without giving it away."""
        return destinations.mask(destination)

    def destination_echo(self, destination: Mapping[str, str]) -> str:
        """This will give a destination in the form in which observations carry it."""
        return destinations.echo(destinations.payee_of(destination))


def _http(setting: str, url: str, live_host: str, sandbox_host: str, *, live: bool) -> HttpClient:
    try:
        return HttpClient(
            base_url=url,
            allow_loopback_http=not live,
            allowed_hosts=(live_host,) if live else (sandbox_host,),
            pool_size=_CONCURRENCY,
        )
    except BadBaseUrl as error:
        raise ProviderError(
            f"{setting} does not fit ENVIRONMENT {'live' if live else 'test'}: {error}"
        ) from None
