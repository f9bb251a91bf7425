"""The sandbox speaks HTTP/1.1 as real servers do."""

import json
import socket
from urllib.parse import urlsplit

import pytest
import requests

from tests.sandbox.paypal_api import Caller, item
from tests.sandbox_services import SandboxService


@pytest.fixture
def line(paypal_sandbox: SandboxService):
    """A bare connection."""
    parts = urlsplit(paypal_sandbox.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        yield connection


def read(line: socket.socket, answers: int) -> bytes:
    got = b""
    while got.count(b"HTTP/1.1 ") < answers or not got.endswith(b"}"):
        more = line.recv(65536)
        if not more:
            break
        got += more
    return got


def test_answers_many_requests_on_one_connection_even_when_they_come_at_once(line):
    line.sendall(b"GET /_sandbox/clock HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    assert read(line, 3).count(b"HTTP/1.1 200 OK\r\n") == 3
    line.sendall(b"GET /_sandbox/clock HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b"Connection: close" in read(line, 1)
    assert line.recv(1) == b""


def test_reads_a_body_that_arrives_in_pieces(line):
    for piece in (
        b"POST /_sandbox/clock HTTP/1.1\r\nHost: x\r\nContent-",
        b'Length: 16\r\n\r\n{"adva',
        b'nce_s": 0}',
    ):
        line.sendall(piece)
    assert b"HTTP/1.1 200 OK" in read(line, 1)


def test_invites_a_large_body_that_waits_for_it(line):
    line.sendall(
        b"POST /_sandbox/clock HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 16\r\n\r\n"
    )
    assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.sendall(b'{"advance_s": 0}')
    assert b"HTTP/1.1 200 OK" in read(line, 1)


@pytest.mark.parametrize(
    "head",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_refuses_what_it_cannot_read(line, head):
    line.sendall(head)
    assert read(line, 1).startswith(b"HTTP/1.1 400 ")


def test_compresses_long_answers_for_those_who_ask(paypal: Caller):
    batch = paypal.settled(*(item(f"a{n}@example.com") for n in range(20)))
    path = f"{paypal.url}/v1/payments/payouts/{batch['batch_header']['payout_batch_id']}"
    packed = paypal.session.get(path, timeout=10)
    plain = paypal.session.get(path, headers={"Accept-Encoding": "identity"}, timeout=10)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_listens_on_loopback_only(paypal_sandbox: SandboxService):
    assert urlsplit(paypal_sandbox.url).hostname == "127.0.0.1"


def test_gives_json_for_what_it_does_not_know(paypal_sandbox: SandboxService):
    answer = requests.get(f"{paypal_sandbox.url}/nowhere", timeout=10)
    assert answer.status_code == 404
    assert json.loads(answer.text)["name"] == "RESOURCE_NOT_FOUND"
    assert requests.get(f"{paypal_sandbox.url}/_sandbox/nowhere", timeout=10).status_code == 404
