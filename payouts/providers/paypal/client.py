"""Calls to PayPal's API in its own words: paths, a token on each call, errors of the reads."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from marketplace_payouts.lib.http import Answer, AnswerUnreadable, HttpClient, HttpError
from payouts.providers.base import ProviderUnavailable, ReferenceVanished
from payouts.providers.paypal.errors import read_problem
from payouts.providers.paypal.token import NoToken, TokenKeeper

LIVE_HOST: Final = "api-m.paypal.com"
SANDBOX_HOST: Final = "api-m.sandbox.paypal.com"
ALIASES: Final[Mapping[str, str]] = {
    LIVE_HOST: "api.paypal.com",
    "api.paypal.com": LIVE_HOST,
    SANDBOX_HOST: "api.sandbox.paypal.com",
    "api.sandbox.paypal.com": SANDBOX_HOST,
}
LIVE_HOSTS: Final = (LIVE_HOST, ALIASES[LIVE_HOST])
SANDBOX_HOSTS: Final = (SANDBOX_HOST, ALIASES[SANDBOX_HOST])

# A whole transmission, token and second try included; well within the lease under which a step is sent.
CALL_S: Final = 60.0
_MOST_BYTES: Final = 32 * 1024 * 1024

Params = Mapping[str, str] | Sequence[tuple[str, str]]


class PayPalClient:
    """One PayPal app at one of PayPal's hosts; safe among threads."""

    def __init__(self, *, http: HttpClient, client_id: str, client_secret: str) -> None:
        self._http = http
        self.host = http.host
        self.tokens = TokenKeeper(http=http, client_id=client_id, client_secret=client_secret)

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """This will make one call and give PayPal's answer, of whatever status.

        A token that PayPal does not take any more is renewed and the same bytes are sent once more: 401 is said at
        the gate, before anything was read.

        :raises NoToken: when there is no token, so that nothing was sent.
        :raises NotSent: when nothing reached PayPal.
        :raises MaybeReceived: when PayPal may have acted.
        """
        deadline = time.monotonic() + CALL_S
        token = self.tokens.take(deadline=deadline)
        answer = self._once(method, path, params, body, headers, token.value, deadline)
        if answer.status != 401:
            return answer
        self.tokens.refused(token)
        try:
            token = self.tokens.take(deadline=deadline)
        except NoToken:
            return answer
        return self._once(method, path, params, body, headers, token.value, deadline)

    def read(self, path: str, *, params: Params = ()) -> Mapping[str, Any]:
        """This will give the JSON object at a path.

        :raises ReferenceVanished: when PayPal does not know what the path names.
        :raises ProviderUnavailable: when PayPal cannot be asked, refuses, or answers nonsense.
        """
        try:
            answer = self.call("GET", path, params=params)
        except HttpError as error:
            raise ProviderUnavailable(f"PayPal could not be read: {error}") from error
        if not answer.ok:
            raise _reading_refused(answer)
        try:
            value = answer.json()
        except AnswerUnreadable:
            raise ProviderUnavailable("PayPal's answer cannot be read.") from None
        if not isinstance(value, dict):
            raise ProviderUnavailable("PayPal's answer is no object.")
        return value

    def _once(
        self,
        method: str,
        path: str,
        params: Params,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        token: str,
        deadline: float,
    ) -> Answer:
        return self._http.request(
            method,
            path,
            params=params,
            headers={**(headers or {}), "Authorization": f"Bearer {token}"},
            body=body,
            content_type="application/json" if method != "GET" else "",
            deadline=deadline,
            max_bytes=_MOST_BYTES,
        )


def _reading_refused(answer: Answer) -> ProviderUnavailable:
    problem = read_problem(answer.body)
    told = problem.sentence() if problem else "no reason given"
    # Only PayPal's own word counts: a 404 from something on the way says nothing about the reference.
    if answer.status == 404 and problem is not None:
        return ReferenceVanished(f"PayPal does not know it: {told}")
    return ProviderUnavailable(f"PayPal answered {answer.status}: {told}")
