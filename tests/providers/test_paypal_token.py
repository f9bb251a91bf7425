"""The token is kept, renewed in time, asked for by one at a time, and never shown."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator

import pytest

from marketplace_payouts.lib.http import HttpClient
from payouts.providers.paypal.client import PayPalClient
from payouts.providers.paypal.token import NoToken, TokenKeeper
from tests.lib.raw_server import RawServer, plain, raw_server

SECRET = "s3cr3t-of-the-app"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


def token(value: str, *, life: object = 32400) -> bytes:
    body = {"access_token": value, "expires_in": life, "scope": "b a", "app_id": "APP-1"}
    return plain(json.dumps(body).encode())


def keeper(server: RawServer, clock: Clock, *answers: bytes, client_id: str = "app") -> TokenKeeper:
    server.scripts.append(server.answering(*answers))
    http = HttpClient(base_url=server.url, allow_loopback_http=True)
    return TokenKeeper(http=http, client_id=client_id, client_secret=SECRET, monotonic=clock)


def test_it_is_kept_until_shortly_before_its_end(server: RawServer, clock: Clock):
    tokens = keeper(server, clock, token("one"), token("two"))
    assert tokens.take().value == "one"
    clock.now += 32400 - 301
    assert tokens.take().value == "one"
    clock.now += 2
    assert tokens.take().value == "two"
    assert b"grant_type=client_credentials" in server.received[0]


def test_a_short_one_is_renewed_a_tenth_before_its_end(server: RawServer, clock: Clock):
    tokens = keeper(server, clock, token("one", life=100), token("two", life=100))
    tokens.take()
    clock.now += 89
    assert tokens.take().value == "one"
    clock.now += 2
    assert tokens.take().value == "two"


def test_the_old_one_serves_while_paypal_cannot_renew_it(server: RawServer, clock: Clock):
    down = plain(b"", status="503 Service Unavailable")
    tokens = keeper(server, clock, token("one"), down, down)
    tokens.take()
    clock.now += 32400 - 100
    assert tokens.take().value == "one"
    clock.now += 101
    with pytest.raises(NoToken):
        tokens.take()


def test_a_refused_one_is_forgotten_once(server: RawServer, clock: Clock):
    tokens = keeper(server, clock, token("one"), token("two"))
    old = tokens.take()
    tokens.refused(old)
    assert tokens.take().value == "two"
    tokens.refused(old)  # another thread's late complaint about the old one
    assert tokens.take().value == "two"


def test_many_threads_ask_once(server: RawServer, clock: Clock):
    tokens = keeper(server, clock, token("one"), token("two"))
    taken: list[str] = []
    threads = [threading.Thread(target=lambda: taken.append(tokens.take().value)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == ["one"] * 8
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("answer", "ours"),
    [
        (plain(b'{"error":"invalid_client"}', status="401 Unauthorized"), True),
        (plain(b"", status="429 Too Many Requests", extra="Retry-After: 7\r\n"), False),
        (plain(b"", status="500 Internal Server Error"), False),
        (plain(b"<html>"), False),
        (plain(b"[]"), False),
        (plain(b'{"access_token": ""}'), False),
        (plain(b'{"access_token": "t"', length=100), False),
    ],
)
def test_without_a_token_nothing_was_asked(server: RawServer, clock: Clock, answer: bytes, ours: bool):
    with pytest.raises(NoToken) as caught:
        keeper(server, clock, answer).take()
    assert caught.value.ours is ours
    if b"Retry-After" in answer:
        assert caught.value.retry_after is not None
        assert caught.value.retry_after.total_seconds() == 7


def test_without_credentials_paypal_is_not_even_asked(server: RawServer, clock: Clock):
    with pytest.raises(NoToken, match="PAYPAL_CLIENT_ID") as caught:
        keeper(server, clock, client_id="").take()
    assert caught.value.ours
    assert not server.received


def test_a_refused_token_is_renewed_and_the_same_bytes_sent_once_more(server: RawServer):
    refused = plain(b'{"error":"invalid_token"}', status="401 Unauthorized")
    server.scripts.append(
        server.answering(token("one"), refused, token("two"), plain(b"{}", status="201 Created"))
    )
    client = PayPalClient(
        http=HttpClient(base_url=server.url, allow_loopback_http=True), client_id="a", client_secret="b"
    )
    assert client.call("POST", "/v1/payments/payouts", body=b'{"x":1}').status == 201
    first, second = server.received[1], server.received[3]
    assert first.endswith(b'{"x":1}')
    assert second == first.replace(b"Bearer one", b"Bearer two")


def test_a_token_that_is_refused_twice_is_not_tried_for_ever(server: RawServer):
    refused = plain(b'{"error":"invalid_token"}', status="401 Unauthorized")
    server.scripts.append(server.answering(token("one"), refused, token("two"), refused))
    client = PayPalClient(
        http=HttpClient(base_url=server.url, allow_loopback_http=True), client_id="a", client_secret="b"
    )
    assert client.call("GET", "/x").status == 401
    assert len(server.received) == 4


def test_neither_token_nor_secret_is_shown(server: RawServer, clock: Clock, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    tokens = keeper(server, clock, token("t0ken-value"))
    shown = repr(tokens.take()) + repr(vars(tokens)) + caplog.text
    assert "t0ken-value" not in shown.replace(repr(tokens._token), "")
    assert "t0ken-value" not in repr(tokens._token)
    assert SECRET not in shown
