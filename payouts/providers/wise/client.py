"""Calls to Wise's API in its own words: paths, a token on each call, errors of the reads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from marketplace_payouts.lib.clock import in_utc
from marketplace_payouts.lib.http import Answer, HttpClient, HttpError
from payouts.providers.base import ProviderUnavailable, ReferenceVanished
from payouts.providers.wise.amounts import read_json
from payouts.providers.wise.errors import read_problem
from payouts.providers.wise.fields import read_objects
from payouts.providers.wise.paths import Paths
from payouts.providers.wise.tokens import NoToken, Tokens

LIVE_HOSTS: Final = ("api.wise.com", "api.transferwise.com")
SANDBOX_HOSTS: Final = ("api.wise-sandbox.com", "api.sandbox.transferwise.tech")

# A whole transmission, token and second try included; well within the lease under which a step is sent.
CALL_S: Final = 60.0
CORRELATION: Final = "X-External-Correlation-Id"
LONGEST_CORRELATION: Final = 36
CHALLENGE: Final = "x-2fa-approval"
_PAGE: Final = 100
_MOST_PAGES: Final = 1000

Params = Mapping[str, str] | Sequence[tuple[str, str]]


class StrongAuthentication(ProviderUnavailable):
    """Wise asks for strong authentication, or does not let this token do it at all."""


class WiseClient:
    """One profile at one of Wise's hosts; safe among threads."""

    def __init__(self, *, http: HttpClient, tokens: Tokens, paths: Paths, profile: str) -> None:
        self._http = http
        self._tokens = tokens
        self.host = http.host
        self.path = paths
        self.profile = profile

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """This will make one call and give Wise's answer, of whatever status.

        A token of OAuth that Wise does not take any more is renewed, and the same bytes are sent once more: 401 is
        said at the gate, before anything was read.

        :raises NoToken: when there is no token, so that nothing was sent.
        :raises NotSent: when nothing reached Wise.
        :raises MaybeReceived: when Wise may have acted.
        """
        deadline = time.monotonic() + CALL_S
        token = self._tokens.take(deadline=deadline)
        answer = self._once(method, path, params, body, headers, token.value, deadline)
        if answer.status != 401 or not self._tokens.renews_after(token):
            return answer
        try:
            token = self._tokens.take(deadline=deadline)
        except NoToken:
            return answer
        return self._once(method, path, params, body, headers, token.value, deadline)

    def read(self, path: str, *, params: Params = ()) -> Any:
        """This will give the JSON at a path, its numbers as they stand.

        :raises ReferenceVanished: when Wise does not know what the path names.
        :raises StrongAuthentication: when a person must prove who they are first, or the token may not read it.
        :raises ProviderUnavailable: when Wise cannot be asked, refuses, or answers nonsense.
        """
        return self.send("GET", path, params=params)

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """This will do what moves no money, and give what Wise says to it; it raises as `read` does."""
        try:
            answer = self.call(method, path, params=params, body=body, headers=headers)
        except HttpError as error:
            raise ProviderUnavailable(f"Wise could not be reached: {error}") from error
        if not answer.ok:
            raise refusal(answer)
        if not answer.body:
            return None
        try:
            return read_json(answer.body)
        except ValueError:
            raise ProviderUnavailable("Wise's answer cannot be read.") from None

    def read_object(self, path: str, *, params: Params = ()) -> Mapping[str, Any]:
        """This will give the object at a path; it raises as `read` does."""
        value = self.read(path, params=params)
        if not isinstance(value, Mapping):
            raise ProviderUnavailable("Wise's answer is no object.")
        return value

    def read_list(self, path: str, *, params: Params = ()) -> Sequence[Mapping[str, Any]]:
        """This will give the list of objects at a path; it raises as `read` does."""
        value = self.read(path, params=params)
        if not isinstance(value, list):
            raise ProviderUnavailable("Wise's answer is no list.")
        return list(read_objects(value))

    def transfers(self, *, since: datetime, until: datetime) -> Iterator[Mapping[str, Any]]:
        """This will give all transfers of the profile that were made in a time, every page.

        :raises ProviderUnavailable: when a page cannot be read.
        """
        span = {"createdDateStart": moment(since), "createdDateEnd": moment(until)}
        for page in range(_MOST_PAGES):
            # The offset must be a multiple of the limit.
            window = {"limit": str(_PAGE), "offset": str(page * _PAGE)}
            found = self.read_list(self.path("transfers"), params={"profile": self.profile, **span, **window})
            yield from found
            if len(found) < _PAGE:
                return
        raise ProviderUnavailable("Wise's list of transfers has more pages than can be read.")

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
        # Without a declared type Wise answers a body with a fault of its own.
        given = {"Content-Type": "application/json"} if method != "GET" else {}
        return self._http.request(
            method,
            path,
            params=params,
            headers={**given, **(headers or {}), "Authorization": f"Bearer {token}"},
            body=body,
            deadline=deadline,
        )


def moment(at: datetime) -> str:
    """This will write a moment as Wise takes it."""
    return in_utc(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def refusal(answer: Answer) -> ProviderUnavailable:
    """This will say why Wise does not do what moves no money."""
    problem = read_problem(answer.body)
    told = problem.sentence() if problem else "no reason given"
    # Only Wise's own word counts: a 404 from something on the way says nothing about the reference.
    if answer.status == 404 and problem is not None:
        return ReferenceVanished(f"Wise does not know it: {told}")
    if answer.status == 403:
        return StrongAuthentication(f"Wise does not let our token do this: {told}")
    return ProviderUnavailable(f"Wise answered {answer.status}: {told}")
