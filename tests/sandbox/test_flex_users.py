"""The Marketplace API: a buyer begins a transaction, and only its two parties see it."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.sandbox.flex_api import Caller, code_of
from tests.sandbox_services import SandboxService

LINES = [
    {"code": "line-item/item", "unitPrice": {"amount": 4000, "currency": "EUR"}, "quantity": 2},
    {
        "code": "line-item/provider-commission",
        "unitPrice": {"amount": 8000, "currency": "EUR"},
        "percentage": -10,
        "includeFor": ["provider"],
    },
]


class Shopper:
    """A user of the marketplace, and the front end's server behind them."""

    def __init__(self, flex: Caller) -> None:
        self._flex = flex
        self.id = flex.service.post("/_sandbox/users", {})["id"]
        self.token: str = flex.service.post(f"/_sandbox/users/{self.id}/login")["access_token"]

    def trusted(self) -> str:
        """Exchange the token, as the server does."""
        credentials = self._flex.service.credentials
        answer = self._flex.token(
            client_id=credentials["marketplace_client_id"],
            client_secret=credentials["marketplace_client_secret"],
            grant_type="token_exchange",
            subject_token=self.token,
        )
        return str(answer.json()["access_token"])

    def ask(self, path: str, **params: Any) -> requests.Response:
        """Ask something."""
        return self._call("GET", path, self.token, params=params)

    def initiate(self, *, token: str | None = None, **body: Any) -> requests.Response:
        """Begin a transaction."""
        return self._call("POST", "transactions/initiate?expand=true", token or self.trusted(), json=body)

    def _call(self, method: str, path: str, token: str, **more: Any) -> requests.Response:
        url = f"{self._flex.service.url}/v1/api/{path}"
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, url, headers=headers, timeout=10, **more)


@pytest.fixture
def flex(flex_sandbox: SandboxService) -> Caller:
    return Caller(flex_sandbox)


@pytest.fixture
def buyer(flex: Caller) -> Shopper:
    return Shopper(flex)


@pytest.fixture
def listing(flex: Caller) -> dict[str, Any]:
    made: dict[str, Any] = flex.service.post("/_sandbox/listings", {"title": "A chair", "price": 4000})
    return made


def order(listing: dict[str, Any], **params: Any) -> dict[str, Any]:
    """An order of two, as the front end's server sends it."""
    return {
        "processAlias": "payout-process/release-1",
        "transition": "transition/request-payment",
        "params": {"listingId": listing["id"], "lineItems": LINES, **params},
    }


def test_a_buyer_begins_a_transaction(flex, buyer, listing):
    answer = buyer.initiate(**order(listing, protectedData={"note": "by the door"}))
    assert answer.status_code == 200, answer.text
    made = answer.json()["data"]
    assert made["attributes"]["payinTotal"] == {"amount": 8000, "currency": "EUR"}
    truth = flex.service.get(f"/_sandbox/transactions/{made['id']}")
    assert (truth["customer"], truth["listing"]) == (buyer.id, listing["id"])
    assert (truth["state"], truth["payout_total"]["amount"]) == ("state/pending-payment", 7200)


def test_what_is_privileged_needs_a_trusted_token(buyer, listing):
    refused = buyer.initiate(token=buyer.token, **order(listing))
    assert code_of(refused) == (403, "forbidden")
    asked = {**order(listing), "transition": "transition/inquire", "params": {"listingId": listing["id"]}}
    assert buyer.initiate(token=buyer.token, **asked).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"transition": "transition/mark-delivered"}, (409, "transaction-invalid-transition")),
        ({"processAlias": "nobodys/release-1"}, (400, "validation-invalid-value")),
        ({"params": {"lineItems": LINES}}, (400, "validation-missing-key")),
        ({"params": {"listingId": "chair", "lineItems": LINES}}, (400, "validation-invalid-value")),
        ({"price": 1}, (400, "validation-disallowed-key")),
    ],
)
def test_refuses_what_makes_no_sense(buyer, listing, wrong, code):
    assert code_of(buyer.initiate(**{**order(listing), **wrong})) == code


def test_an_order_has_lines_and_nothing_that_steering_alone_may_say(buyer, listing):
    assert code_of(buyer.initiate(**order(listing, lineItems=[]))) == (400, "validation-missing-key")
    assert code_of(buyer.initiate(**order(listing, customer="x"))) == (400, "validation-disallowed-key")


def test_only_the_two_parties_see_a_transaction(flex, buyer, listing):
    made = buyer.initiate(**order(listing)).json()["data"]["id"]
    assert buyer.ask("transactions/show", id=made, include="customer").status_code == 200
    assert code_of(Shopper(flex).ask("transactions/show", id=made)) == (403, "forbidden")
    assert buyer.ask("listings/show", id=listing["id"]).json()["data"]["id"] == listing["id"]
    assert buyer.ask("transactions/query").status_code == 501
