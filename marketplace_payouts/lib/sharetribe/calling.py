"""One call to the Integration API: token, limits, and asking again where that is harmless."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from marketplace_payouts.lib.http import Answer, HttpError, MaybeReceived, NotSent, form_body, json_body
from marketplace_payouts.lib.pool import Item, run_all
from marketplace_payouts.lib.shared_state import NotGranted, TokenBucket
from marketplace_payouts.lib.sharetribe.config import FlexConfig
from marketplace_payouts.lib.sharetribe.connection import Connection, using
from marketplace_payouts.lib.sharetribe.errors import (
    LOCKED,
    FlexBadAnswer,
    FlexBusy,
    FlexConflict,
    FlexError,
    FlexThrottled,
    FlexUnauthorized,
    FlexUnavailable,
    FlexUnknownOutcome,
    error_from,
    read_json,
)
from marketplace_payouts.lib.sharetribe.records import JsonObject, as_object
from marketplace_payouts.lib.sharetribe.tokens import Token, Tokens

_log = logging.getLogger(__name__)

_API: Final = "/v1/integration_api/"
_TOKEN_PATH: Final = "/v1/auth/token"  # noqa: S105 - a path
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
# Queries of a limited marketplace may go once a second, commands once in two.
_QUERY_RATE: Final = 1.0
_COMMAND_RATE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Call:
    """One question or command, as the API names it: `kind` is such as ``transactions/show``."""

    kind: str
    params: Mapping[str, str]
    body: Mapping[str, object] | None = None
    repeatable: bool = True
    """Whether carrying it out twice is the same as once."""

    @property
    def is_command(self) -> bool:
        """Whether it changes something, or counts as if it did."""
        return self.body is not None


class Caller:
    """Makes calls for one application; safe to share among threads."""

    def __init__(self, *, config: FlexConfig, on_call: Callable[[str], None] | None = None) -> None:
        self._config = config
        self._on_call = on_call
        self._connection = Connection(
            base_url=config.base_url,
            allow_loopback_http=config.allow_loopback_http,
            timeouts=config.timeouts,
            max_bytes=config.max_bytes,
            requests_at_once=config.requests_at_once,
        )
        self._tokens = Tokens(config=config, post=self._post_form)
        self._queries = TokenBucket(f"{config.name} queries", rate=_QUERY_RATE, burst=config.query_burst)
        self._commands = TokenBucket(
            f"{config.name} commands", rate=_COMMAND_RATE, burst=config.command_burst
        )

    def call(self, call: Call, *, patience_s: float | None = None) -> JsonObject:
        """Make a call, again where that is harmless, and give the answer's body.

        :raises FlexUnknownOutcome: when a command that must not be repeated may have been carried out.
        :raises FlexError: in its other forms, as each says; of passing troubles, the last one met in time.
        """
        deadline = time.monotonic() + (self._config.patience_s if patience_s is None else patience_s)
        attempt = 0
        while True:
            try:
                return self._once(call, deadline=deadline)
            except FlexError as error:
                pause_s = _pause_s(error, attempt=attempt)
                if not _passes(error) or time.monotonic() + pause_s >= deadline:
                    raise
                _log.info("Sharetribe: %s, asking again in %.1f s (%s)", error, pause_s, call.kind)
            attempt += 1
            time.sleep(pause_s)

    def side_by_side(self, function: Callable[[Item], object], items: Sequence[Item]) -> None:
        """Call the function with each item, as many at once as there may be requests, and wait for all.

        The slots for its requests are held meanwhile, so that the database is not asked around each of them.
        """
        at_once = min(self._config.requests_at_once, len(items))
        if at_once <= 1:
            run_all(function, items, workers=1)
            return
        with self._connection.slots_for(at_once) as held:

            def work(item: Item) -> None:
                with using(held):
                    function(item)

            run_all(work, items, workers=at_once)

    def close(self) -> None:
        """Close the kept connections."""
        self._connection.close()

    def _once(self, call: Call, *, deadline: float) -> JsonObject:
        """Make a call with the ladder that Sharetribe's own client climbs on a 401."""
        token = self._tokens.current(deadline=deadline)
        for with_refresh in (True, False):
            try:
                return self._send(call, token, deadline=deadline)
            except FlexUnauthorized:
                token = self._tokens.after_rejection(token, deadline=deadline, with_refresh=with_refresh)
        return self._send(call, token, deadline=deadline)

    def _send(self, call: Call, token: Token, *, deadline: float) -> JsonObject:
        bucket = self._commands if call.is_command else self._queries
        if self._config.rate_limited:
            self._take_turn(bucket, deadline=deadline)
        answer = self._request(call, token, deadline=deadline)
        if answer.ok:
            return _read(call, answer)
        error = _refusal(call, answer)
        if isinstance(error, FlexThrottled) and self._config.rate_limited:
            # Whoever else has a turn would only be refused as well.
            bucket.pause(error.retry_after or 1 / bucket.rate)
        raise error

    def _request(self, call: Call, token: Token, *, deadline: float) -> Answer:
        with self._connection.slot(deadline=deadline):
            self._count(call.kind)
            try:
                return self._connection.http.request(
                    "POST" if call.is_command else "GET",
                    _API + call.kind,
                    params=call.params,
                    headers={"Authorization": f"Bearer {token.access}"},
                    body=None if call.body is None else json_body(call.body),
                    content_type="application/json" if call.is_command else "",
                    deadline=deadline,
                )
            except NotSent as error:
                raise FlexUnavailable(f"Sharetribe cannot be reached: {error}") from error
            except MaybeReceived as error:
                kind = FlexUnavailable if call.repeatable else FlexUnknownOutcome
                raise kind(f"Sharetribe gave no whole answer: {error}", status=error.status) from error

    def _post_form(self, form: Mapping[str, str], deadline: float) -> Answer:
        try:
            with self._connection.slot(deadline=deadline):
                self._count("auth/token")
                return self._connection.http.request(
                    "POST",
                    _TOKEN_PATH,
                    body=form_body(form),
                    content_type="application/x-www-form-urlencoded",
                    deadline=deadline,
                )
        except HttpError as error:
            raise FlexUnavailable(f"Sharetribe's token endpoint cannot be reached: {error}") from error

    def _take_turn(self, bucket: TokenBucket, *, deadline: float) -> None:
        try:
            bucket.take(wait_s=max(deadline - time.monotonic(), 0.0))
        except NotGranted:
            raise FlexBusy(
                "Our share of Sharetribe's rate limit is used up for longer than we may wait"
            ) from None

    def _count(self, kind: str) -> None:
        if self._on_call is not None:
            self._on_call(kind)


