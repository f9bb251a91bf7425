"""Calls to Stripe's interface in its own words: the key on each call, pages, errors of the reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marketplace_payouts.lib.http import Answer, AnswerUnreadable, HttpClient, HttpError
from payouts.providers.base import ProviderUnavailable, ReferenceVanished
from payouts.providers.stripe.errors import Problem, read_problem

_PAGE_SIZE: Final = 100
_MOST_PAGES: Final = 10_000

Object = Mapping[str, Any]


class AccountOutOfReach(ProviderUnavailable):
    """A connected account has taken our access away, or is gone: what happens there we are not told."""


class StripeClient:
    """One Stripe account; safe among threads."""

    def __init__(self, *, http: HttpClient, secret_key: str, api_version: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {secret_key}", "Stripe-Version": api_version}

    def post(self, path: str, *, body: bytes, key: str) -> Answer:
        """This will send a body's very bytes under an idempotency key, and give Stripe's answer, of whatever status.

        :raises NotSent: when nothing reached Stripe.
        :raises MaybeReceived: when Stripe may have acted.
        """
        return self._http.request(
            "POST",
            path,
            headers={**self._headers, "Idempotency-Key": key},
            body=body,
            content_type="application/x-www-form-urlencoded",
        )

    def read(self, path: str, *, params: Mapping[str, str] | None = None, account: str = "") -> Object:
        """This will give the object at a path, as a connected account sees it where one is named.

        :raises ReferenceVanished: when Stripe does not know what the path names.
        :raises AccountOutOfReach: when the connected account is none of ours any more.
        :raises ProviderUnavailable: when Stripe cannot be asked, refuses, or answers nonsense.
        """
        headers = {**self._headers, **({"Stripe-Account": account} if account else {})}
        try:
            answer = self._http.request("GET", path, params=params or {}, headers=headers)
        except HttpError as error:
            raise ProviderUnavailable(f"Stripe could not be read: {error}") from error
        if not answer.ok:
            raise _reading_refused(answer, account=account)
        try:
            value = answer.json()
        except AnswerUnreadable:
            raise ProviderUnavailable("Stripe's answer cannot be read.") from None
        if not isinstance(value, dict):
            raise ProviderUnavailable("Stripe's answer is no object.")
        return value

    def pages(
        self, path: str, *, params: Mapping[str, str] | None = None, account: str = ""
    ) -> Iterator[Object]:
        """This will give all objects of a list, the newest first; raises as `read`."""
        asked = {**(params or {}), "limit": str(_PAGE_SIZE)}
        for _ in range(_MOST_PAGES):
            page = self.read(path, params=asked, account=account)
            found, more = page.get("data"), page.get("has_more")
            if not isinstance(found, list) or not isinstance(more, bool):
                raise ProviderUnavailable("Stripe's list cannot be read.")
            objects = [_object(one) for one in found]
            yield from objects
            if not more:
                return
            if not objects:
                raise ProviderUnavailable("Stripe's list promises more, and gives nothing.")
            asked["starting_after"] = str(objects[-1]["id"])
        raise ProviderUnavailable("Stripe's list has more pages than can be read.")


def _object(value: object) -> Object:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        raise ProviderUnavailable("Stripe's list has an entry without an id.")
    return value


def _reading_refused(answer: Answer, *, account: str) -> ProviderUnavailable:
    problem = read_problem(answer)
    told = problem.sentence() if problem else "no reason given"
    # Only Stripe's own word counts: a 404 from something on the way says nothing about the reference.
    if answer.status == 404 and problem is not None and problem.code == "resource_missing":
        return ReferenceVanished(f"Stripe does not know it: {told}")
    if account and _is_out_of_reach(answer, problem):
        return AccountOutOfReach(f"The account {account} is out of our reach: {told}")
    return ProviderUnavailable(f"Stripe answered {answer.status}: {told}")


def _is_out_of_reach(answer: Answer, problem: Problem | None) -> bool:
    return answer.status == 403 and problem is not None and problem.code == "account_invalid"
