"""The one way to speak to Stripe: its version pinned, its errors ours, nothing sent twice by itself.

    with asking("create the customer") as stripe:
        stripe.v1.customers.create({"email": email}, {"idempotency_key": key})

Every POST needs an idempotency key of the caller's own, kept in its own row: only with that may it be made again.
Never within a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import stripe
from requests.structures import CaseInsensitiveDict

from marketplace_payouts.lib.http import (
    Answer,
    AnswerUnreadable,
    HttpClient,
    HttpError,
    MaybeReceived,
    Timeouts,
)
from payments.stripe.config import Config, config
from payments.stripe.errors import (
    StripeBusy,
    StripeForbidden,
    StripeGone,
    StripeKeyRefused,
    StripeKeyUsed,
    StripeProblem,
    StripeRefused,
    StripeUnavailable,
    code_of,
)
from payments.stripe.pinned import HOST

READERS: Final = 4
"""How many readings are under way at once: a test account bears 25 a second, a live one 100."""

_TIMEOUTS: Final = Timeouts(connect=5, read=30, total=45)
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Question:
    """One reading, such as dj-stripe asks for: a path with its query, as which account."""

    path: str
    params: tuple[tuple[str, str], ...] = ()
    account: str = ""

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str]) -> Question:
        """This will make one of what Stripe's library is about to send."""
        parts = urlsplit(url)
        params = sorted(parse_qsl(parts.query, keep_blank_values=True))
        return cls(parts.path, tuple(params), headers.get("Stripe-Account", ""))


@contextmanager
def asking(what: str) -> Iterator[stripe.StripeClient]:
    """This will give Stripe's own client; `what` ends the sentence "Stripe did not …" where it does not do it.

    :raises StripeOff: when there is no key.
    :raises StripeUnavailable: when the outcome is not certain, or Stripe could not be asked.
    :raises StripeRefused: when Stripe certainly did not do it.
    :raises StripeKeyRefused: when Stripe does not take our key.
    """
    client = _line(config()).client
    try:
        yield client
    except stripe.StripeError as error:
        raise _translated(error, what) from error


def read(question: Question) -> Answer:
    """This will ask, and give Stripe's word as it is: a found object, or that there is none, or none for us.

    :raises StripeOff: when there is no key.
    :raises StripeUnavailable: when Stripe could not be asked or is in trouble.
    :raises StripeKeyRefused: when Stripe does not take our key.
    """
    line = _line(config())
    headers = line.headers | ({"Stripe-Account": question.account} if question.account else {})
    answer = _sent(line.http, "GET", question.path, params=question.params, headers=headers)
    if answer.status == 401:
        raise StripeKeyRefused(_KEY_REFUSED)
    if answer.status == 429:
        raise StripeBusy("Stripe is asked too often just now.", retry_after_s=answer.retry_after())
    if answer.status >= 500 or answer.status == 409:
        raise StripeUnavailable(f"Stripe answered with status {answer.status}.", may_have_acted=False)
    try:
        is_object = isinstance(answer.json(), dict)
    except AnswerUnreadable:
        is_object = False
    if not is_object:
        raise StripeUnavailable("Stripe's answer cannot be read.", may_have_acted=False)
    return answer


@dataclass(frozen=True, slots=True)
class _Line:
    """The connections to one Stripe account."""

    http: HttpClient
    client: stripe.StripeClient
    headers: dict[str, str]


@lru_cache(maxsize=4)
def _line(settings: Config) -> _Line:
    http = HttpClient(
        base_url=settings.api_host,
        timeouts=_TIMEOUTS,
        max_bytes=16 * _MIB,
        allow_loopback_http=settings.allow_loopback_http,
        allowed_hosts=[HOST],
        pool_size=2 * READERS,
    )
    client = stripe.StripeClient(
        settings.secret_key,
        stripe_version=settings.api_version,
        base_addresses={"api": http.base_url},
        max_network_retries=0,
        http_client=_Transport(http),
    )
    headers = {"Authorization": f"Bearer {settings.secret_key}", "Stripe-Version": settings.api_version}
    return _Line(http, client, headers)


class _Transport(stripe.HTTPClient):
    """Has Stripe's library speak through our own client, which goes to no other host."""

    name = "marketplace-payouts"

    def __init__(self, http: HttpClient) -> None:
        super().__init__()
        self._http = http

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """This will make one call."""
        if not url.startswith(f"{self._http.base_url}/"):
            raise StripeProblem(f"We speak to {self._http.host} only.")
        parts = urlsplit(url)
        answer = _sent(
            self._http,
            method.upper(),
            parts.path,
            params=parse_qsl(parts.query, keep_blank_values=True),
            headers=headers or {},
            body=post_data.encode() if isinstance(post_data, str) else post_data,
        )
        return answer.body.decode("utf-8", "replace"), answer.status, CaseInsensitiveDict(answer.headers)

    def close(self) -> None:
        """This will close the connections."""
        self._http.close()


def _sent(http: HttpClient, method: str, path: str, **options: Any) -> Answer:
    try:
        return http.request(method, path, **options)
    except HttpError as error:
        acted = isinstance(error, MaybeReceived) and method != "GET"
        raise StripeUnavailable(f"Stripe could not be asked: {error}", may_have_acted=acted) from error


_KEY_REFUSED: Final = "Stripe does not take STRIPE_SECRET_KEY: was it rolled, or is it of another account?"


_REFUSALS: Final[Mapping[type[stripe.StripeError], type[StripeRefused]]] = {
    stripe.PermissionError: StripeForbidden,
    stripe.IdempotencyError: StripeKeyUsed,
    stripe.InvalidRequestError: StripeRefused,
    stripe.CardError: StripeRefused,
}


def _translated(error: stripe.StripeError, what: str) -> StripeProblem:
    told = f"Stripe did not {what}: {error.user_message or 'it does not say why'}"
    if error.request_id:
        told += f" (request {error.request_id})"
    if isinstance(error, stripe.AuthenticationError):
        return StripeKeyRefused(_KEY_REFUSED)
    # 409: somebody is at the same thing with the same key at this moment.
    if isinstance(error, stripe.RateLimitError) or error.http_status == 409:
        wait = str((error.headers or {}).get("retry-after", ""))
        return StripeBusy(told, retry_after_s=float(wait) if wait.isascii() and wait.isdecimal() else None)
    if type(error) not in _REFUSALS:
        return StripeUnavailable(told, may_have_acted=True)
    kind = StripeGone if code_of(error) == "resource_missing" else _REFUSALS[type(error)]
    param = str(getattr(error, "param", None) or "")
    return kind(told, code=code_of(error), param=param, request_id=error.request_id or "")
