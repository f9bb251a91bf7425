"""Calls to Payoneer's API in its own words: paths below the program, a token on each call, errors of the reads."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from marketplace_payouts.lib.http import Answer, AnswerUnreadable, HttpClient, HttpError, url_path
from payouts.providers.base import ProviderUnavailable, ReferenceVanished
from payouts.providers.payoneer.errors import Problem, problem_of, read_problem
from payouts.providers.payoneer.token import NoToken, TokenKeeper

LIVE_HOST: Final = "api.payoneer.com"
SANDBOX_HOST: Final = "api.sandbox.payoneer.com"
LIVE_AUTH_HOST: Final = "login.payoneer.com"
SANDBOX_AUTH_HOST: Final = "login.sandbox.payoneer.com"

# A whole transmission, token and second try included; well within the lease under which a step is sent.
CALL_S: Final = 60.0


class PayoneerRefused(ProviderUnavailable):
    """Payoneer answered a reading with an error of its own."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(f"Payoneer answered {status}: {problem.sentence()}")
        self.status = status
        self.problem = problem


class PayoneerClient:
    """One program at one of Payoneer's hosts; safe among threads."""

    def __init__(self, *, http: HttpClient, tokens: TokenKeeper, program_id: str) -> None:
        self._http = http
        self.base_url = http.base_url
        self.tokens = tokens
        self.program_id = program_id

    def path(self, *segments: str) -> str:
        """This will give a path below the program.

        :raises NoToken: when this process has no program.
        """
        if not self.program_id:
            raise NoToken("This process has no Payoneer credentials: set PAYONEER_PROGRAM_ID.", ours=True)
        return "/v4/programs" + url_path(self.program_id, *segments)

    def call(self, method: str, path: str, *, body: bytes | None = None) -> Answer:
        """This will make one call and give Payoneer's answer, of whatever status.

        A token that Payoneer does not take any more is renewed and the same bytes are sent once more: 401 is said at
        the gate, before anything was read.

        :raises NoToken: when there is no token, so that nothing was sent.
        :raises NotSent: when nothing reached Payoneer.
        :raises MaybeReceived: when Payoneer may have acted.
        """
        deadline = time.monotonic() + CALL_S
        token = self.tokens.take(deadline=deadline)
        answer = self._once(method, path, body, token.value, deadline)
        if answer.status != 401:
            return answer
        self.tokens.refused(token)
        try:
            token = self.tokens.take(deadline=deadline)
        except NoToken:
            return answer
        return self._once(method, path, body, token.value, deadline)

    def read(self, path: str) -> Mapping[str, Any]:
        """This will give the `result` at a path.

        :raises ReferenceVanished: when Payoneer does not know the payment that the path names, or not yet.
        :raises ProviderUnavailable: when Payoneer cannot be asked, refuses, or answers nonsense.
        """
        return self.result("GET", path)

    def result(self, method: str, path: str, *, body: bytes | None = None) -> Mapping[str, Any]:
        """This will make a call that moves no money and give its `result`; raises as `read`."""
        try:
            answer = self.call(method, path, body=body)
        except HttpError as error:
            raise ProviderUnavailable(f"Payoneer could not be asked: {error}") from error
        if not answer.ok:
            raise _refused(answer)
        try:
            value = answer.json()
        except AnswerUnreadable:
            raise ProviderUnavailable("Payoneer's answer cannot be read.") from None
        problem = problem_of(value)
        if problem is not None:
            raise _told(answer.status, problem)
        result = value.get("result") if isinstance(value, dict) else None
        if not isinstance(result, dict):
            raise ProviderUnavailable("Payoneer's answer has no result.")
        return result

    def _once(self, method: str, path: str, body: bytes | None, token: str, deadline: float) -> Answer:
        return self._http.request(
            method,
            path,
            headers={"Authorization": f"Bearer {token}"},
            body=body,
            content_type="application/json" if body is not None else "",
            deadline=deadline,
        )


def _refused(answer: Answer) -> ProviderUnavailable:
    problem = read_problem(answer.body)
    if problem is None:
        return ProviderUnavailable(f"Payoneer answered {answer.status} without a reason that can be read.")
    return _told(answer.status, problem)


def _told(status: int, problem: Problem) -> ProviderUnavailable:
    # Only Payoneer's own number counts: a 404 from something on the way says nothing about the payment.
    if problem.is_payout_not_found:
        return ReferenceVanished(f"Payoneer does not know it: {problem.sentence()}")
    return PayoneerRefused(status, problem)
