"""Wise as a provider: declares what Wise can do, and puts the translating modules together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Self

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.http import Answer, BadBaseUrl, BadRequest, HttpClient, MaybeReceived, NotSent
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
from payouts.providers.offering import Offering
from payouts.providers.wise import (
    cancelling,
    connection,
    destinations,
    funding,
    lookup,
    outcomes,
    registration,
    reports,
    settings,
    statements,
    steps,
    transferring,
    transfers,
    webhook,
)
from payouts.providers.wise.amounts import EXPONENTS
from payouts.providers.wise.client import (
    CORRELATION,
    LIVE_HOSTS,
    LONGEST_CORRELATION,
    SANDBOX_HOSTS,
    WiseClient,
)
from payouts.providers.wise.offering import WiseOffering
from payouts.providers.wise.paths import Paths
from payouts.providers.wise.settings import WiseSettings
from payouts.providers.wise.tokens import NoToken, PersonalToken, RefreshedToken, Tokens

_SETTLE_TIME: Final = timedelta(minutes=15)
_CAPABILITIES: Final = Capabilities(
    items_per_batch=1,
    one_currency_per_batch=True,
    # A known customerTransactionId makes no second transfer, and a funded transfer is not funded twice.
    dedupes=True,
    # For so long a transfer that nobody funds stands; Wise names no end for the key itself.
    key_window=timedelta(days=14),
    settle_time=_SETTLE_TIME,
    lookup_by_key=True,
    can_cancel=True,
    separate_funding=True,
    # Mostly days, at times several weeks: "up to several weeks" is all that Wise says.
    return_window=timedelta(days=60),
    poll_every=timedelta(minutes=5),
    concurrency=8,
    # Said to be 900 a minute for a business's own token; five calls make a payment.
    calls_per_second=10.0,
    exponents=EXPONENTS,
    caps={},
)


class Wise:
    """Wise, one profile.

    :raises ProviderError: when the settings make no sense.
    """

    name = "wise"
    label = "Wise"
    webhook_setting = ""
    capabilities = _CAPABILITIES

    def __init__(self, given: WiseSettings) -> None:
        try:
            http = HttpClient(
                base_url=given.base_url,
                allow_loopback_http=not given.live,
                allowed_hosts=LIVE_HOSTS if given.live else SANDBOX_HOSTS,
                pool_size=_CAPABILITIES.concurrency,
            )
        except BadBaseUrl as error:
            raise ProviderError(
                f"WISE_BASE_URL does not fit ENVIRONMENT {'live' if given.live else 'test'}: {error}"
            ) from None
        paths = Paths(version=given.version, profile=given.profile)
        self._client = WiseClient(http=http, tokens=_tokens(given, http), paths=paths, profile=given.profile)
        self._steps = steps.Steps(paths=paths, details=given.details, funds=given.funds)
        self._funds = given.funds
        self._profile = given.profile
        self._key = webhook.load_key(given.webhook_public_key, live=given.live)
        self._offering = WiseOffering(self._client, now=utc_now)

    @classmethod
    def from_environ(cls, env: Mapping[str, str]) -> Self | None:
        """This will make the provider from WISE_…; None where nothing of it is set.

        :raises ProviderError: when it is set up by half or wrongly.
        """
        found = settings.read(env)
        return None if found is None else cls(found)

    @property
    def offering(self) -> Offering:
        """What it offers to payees."""
        return self._offering

    def next_step(self, progress: Progress) -> Step | Done:
        """This will give the next of quote, recipient, requirements, transfer and funding, or say that it is done.

        :raises BadItem: when the payout cannot be expressed to Wise.
        :raises ProviderError: when it is not exactly one.
        """
        return self._steps.next_step(progress)

    def transmit(self, step: Step) -> Outcome:
        """This will send a step's very bytes, and say what Wise's answer proves."""
        is_reading = step.name == steps.RECIPIENT
        try:
            answer = self._client.call(
                "GET" if is_reading else "POST",
                step.path,
                # What is kept of a reading is what it must find.
                body=None if is_reading else step.body,
                headers={CORRELATION: step.key[:LONGEST_CORRELATION]},
            )
        except NoToken as error:
            return Deferred(str(error), ours=error.ours, retry_after=error.retry_after)
        except NotSent as error:
            return Deferred(f"Wise was not reached: {error}", ours=isinstance(error, BadRequest))
        except MaybeReceived as error:
            return Unknown(f"Wise did not answer: {error}")
        return self._read(answer, step)

    def _read(self, answer: Answer, step: Step) -> Outcome:
        match step.name:
            case steps.QUOTE:
                return outcomes.read_quote(answer, step=step, profile=self._profile)
            case steps.RECIPIENT:
                return outcomes.read_recipient(answer, step=step)
            case steps.REQUIREMENTS:
                return outcomes.read_requirements(answer, step=step)
            case steps.TRANSFER:
                return transferring.read_transfer(answer, step=step, client=self._client, now=utc_now())
            case steps.FUND:
                return funding.read_funding(answer, step=step)
        raise ProviderError(f"Wise has no step {step.name!r}.")

    def find(self, key: Key) -> Found | Absent | CannotTell:
        """This will look for our key among the transfers that Wise lists."""
        return lookup.find_transfer(self._client, key, settle_time=_SETTLE_TIME, now=utc_now())

    def fetch(self, reference: str) -> BatchView:
        """This will read a transfer, and what is to be asked beside it.

        :raises ReferenceVanished: when Wise does not know it.
        :raises ProviderUnavailable: when it cannot be read now.
        """
        return transfers.read_view(self._client, reference, now=utc_now())

    def fetch_item(self, reference: str) -> Observation:
        """This will read a transfer; it raises as `fetch` does."""
        return self.fetch(reference).observations[0]

    def cancel(self, item_reference: str) -> Cancelled | NotCancellable | Unknown:
        """This will cancel a transfer that Wise has not converted yet."""
        return cancelling.cancel_transfer(self._client, item_reference)

    def read_webhook(self, request: RawWebhook) -> Sequence[Hint]:
        """This will verify a delivery and say what it points at.

        :raises BadWebhook: when it is not Wise's or cannot be read.
        """
        return webhook.read_webhook(request, key=self._key, profile=self._profile)

    def balances(self) -> Sequence[Balance]:
        """This will give what Wise holds for us.

        :raises ProviderUnavailable: when it cannot be read now.
        """
        return statements.read_balances(self._client, now=utc_now())

    def statement(self, *, since: datetime, until: datetime) -> Statement:
        """This will give Wise's own list of movements, or of transfers where our token may read nothing else.

        :raises ProviderUnavailable: when it cannot be read now.
        """
        return reports.read_statement(self._client, since=since, until=until, now=utc_now())

    def check(self) -> ConnectionReport:
        """This will test the connection without moving money."""
        return connection.check(self._client, funds=self._funds, now=utc_now())

    def register_webhook(self, url: str) -> str:
        """This will have Wise deliver webhooks to an address, and give the ids of the subscriptions.

        :raises ProviderError: when Wise refuses it or cannot be asked.
        """
        return registration.register(self._client, url)

    def read_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """This will check and normalise a recipient that Wise knows.

        :raises DestinationError: when it cannot be paid to.
        """
        return destinations.read_destination(given)

    def mask(self, destination: Mapping[str, str]) -> str:
        """This will show a destination without giving it away."""
        return destinations.mask(destination)

    def destination_echo(self, destination: Mapping[str, str]) -> str:
        """This will give the recipient's id, which a transfer carries; what Wise keeps under it never changes."""
        return destination["recipient"]


def _tokens(given: WiseSettings, http: HttpClient) -> Tokens:
    if given.api_token:
        return PersonalToken(given.api_token)
    return RefreshedToken(
        http=http,
        client_id=given.client_id,
        client_secret=given.client_secret,
        refresh_token=given.refresh_token,
    )
