"""Payoneer's access token: one per process, from a host of its own, renewed before it ends, never written anywhere."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from marketplace_payouts.lib.http import Answer, AnswerUnreadable, HttpClient, HttpError, form_body
from payouts.providers.base import ProviderUnavailable
from payouts.providers.payoneer.fields import read_text

_PATH: Final = "/api/v2/oauth2/token"
_SCOPE: Final = "read write"
# Renewed when so many seconds, or a tenth of its life, are left: whichever is less.
_EARLY_S: Final = 300.0
# How long a token lasts is not documented; where the answer does not say, a new one is asked for soon.
_SHORTEST_LIFE_S: Final = 30.0


class NoToken(ProviderUnavailable):
    """Payoneer gave no token, so nothing was asked of it; `ours` where our credentials are the reason."""

    def __init__(self, message: str, *, ours: bool = False, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.ours = ours
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Token:
    """A token, with the permissions that it carries; the clock is `time.monotonic`."""

    value: str = field(repr=False)
    scopes: Sequence[str]
    renew_at: float


class TokenKeeper:
    """Gives the token that is good now; safe among threads, of which one asks Payoneer while the others wait."""

    def __init__(
        self,
        *,
        http: HttpClient,
        client_id: str,
        client_secret: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._configured = bool(client_id and client_secret)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._token: Token | None = None

    def take(self, *, deadline: float | None = None) -> Token:
        """This will give a token.

        :raises NoToken: when Payoneer gives none.
        """
        with self._lock:
            if self._token is None or self._monotonic() >= self._token.renew_at:
                self._token = None
                self._token = self._ask(deadline)
            return self._token

    def refused(self, token: Token) -> None:
        """This will forget a token that Payoneer did not take, unless another thread has renewed it meanwhile."""
        with self._lock:
            if self._token is token:
                self._token = None

    def _ask(self, deadline: float | None) -> Token:
        if not self._configured:
            raise NoToken(
                "This process has no Payoneer credentials: set PAYONEER_CLIENT_ID and its secret.", ours=True
            )
        asked_at = self._monotonic()
        try:
            answer = self._http.request(
                "POST",
                _PATH,
                headers={"Authorization": f"Basic {self._basic}"},
                body=form_body({"grant_type": "client_credentials", "scope": _SCOPE}),
                content_type="application/x-www-form-urlencoded",
                deadline=deadline,
            )
        except HttpError as error:
            raise NoToken(f"Payoneer gave no token: {error}") from error
        if not answer.ok:
            raise _refusal(answer)
        return _read(answer, asked_at=asked_at)


def _refusal(answer: Answer) -> NoToken:
    if answer.status in {400, 401, 403}:
        return NoToken(
            "Payoneer does not take our client id and secret: check them and the environment.", ours=True
        )
    seconds = answer.retry_after()
    wait = timedelta(seconds=min(seconds, 86_400.0)) if seconds is not None else None
    return NoToken(f"Payoneer gave no token: it answered {answer.status}.", retry_after=wait)


def _read(answer: Answer, *, asked_at: float) -> Token:
    try:
        value = answer.json()
    except AnswerUnreadable as error:
        raise NoToken("Payoneer gave no token that can be read.") from error
    token = read_text(value, "access_token")
    if not token or not isinstance(value, dict):
        raise NoToken("Payoneer gave no token that can be read.")
    life = value.get("expires_in")
    life_s = float(life) if isinstance(life, int | float) and life > 0 else _SHORTEST_LIFE_S
    return Token(
        value=token,
        scopes=sorted(read_text(value, "scope").split()),
        renew_at=asked_at + life_s - min(_EARLY_S, life_s / 10),
    )
