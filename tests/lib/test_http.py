"""What left for certain and what may have, and that nothing leads anywhere else."""

from __future__ import annotations

import gzip
import os
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from marketplace_payouts.lib import http
from marketplace_payouts.lib.http import Exchange, HttpClient, Timeouts
from marketplace_payouts.lib.http.client import log_exchange
from marketplace_payouts.lib.http.connections import judge_address
from tests.lib.raw_server import RawServer, plain, raw_server


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as running:
        yield running


@pytest.fixture
def heard() -> list[Exchange]:
    return []


@pytest.fixture
def client(server: RawServer, heard: list[Exchange]) -> Iterator[HttpClient]:
    made = HttpClient(
        base_url=server.url,
        allow_loopback_http=True,
        timeouts=Timeouts(connect=1, read=1, total=2),
        max_bytes=10_000,
        on_exchange=heard.append,
    )
    yield made
    made.close()


def test_gives_the_answer_and_sends_the_very_bytes(server: RawServer, client: HttpClient) -> None:
    server.scripts = [server.answering(plain(b'{"a": 1}', extra="X-Request-Id: r1\r\n"))]
    answer = client.request(
        "POST", "/v1/pay", body=b'{"exact" :1}', content_type="application/json", params={"q": "a b"}
    )
    assert (answer.status, answer.ok, answer.json()) == (200, True, {"a": 1})
    assert answer.headers["x-request-id"] == "r1"
    head, _, body = server.received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/pay?q=a+b HTTP/1.1")
    assert b"Accept-Encoding: gzip" in head
    assert body == b'{"exact" :1}'


def test_keeps_connections_and_no_cookies(server: RawServer, client: HttpClient) -> None:
    answer = plain(b"{}", extra="Set-Cookie: a=b; Path=/\r\n")
    server.scripts = [server.answering(answer, answer, answer)]
    for _ in range(3):
        client.request("GET", "/")
    assert server.connections == 1
    assert not any(b"cookie" in request.lower() for request in server.received)


