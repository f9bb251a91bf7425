"""What opens Wise: a personal token, or an access token of OAuth that is refreshed before it ends."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol

from marketplace_payouts.lib.http import Answer, AnswerUnreadable, HttpClient, HttpError, form_body
from payouts.providers.base import ProviderUnavailable
from payouts.providers.wise.paths import TOKEN

# A token of OAuth lives for twelve hours; renewed when so many seconds, or a tenth of its life, are left.
_EARLY_S: Final = 900.0
_SHORTEST_LIFE_S: Final = 30.0


class NoToken(ProviderUnavailable):
    """Wise gave no token, so nothing was asked of it; `ours` where our credentials are the reason."""

    def __init__(self, message: str, *, ours: bool = False, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.ours = ours
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Token:
    """A token that may be tried; the clock is `time.monotonic`."""

    value: str = field(repr=False)
    renew_at: float = float("inf")
    ends_at: float = float("inf")


class Tokens(Protocol):
    """Gives the token that is good now; safe among threads."""

    def take(self, *, deadline: float | None = None) -> Token:
        """This will give a token.

        :raises NoToken: when there is none.
        """
        ...

    def renews_after(self, token: Token) -> bool:
        """This will forget a token that Wise did not take; tells whether there may be another one."""
        ...


class PersonalToken:
    """The token that somebody made at Wise; it stays the same."""

    def __init__(self, value: str) -> None:
        self._token = Token(value)

    def take(self, *, deadline: float | None = None) -> Token:
        """This will give the token."""
        return self._token

    def renews_after(self, token: Token) -> bool:
        """This will say that there is no other."""
        return False


class RefreshedToken:
    """OAuth: one thread asks for a new token while the others wait."""

    def __init__(
        self,
        *,
        http: HttpClient,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._form = form_body({"grant_type": "refresh_token", "refresh_token": refresh_token})
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._token: Token | None = None

    def take(self, *, deadline: float | None = None) -> Token:
        """This will give a token.

        :raises NoToken: when Wise gives none.
        """
        token = self._token
        if token is not None and self._monotonic() < token.renew_at:
            return token
        with self._lock:
            token = self._token
            if token is not None and self._monotonic() < token.renew_at:
                return token
            try:
                self._token = self._ask(deadline)
            except NoToken:
                # The old one still has some minutes: Wise's token service may be back before they are over.
                if token is None or self._monotonic() >= token.ends_at:
                    raise
                return token
            return self._token

    def renews_after(self, token: Token) -> bool:
        """This will forget the token, unless another thread has renewed it meanwhile."""
        with self._lock:
            if self._token is token:
                self._token = None
        return True

    def _ask(self, deadline: float | None) -> Token:
        asked_at = self._monotonic()
        try:
            answer = self._http.request(
                "POST",
                TOKEN,
                headers={"Authorization": f"Basic {self._basic}"},
                body=self._form,
                content_type="application/x-www-form-urlencoded",
                deadline=deadline,
            )
        except HttpError as error:
            raise NoToken(f"Wise gave no token: {error}") from error
        if not answer.ok:
            raise _refusal(answer)
        return _read(answer, asked_at=asked_at)


def _refusal(answer: Answer) -> NoToken:
    if answer.status in {400, 401, 403}:
        return NoToken(
            "Wise does not take our client id, secret or refresh token: connect the account anew.", ours=True
        )
    seconds = answer.retry_after()
    wait = timedelta(seconds=min(seconds, 86_400.0)) if seconds is not None else None
    return NoToken(f"Wise gave no token: it answered {answer.status}.", retry_after=wait)


def _read(answer: Answer, *, asked_at: float) -> Token:
    try:
        value = answer.json()
    except AnswerUnreadable as error:
        raise NoToken("Wise gave no token that can be read.") from error
    token = value.get("access_token") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(token, str) or not token:
        raise NoToken("Wise gave no token that can be read.")
    life = value.get("expires_in")
    life_s = float(life) if isinstance(life, int) and life > 0 else _SHORTEST_LIFE_S
    return Token(token, asked_at + life_s - min(_EARLY_S, life_s / 10), asked_at + life_s)