def _read(call: Call, answer: Answer) -> JsonObject:
    try:
        return as_object(read_json(answer), "body")
    except FlexBadAnswer as error:
        if call.repeatable:
            raise
        raise FlexUnknownOutcome(
            "Sharetribe's answer to a command cannot be read", status=answer.status
        ) from error


def _refusal(call: Call, answer: Answer) -> FlexError:
    error = error_from(answer)
    if call.repeatable or not isinstance(error, FlexUnavailable | FlexBadAnswer):
        return error
    # A failing server may have failed after it did what was asked.
    return FlexUnknownOutcome(
        "Sharetribe failed while it carried out a command", status=error.status, request_id=error.request_id
    )


def _passes(error: FlexError) -> bool:
    """Say whether asking again later may help; an unknown outcome is no such case, and is never asked again here."""
    locked = isinstance(error, FlexConflict) and error.code == LOCKED
    return locked or isinstance(error, FlexThrottled | FlexUnavailable | FlexBadAnswer)


def _pause_s(error: FlexError, *, attempt: int) -> float:
    longest = min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)
    pause_s = random.uniform(longest / 2, longest)  # noqa: S311 - keeps processes apart, guards nothing
    asked_for = error.retry_after if isinstance(error, FlexThrottled) else None
    return max(pause_s, asked_for or 0.0)
