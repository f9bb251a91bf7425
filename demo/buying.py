"""Stories of buyers: one who signs up with an account of ours and pays through Stripe, one who pays elsewhere."""

from __future__ import annotations

import re
import secrets
from typing import Any
from uuid import uuid4

from demo.browser import Refused
from demo.calling import Account, Api
from demo.scene import Scene, Story, Until
from marketplace_payouts.lib.clock import utc_now
from payouts.models import State

_CODE = r"^\s*([A-Z0-9]{4}-[A-Z0-9]{4})\s*$"
_TO_BE_PAID = "state/pending-payment"
_PRICE = 10_000


def from_sign_up_to_paid(scene: Scene) -> Story:
    """Mara signs up, links her Sharetribe user, buys from Willi and pays through Stripe."""
    seller = scene.sellers["Mara"]
    account = Account(web=scene.web, email=seller.email, password=secrets.token_urlsafe(12))
    account.sign_up()
    account.verify((yield scene.mailed(account.email, _CODE)))
    user = str(scene.users["Mara"])
    account.session().post("/api/v1/me/sharetribe", {"token": scene.flex.token(user)})
    scene.accounts["Mara"] = account
    scene.say("Mara signs up with an account of ours, gives the mailed code, and links her Sharetribe user.")

    api = account.session()
    buyer = api.put("/api/v1/buyer", {"name": "Mara Neu", "address": {"city": "Berlin", "country": "DE"}})
    order = scene.sell("Willi", _PRICE, customer=user, state=_TO_BE_PAID)
    intent = api.post("/api/v1/payments/intents", {"transaction_id": order})
    scene.say(
        f"Mara becomes the customer {buyer['customer']} and orders from Willi: {intent['id']} is to be paid."
    )
    scene.stripe.pay(intent["id"], client_secret=intent["client_secret"], card="pm_card_visa")
    payment = yield _paid(scene, order)
    if payment["intent"] != intent["id"]:
        raise AssertionError(f"Sharetribe was told of {payment['intent']}, not of {intent['id']}.")
    scene.say("Mara pays at Stripe, whose webhook brings it here; Sharetribe is told, and the sale moves on.")
    _receive(scene, order)


def told_by_the_server(scene: Scene) -> Story:
    """Gita's buyer pays at a gateway of the marketplace's own, whose server tells us of it, signed."""
    secret = _make_server_key(scene)
    order = scene.sell("Gita", _PRICE, state=_TO_BE_PAID)
    event = {
        "origin": "local-gateway",
        "transaction_id": order,
        "outcome": "succeeded",
        "amount": {"units": str(_PRICE), "currency": "EUR"},
        "reference": f"gw-{uuid4().hex[:12]}",
        "happened_at": utc_now().isoformat(),
    }
    Api(scene.web).post_signed("/api/v1/payments/events", event, secret=secret)
    scene.say(
        f"Gita's buyer pays at the marketplace's own gateway; its server signs that {event['reference']} came."
    )
    yield _paid(scene, order)
    scene.say("Sharetribe is told of Gita's payment as of one by Stripe.")
    _receive(scene, order)
    yield scene.stands("Gita", State.PAID)


def _make_server_key(scene: Scene) -> str:
    """Have Ada make a key for the marketplace's server in the admin; gives the secret, which is shown once."""
    desk = scene.staff.ada.desk
    form = desk.open("/admin/accounts/serverkey/add/").form("reason")
    page = desk.send(form, {"name": "Local gateway", "reason": "Tells us of payments."})
    shown = re.search(r"whsec_[\w+/=]+", page.text)
    if shown is None:
        raise Refused(f"No key was made: {' '.join(page.complaints) or page.url}")
    scene.say("Ada makes a key for the marketplace's server.")
    return shown[0]


def _paid(scene: Scene, order: str) -> Until:
    """Wait until a transaction knows that it is paid, and has moved on; gives what its metadata says."""

    def look() -> Any:
        truth = scene.flex.truth(order)
        said = truth["metadata"].get("payment") or {}
        return said if said.get("status") == "succeeded" and truth["state"] == "state/purchased" else None

    return Until(f"the payment of {order} to reach Sharetribe", look)


def _receive(scene: Scene, order: str) -> None:
    scene.flex.step(order, "mark-delivered")
    scene.flex.step(order, "mark-received")
