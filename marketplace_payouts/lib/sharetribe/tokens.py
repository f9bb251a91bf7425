"""The one access token that all processes use, and the order in which a new one is asked for.

Processes find it sealed in the database. It is renewed a while before it ends, by whoever takes the lock first; the
others go on with the old one as long as it lasts. Clocks are not trusted: a 401 means that a token is over, whatever
its `expires_in` said.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from marketplace_payouts.lib.http import Answer
from marketplace_payouts.lib.shared_state import NotGranted, SharedSecret, shared_lock
from marketplace_payouts.lib.sharetribe.config import FlexConfig
from marketplace_payouts.lib.sharetribe.errors import (
    FlexBadAnswer,
    FlexBusy,
    FlexError,
    FlexUnauthorized,
    error_from,
    read_json,
)
from marketplace_payouts.lib.sharetribe.records import as_int, as_object, as_text

# Renewed when a fifth of its life is left, so that no call has to fail first.
_RENEW_WITH_LEFT: Final = 0.2
# With less than this left a token is not worth a call: five seconds, or a twentieth of a short life.
_LAST_SECONDS: Final = 5.0
_LAST_PART: Final = 0.05


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, with what is needed to get the next."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    lasts_s: float
    ends_at: float
    """On this process's monotonic clock."""

    @property
    def left_s(self) -> float:
        """Seconds until it ends."""
        return self.ends_at - time.monotonic()

    @property
    def fresh(self) -> bool:
        """Whether there is no reason yet to renew it."""
        return self.left_s > self.lasts_s * _RENEW_WITH_LEFT

    @property
    def usable(self) -> bool:
        """Whether a call may still be made with it."""
        return self.left_s > min(_LAST_SECONDS, self.lasts_s * _LAST_PART)


Post = Callable[[Mapping[str, str], float], Answer]
"""Posts a form to the token endpoint by a deadline on the monotonic clock."""


class Tokens:
    """Gives the shared access token and renews it."""

    def __init__(self, *, config: FlexConfig, post: Post) -> None:
        self._config = config
        self._post = post
        self._shared = SharedSecret(f"{config.name} token", config.token_keys())
        self._mine: Token | None = None
        self._mutex = threading.Lock()

    def current(self, *, deadline: float) -> Token:
        """Give a token that should work, renewing it ahead of time where it is this process's turn.

        :raises FlexUnauthorized: when Sharetribe does not accept our client id and secret.
        :raises FlexError: when no token could be had for another reason.
        """
        token = self._mine
        if token is not None and token.fresh:
            return token
        token = self._load() or token
        if token is None or not token.usable:
            return self._renewed(rejected=None, deadline=deadline, with_refresh=True)
        if token.fresh:
            return self._keep(token)
        return self._renewed_early(token, deadline=deadline)

    def after_rejection(self, rejected: Token, *, deadline: float, with_refresh: bool) -> Token:
        """Give another token than one that was answered with 401: someone else's newer one, or a new one.

        :raises FlexUnauthorized: when Sharetribe does not accept our client id and secret.
        :raises FlexError: when no token could be had for another reason.
        """
        return self._renewed(rejected=rejected, deadline=deadline, with_refresh=with_refresh)

    def _renewed_early(self, old: Token, *, deadline: float) -> Token:
        with ExitStack() as stack:
            try:
                stack.enter_context(shared_lock(f"{self._config.name} token", wait_s=0))
            except NotGranted:
                return old
            # Another may have renewed it between our look and our lock.
            latest = self._load()
            if latest is not None and latest.fresh:
                return self._keep(latest)
            try:
                return self._fetch(old, deadline=deadline, with_refresh=True)
            except FlexError:
                # It was only ahead of time; the old one still works.
                return old

    def _renewed(self, *, rejected: Token | None, deadline: float, with_refresh: bool) -> Token:
        with ExitStack() as stack:
            try:
                wait_s = max(deadline - time.monotonic(), 0.0)
                stack.enter_context(shared_lock(f"{self._config.name} token", wait_s=wait_s))
            except NotGranted:
                raise FlexBusy(
                    "Another process is renewing Sharetribe's token and did not finish in time"
                ) from None
            latest = self._load()
            is_newer = latest is not None and (rejected is None or latest.access != rejected.access)
            if latest is not None and is_newer and latest.usable:
                return self._keep(latest)
            return self._fetch(latest or rejected, deadline=deadline, with_refresh=with_refresh)

    def _fetch(self, old: Token | None, *, deadline: float, with_refresh: bool) -> Token:
        """Ask for a token by the old one's refresh token, and where that does not work, by our secret."""
        if with_refresh and old is not None and old.refresh:
            try:
                form = {
                    "client_id": self._config.client_id,
                    "grant_type": "refresh_token",
                    "refresh_token": old.refresh,
                }
                return self._ask(form, refresh=old.refresh, deadline=deadline)
            except FlexError as error:
                if error.status is None or not 400 <= error.status < 429:
                    raise
        form = {
            "client_id": self._config.client_id,
            "client_secret": self._config.client_secret,
            "grant_type": "client_credentials",
            "scope": "integ",
        }
        return self._ask(form, refresh="", deadline=deadline)

    def _ask(self, form: Mapping[str, str], *, refresh: str, deadline: float) -> Token:
        asked_at = time.monotonic()
        answer = self._post(form, deadline)
        if not answer.ok:
            error = error_from(answer)
            # Nobody documents how a wrong secret is answered; whichever it is, it means this.
            raise (
                FlexUnauthorized("Sharetribe does not accept our client id and secret", status=answer.status)
                if answer.status in {400, 401, 403}
                else error
            )
        body = as_object(read_json(answer), "token")
        access = as_text(body.get("access_token"), "access_token")
        lasts_s = float(as_int(body.get("expires_in"), "expires_in"))
        if not access.isascii() or not access.isprintable() or lasts_s <= 0:
            raise FlexBadAnswer("Sharetribe's token cannot be used")
        # A renewal may come with a new refresh token, and the old one may then be dead: the newest is kept.
        newest = body.get("refresh_token")
        token = Token(
            access=access,
            refresh=newest if isinstance(newest, str) and newest else refresh,
            lasts_s=lasts_s,
            ends_at=asked_at + lasts_s,
        )
        self._store(token)
        return self._keep(token)

    def _load(self) -> Token | None:
        loaded = self._shared.load()
        if loaded is None:
            return None
        # Also one that is over is of use: its refresh token outlives it by far.
        secret, left_s = loaded
        body = json.loads(secret)
        return Token(
            access=body["access"],
            refresh=body["refresh"],
            lasts_s=body["lasts_s"],
            ends_at=time.monotonic() + left_s,
        )

    def _store(self, token: Token) -> None:
        body = {"access": token.access, "refresh": token.refresh, "lasts_s": token.lasts_s}
        self._shared.store(json.dumps(body).encode(), lasts_s=token.left_s)

    def _keep(self, token: Token) -> Token:
        with self._mutex:
            self._mine = token
        return token
