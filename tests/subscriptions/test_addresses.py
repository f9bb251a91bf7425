"""Nothing inside our own network is ever called, whatever a subscription's name leads to, and whenever."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.http import connections
from payouts.errors import Refused
from payouts.models import WebhookCall, WebhookMessage, WebhookSubscription
from payouts.subscriptions import subscribing
from tests.lib.raw_server import raw_server
from tests.subscriptions.conftest import deliver, message, news

INSIDE = [
    "127.0.0.1",
    "::1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104 - to be refused
    "fd00::1",
    "fe80::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
]
OUTSIDE = "93.184.216.34"


class Names:
    """Answers look-ups of names, each time with the next of these addresses, and the last again and again."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        addresses = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses to which a connection was tried; none is made."""
    found: list[str] = []

    def dial(address: tuple[str, int], *_: Any, **__: Any) -> socket.socket:
        found.append(address[0])
        raise ConnectionRefusedError("Nobody is called in tests.")

    monkeypatch.setattr(connections, "create_connection", dial)
    return found


@pytest.fixture
def subscription(engineer: Any) -> WebhookSubscription:
    """A subscription by name."""
    return subscribing.add(
        by=engineer,
        url="https://shop.example/hooks?key=k",
        description="Shop",
        types=["payout.approved"],
        now=utc_now(),
    )


@pytest.mark.parametrize("address", INSIDE)
def test_a_name_that_leads_inside_is_not_called(subscription, dialled, monkeypatch, address):
    monkeypatch.setattr(socket, "getaddrinfo", Names([address]))
    news()
    assert deliver() == 1
    assert dialled == []
    assert "address that we do not talk to" in message().error
    assert WebhookCall.objects.get().status is None


def test_nor_is_one_of_which_only_one_address_leads_inside(subscription, dialled, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", Names([OUTSIDE, "10.0.0.1"]))
    news()
    deliver()
    assert dialled == []


def test_the_address_that_was_judged_is_the_one_that_is_dialled(subscription, dialled, monkeypatch):
    """A name that answers otherwise the second time gains nothing: it is asked once for a connection."""
    names = Names([OUTSIDE], ["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    news()
    deliver()
    assert (dialled, names.asked) == ([OUTSIDE], 1)
    deliver(later=timedelta(seconds=6))
    assert (dialled, names.asked) == ([OUTSIDE], 2)
    assert "address that we do not talk to" in message().error


def test_a_server_on_loopback_gets_nothing_by_a_name(subscription, monkeypatch):
    with raw_server() as server:
        port = int(server.url.rsplit(":", 1)[1])
        WebhookSubscription.objects.update(url=f"https://shop.example:{port}/hooks")
        monkeypatch.setattr(socket, "getaddrinfo", Names(["127.0.0.1"]))
        news()
        deliver()
        assert server.connections == 0


def test_a_name_that_nobody_knows_is_tried_again(subscription, monkeypatch):
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    news()
    deliver()
    row = WebhookMessage.objects.get()
    assert row.next_at is not None
    assert "shop.example" in row.error


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/",
        "ftp://shop.example/",
        "https://user:password@shop.example/",
        "https://shop.example/#part",
        "https://",
        "shop.example",
        "http://10.0.0.1/",
        *(f"https://[{address}]/" if ":" in address else f"https://{address}/" for address in INSIDE[2:]),
    ],
)
def test_what_can_never_be_called_is_refused_at_once(engineer, url):
    with pytest.raises(Refused, match="cannot be subscribed"):
        subscribing.add(by=engineer, url=url, description="Shop", types=["payout.paid"], now=utc_now())


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/"]
)
def test_this_machine_is_called_in_development_alone(engineer, settings, url):
    fields: dict[str, Any] = {"description": "Shop", "types": ["payout.paid"], "now": utc_now()}
    assert subscribing.add(by=engineer, url=url, **fields).url.startswith(url.rstrip("/"))
    settings.LOOPBACK_HTTP = False
    with pytest.raises(Refused):
        subscribing.add(by=engineer, url=f"{url}again", **fields)