def test_does_not_use_a_connection_that_lay_idle(
    server: RawServer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.scripts = [server.answering(*[plain(b"{}")] * 2)]
    client.request("GET", "/")
    monkeypatch.setattr("marketplace_payouts.lib.http.connections._LONGEST_IDLE_S", 0.0)
    client.request("GET", "/")
    assert server.connections == 2


def test_follows_no_redirect(server: RawServer, client: HttpClient) -> None:
    server.scripts = [
        server.answering(plain(b"", status="302 Found", extra="Location: http://127.0.0.1:1/\r\n"))
    ]
    assert client.request("GET", "/").status == 302
    assert len(server.received) == 1


def test_reads_no_more_of_a_redirect_than_of_anything_else(server: RawServer, client: HttpClient) -> None:
    packed = gzip.compress(b"x" * 1_000_000, mtime=0)
    extra = "Location: /\r\nContent-Encoding: gzip\r\n"
    server.scripts = [server.answering(plain(packed, status="302 Found", extra=extra))]
    with pytest.raises(http.AnswerTooLarge) as refused:
        client.request("GET", "/")
    assert refused.value.status == 302


def test_heeds_no_proxy_of_the_environment(
    server: RawServer, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server.scripts = [server.answering(plain(b"{}"))]
    assert client.request("GET", "/").ok


def test_unpacks_gzip(server: RawServer, client: HttpClient) -> None:
    packed = gzip.compress(b"x" * 9_000)
    server.scripts = [server.answering(plain(packed, extra="Content-Encoding: gzip\r\n"))]
    assert client.request("GET", "/").body == b"x" * 9_000


def test_reads_chunks(server: RawServer, client: HttpClient) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.scripts = [server.answering(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")]
    assert client.request("GET", "/").body == b"abcde"


@pytest.mark.parametrize(
    "answer",
    [
        plain(b"x" * 10_001),
        plain(gzip.compress(b"x" * 1_000_000, mtime=0), extra="Content-Encoding: gzip\r\n"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2af8\r\n" + b"x" * 11_000 + b"\r\n0\r\n\r\n",
    ],
)
def test_stops_reading_what_is_too_large(server: RawServer, client: HttpClient, answer: bytes) -> None:
    server.scripts = [server.answering(answer)]
    with pytest.raises(http.AnswerTooLarge) as refused:
        client.request("GET", "/")
    assert refused.value.status == 200
    assert isinstance(refused.value, http.MaybeReceived)


@pytest.mark.parametrize(
    "answer",
    [
        plain(b"half", length=100, status="201 Created"),
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
        + gzip.compress(b"abc", mtime=0)[:-4],
    ],
)
def test_tells_a_body_cut_short(server: RawServer, client: HttpClient, answer: bytes) -> None:
    server.scripts = [server.answering(answer)]
    with pytest.raises(http.AnswerCutShort) as broken:
        client.request("POST", "/", body=b"{}")
    assert broken.value.status == 201


@pytest.mark.parametrize(
    "answer", [plain(b"junk", extra=f"Content-Encoding: {e}\r\n") for e in ("gzip", "br")]
)
def test_tells_a_body_it_cannot_unpack(server: RawServer, client: HttpClient, answer: bytes) -> None:
    server.scripts = [server.answering(answer)]
    with pytest.raises(http.AnswerUnreadable):
        client.request("GET", "/")


@pytest.mark.parametrize("body", [b"<html>", b"", b"NaN", b"[" * 9_000, b"\xff"])
def test_tells_what_is_not_json(server: RawServer, client: HttpClient, body: bytes) -> None:
    server.scripts = [server.answering(plain(body, status="502 Bad Gateway"))]
    with pytest.raises(http.AnswerUnreadable) as unreadable:
        client.request("GET", "/").json()
    assert unreadable.value.status == 502


def test_a_closed_port_got_nothing(client: HttpClient, server: RawServer, heard: list[Exchange]) -> None:
    server.stop()
    with pytest.raises(http.NotConnected):
        client.request("POST", "/", body=b"{}")
    assert heard[0].error == "NotConnected"


def test_an_unknown_name_got_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(http.NameNotResolved):
        HttpClient(base_url="https://nowhere.invalid").request("GET", "/")


def test_a_server_without_tls_got_nothing(server: RawServer) -> None:
    server.scripts = [lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")]
    secure = HttpClient(base_url=server.url.replace("http:", "https:"), allow_loopback_http=True)
    with pytest.raises(http.NotConnected):
        secure.request("POST", "/", body=b"{}")


def test_a_full_backlog_got_nothing() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        for sock in waiting:
            sock.settimeout(0)
            sock.connect_ex(busy.getsockname())
        slow = HttpClient(
            base_url=f"http://127.0.0.1:{busy.getsockname()[1]}",
            allow_loopback_http=True,
            timeouts=Timeouts(connect=0.2, read=0.2, total=0.5),
        )
        with pytest.raises(http.NotConnected):
            slow.request("POST", "/", body=b"{}")
        for sock in waiting:
            sock.close()


def test_a_silent_server_may_have_received(server: RawServer, client: HttpClient) -> None:
    def silent(sock: socket.socket) -> None:
        server.read_request(sock)
        server.over.wait(5)

    server.scripts = [silent]
    with pytest.raises(http.ReadTimedOut):
        client.request("POST", "/", body=b"{}", timeouts=Timeouts(connect=1, read=0.2, total=2))


def test_a_reset_may_have_been_received(server: RawServer, client: HttpClient) -> None:
    def reset(sock: socket.socket) -> None:
        server.read_request(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    server.scripts = [reset]
    with pytest.raises(http.ConnectionBroken):
        client.request("POST", "/", body=b"{}")


def test_a_hang_up_may_have_been_received_and_is_not_repeated(server: RawServer, client: HttpClient) -> None:
    server.scripts = [server.read_request]
    with pytest.raises(http.ConnectionBroken):
        client.request("POST", "/", body=b"{}")
    assert len(server.received) == 1


@pytest.mark.parametrize("dripped", [b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 500, plain(b"x" * 5_000)])
def test_a_server_that_drips_cannot_hold_a_worker(
    server: RawServer, client: HttpClient, dripped: bytes
) -> None:
    def drip(sock: socket.socket) -> None:
        server.read_request(sock)
        for place in range(len(dripped)):
            sock.sendall(dripped[place : place + 1])
            if server.over.wait(0.05):
                return

    server.scripts = [drip]
    started = time.monotonic()
    with pytest.raises(http.ReadTimedOut):
        client.request("GET", "/", timeouts=Timeouts(connect=1, read=1, total=0.4))
    assert time.monotonic() - started < 10  # all of it would take 25 s and more


def test_a_deadline_that_is_over_sends_nothing(server: RawServer, client: HttpClient) -> None:
    with pytest.raises(http.DeadlineOver):
        client.request("POST", "/", body=b"{}", deadline=time.monotonic() - 1)
    assert server.connections == 0


def test_a_child_process_opens_its_own_connections(server: RawServer, client: HttpClient) -> None:
    server.scripts = [server.answering(*[plain(b"{}")] * 3)]
    client.request("GET", "/")
    ours = client._live_session()
    child = os.fork()
    if child == 0:
        os._exit(0 if client._live_session() is not ours else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    "path", ["pay", "//other.host/", "/a/../b", "/a/%2E%2e/b", "/a?b", "/a#b", "/a b", "/a\r\nX: y", "/a\\b"]
)
def test_refuses_a_path_that_leaves_its_base(client: HttpClient, path: str) -> None:
    with pytest.raises(http.BadRequest):
        client.request("GET", path)


def test_refuses_a_header_with_a_line_break(client: HttpClient) -> None:
    with pytest.raises(http.BadRequest):
        client.request("GET", "/", headers={"X-A": "b\r\nX-C: d"})


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "ftp://api.example.com",
        "https://",
        "https://user@api.example.com",
        "https://user:pass@api.example.com",
        "https://api.example.com/v1",
        "https://api.example.com?x=1",
        "https://api.example.com#x",
        "https://api.example.com:port",
        "https://evil.example",
        "http://127.0.0.1:8000",
        "http://localhost.evil.example",
        "",
        None,
    ],
)
def test_refuses_a_base_url(url: str) -> None:
    with pytest.raises(http.BadBaseUrl):
        http.check_base_url(url, allowed_hosts=["api.example.com"])


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8802", "http://localhost:1", "http://[::1]:1", "https://127.0.0.1:1"]
)
def test_takes_loopback_only_where_it_is_wanted(url: str) -> None:
    assert http.check_base_url(url + "/", allow_loopback_http=True, allowed_hosts=["api.example.com"]) == url
    with pytest.raises(http.BadBaseUrl):
        http.check_base_url("http://10.0.0.1", allow_loopback_http=True)


def test_takes_a_path_where_it_is_wanted() -> None:
    assert (
        http.check_base_url("https://rpc.example/v2/key?x=1", allow_path=True)
        == "https://rpc.example/v2/key?x=1"
    )


PRIVATE = ["10.0.0.1", "192.168.1.1", "172.16.0.1", "fd00::1", "100.64.0.1"]
FORBIDDEN = ["127.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "::", "fe80::1%eth0", "224.0.0.1", "ff02::1"]  # noqa: S104
DISGUISED = ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1"]


@pytest.mark.parametrize("address", [*PRIVATE, *FORBIDDEN, *DISGUISED])
def test_refuses_an_address_inside(address: str) -> None:
    with pytest.raises(http.ForbiddenAddress):
        judge_address(address, loopback_only=False, allow_private=False)


@pytest.mark.parametrize("address", [*FORBIDDEN, "::ffff:127.0.0.1", "64:ff9b::a9fe:a9fe"])
def test_refuses_these_even_where_private_ones_are_meant(address: str) -> None:
    with pytest.raises(http.ForbiddenAddress):
        judge_address(address, loopback_only=False, allow_private=True)


def test_judges_addresses_by_what_is_meant() -> None:
    for address in PRIVATE:
        judge_address(address, loopback_only=False, allow_private=True)
    judge_address("93.184.216.34", loopback_only=False, allow_private=False)
    judge_address("2606:2800:220:1::1", loopback_only=False, allow_private=False)
    judge_address("::1", loopback_only=True, allow_private=False)
    with pytest.raises(http.ForbiddenAddress):
        judge_address("93.184.216.34", loopback_only=True, allow_private=False)


def test_a_name_that_leads_home_got_nothing(server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_args, **_kwargs: [(2, 1, 6, "", ("127.0.0.1", port))], raising=True
    )
    with pytest.raises(http.ForbiddenAddress):
        HttpClient(base_url=f"https://rebinding.example:{port}").request("GET", "/latest/meta-data")
    assert server.connections == 0


def test_shows_an_exchange_without_secrets(
    server: RawServer, client: HttpClient, heard: list[Exchange], caplog: pytest.LogCaptureFixture
) -> None:
    server.scripts = [server.answering(plain(b"{}", extra="Set-Cookie: sid=canary\r\n"))]
    headers = {"Authorization": "Bearer canary", "X-Access-Token": "canary", "Idempotency-Key": "k1"}
    client.request("POST", "/v1/pay", headers=headers, body=b'{"iban": "canary"}', params={"key": "canary"})
    with caplog.at_level("DEBUG"):
        log_exchange(heard[0])
    assert "canary" not in repr(heard[0]) + caplog.text
    assert "/v1/pay" in caplog.text
    assert heard[0].request_headers["Idempotency-Key"] == "k1"
    assert heard[0].status == 200


def test_hides_what_is_named_like_a_secret() -> None:
    shown = http.hide_json(
        {"access_token": "x", "client_secret": "x", "a": [{"password": "x", "n": 1}], "token_type": "bearer"}
    )
    assert shown == {
        "access_token": "[hidden]",
        "client_secret": "[hidden]",
        "a": [{"password": "[hidden]", "n": 1}],
        "token_type": "bearer",
    }


def test_quotes_the_segments_of_a_path() -> None:
    assert http.url_path("v1", "a/b?c", "ü") == "/v1/a%2Fb%3Fc/%C3%BC"
    for bad in ("", ".", ".."):
        with pytest.raises(ValueError, match="segment"):
            http.url_path("v1", bad)


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("7", 7, 7), ("Mon, 01 Jan 2035 00:00:00 GMT", 1e8, 1e9), ("Mon, 01 Jan 2001 00:00:00 GMT", 0, 0)],
)
def test_reads_retry_after(header: str, low: float, high: float) -> None:
    answer = http.Answer(status=429, headers={"retry-after": header}, body=b"", seconds=0)
    assert low <= (answer.retry_after() or 0) <= high


@pytest.mark.parametrize("header", ["", "soon", "-1", "1.5", "Mon, 99 Jan"])
def test_ignores_a_retry_after_that_says_nothing(header: str) -> None:
    assert http.Answer(status=429, headers={"retry-after": header}, body=b"", seconds=0).retry_after() is None
