"""Answers dj-stripe from what was read before, so that it never calls Stripe by itself.

dj-stripe reads whatever it needs in the middle of what it writes: within a transaction, from a web request, with
patience of its own. Here its HTTP client is this module. What it asks for must have been read already, or `Unread` is
raised, whoever runs it reads that, outside of any transaction, and runs it again. Its key is a dummy: ours is in none
of its tables, and nor is any secret of a buyer's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

import stripe
from requests.structures import CaseInsensitiveDict

from marketplace_payouts.lib.http import Answer
from payments.stripe import client_secrets
from payments.stripe.client import Question
from payments.stripe.errors import StripeProblem

Answers = MutableMapping[Question, Answer | StripeProblem]
"""What was read, and what could not be read."""

Made = TypeVar("Made")

MOST_READINGS: Final = 60
"""More than any event needs: an object and what it refers to, as far as that is new to us."""

_answers: ContextVar[Answers | None] = ContextVar("stripe_answers", default=None)


class NotAllowed(StripeProblem):
    """dj-stripe was about to call Stripe by itself, or to write there."""


class Unread(BaseException):
    """Something has to be read first. It is no `Exception`, for dj-stripe goes on after many of those."""

    def __init__(self, question: Question) -> None:
        super().__init__(question)
        self.question = question


def install() -> None:
    """This will take the place of the HTTP client that Stripe's library and with it dj-stripe use by default."""
    stripe.default_http_client = _Recall()
    stripe.max_network_retries = 0
    stripe.enable_telemetry = False


@contextmanager
def answering(answers: Answers) -> Iterator[None]:
    """This will answer dj-stripe from these.

    :raises Unread: naming what is not among them.
    """
    token = _answers.set(answers)
    try:
        yield
    finally:
        _answers.reset(token)


def run(keep: Callable[[], Made], *, read: Callable[[Question], Answer]) -> Made:
    """This will have dj-stripe keep something, again until everything that it needs has been read; gives what it gives.

    :raises StripeProblem: when something could not be read; and whatever `keep` raises.
    """
    answers: Answers = {}
    for _ in range(MOST_READINGS):
        try:
            with answering(answers):
                return keep()
        except Unread as unread:
            question = unread.question
        answers[question] = read(question)
    raise StripeProblem(f"dj-stripe asks for ever more, at last for {question.path}.")


def answer(question: Question, answers: Answers) -> Answer:
    """This will give what was answered.

    :raises Unread: when nobody asked yet.
    :raises StripeProblem: when it could not be read.
    """
    if question not in answers:
        raise Unread(question)
    found = answers[question]
    if isinstance(found, StripeProblem):
        raise found
    return found


class _Recall(stripe.HTTPClient):
    """Looks answers up."""

    name = "marketplace-payouts-recall"

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """This will answer as Stripe did when it was asked."""
        answers = _answers.get()
        if answers is None or method.lower() != "get":
            raise NotAllowed(f"dj-stripe may not call Stripe by itself: {method.upper()} {url} was stopped.")
        found = answer(Question.of(url, headers or {}), answers)
        text = client_secrets.taken_out(found.body.decode("utf-8", "replace"))
        return text, found.status, CaseInsensitiveDict(found.headers)

    def close(self) -> None:
        """This will do nothing: there are no connections."""
