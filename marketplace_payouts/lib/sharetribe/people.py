"""The Marketplace API, as far as it tells who holds an access token of a user, and whether it is their own.

Source: https://www.sharetribe.com/api-reference/marketplace.html (current_user/show) and authentication.html
(token_exchange), read 2026-11. That the scope of an exchanged token tells of an operator behind it is not documented.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

from marketplace_payouts.lib.http import Answer, HttpError, Timeouts, form_body
from marketplace_payouts.lib.sharetribe.connection import Connection
from marketplace_payouts.lib.sharetribe.errors import FlexUnauthorized, FlexUnavailable, error_from, read_json
from marketplace_payouts.lib.sharetribe.records import User, as_object, as_text, parse_user

_CURRENT_USER: Final = "/v1/api/current_user/show"
_TOKEN: Final = "/v1/auth/token"  # noqa: S105 - a path
_OWN: Final = "trusted:user"
_LONGEST_TOKEN: Final = 4096


@dataclass(frozen=True, slots=True)
class PeopleConfig:
    """Where the Marketplace API is, and the application whose front end gives users their tokens.

    Without its secret nobody can tell an operator who logged in as a user from the user.
    """

    base_url: str
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    allow_loopback_http: bool = False
    timeouts: Timeouts = field(default_factory=lambda: Timeouts(connect=3, read=5, total=8))
    requests_at_once: int = 10
    max_bytes: int = 1024 * 1024


class PeopleClient:
    """Asks Sharetribe about access tokens of its users; safe to share among threads. Keeps none of them.

    :raises BadBaseUrl: when the base URL is not one of Sharetribe's.
    """

    def __init__(self, *, config: PeopleConfig) -> None:
        self._config = config
        self._connection = Connection(
            base_url=config.base_url,
            allow_loopback_http=config.allow_loopback_http,
            timeouts=config.timeouts,
            max_bytes=config.max_bytes,
            requests_at_once=config.requests_at_once,
        )

    @property
    def can_tell_operators(self) -> bool:
        """Whether `is_their_own` may be asked: the application's credentials are there."""
        return bool(self._config.client_id and self._config.client_secret)

    def current_user(self, access_token: str) -> User:
        """Give the user who holds a token.

        :raises FlexUnauthorized: when Sharetribe does not take it for one of a user.
        :raises FlexError: when Sharetribe cannot say.
        """
        if not access_token.isascii() or not access_token.isprintable() or len(access_token) > _LONGEST_TOKEN:
            raise FlexUnauthorized("This is no access token")
        answer = self._ask("GET", _CURRENT_USER, headers={"Authorization": f"Bearer {access_token}"})
        if answer.status in {401, 403}:
            raise FlexUnauthorized("Sharetribe does not accept this access token", status=answer.status)
        if not answer.ok:
            raise error_from(answer)
        return parse_user(as_object(read_json(answer), "body").get("data"))

    def is_their_own(self, access_token: str) -> bool:
        """Tell whether the user themselves got the token, from our application; an operator's is none of their own.

        :raises FlexError: when Sharetribe cannot say.
        """
        answer = self._ask(
            "POST",
            _TOKEN,
            form={
                "client_id": self._config.client_id,
                "client_secret": self._config.client_secret,
                "grant_type": "token_exchange",
                "subject_token": access_token,
                "scope": _OWN,
            },
        )
        if answer.status in {400, 401, 403}:
            return False
        if not answer.ok:
            raise error_from(answer)
        return as_text(as_object(read_json(answer), "token").get("scope"), "scope") == _OWN

    def close(self) -> None:
        """Close the kept connections."""
        self._connection.close()

    def _ask(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
    ) -> Answer:
        deadline = time.monotonic() + self._config.timeouts.total
        try:
            with self._connection.slot(deadline=deadline):
                return self._connection.http.request(
                    method,
                    path,
                    headers=headers or {},
                    body=None if form is None else form_body(form),
                    content_type="" if form is None else "application/x-www-form-urlencoded",
                    deadline=deadline,
                )
        except HttpError as error:
            raise FlexUnavailable(f"Sharetribe cannot be reached: {error}") from error
