"""What there is when the demo begins: sellers, where they are paid, and a few hundred sales in all their fates."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from django.core.management import call_command

from demo import setting_up
from demo.cast import SALES_OF_REGULARS, SELLERS, Seller, regulars
from demo.scene import Scene
from marketplace_payouts.lib.clock import utc_now
from payouts.models import Request

_LATER = frozenset({"Fritz", "Lena", "Sia"})
"""Who sells only in their own story."""
_UNCHECKED = frozenset({"Beat"})
"""Whose address is verified in their own story."""
_SOLD_BEFORE = frozenset({"Otto"})
# Sharetribe's moments have milliseconds.
_A_MOMENT_S = 0.02


def seed(scene: Scene) -> None:
    """Fill the marketplace, draw the go-live line, and tell the product where sellers are paid."""
    say = scene.say
    say("Ada and Boris set the marketplace up: decimals, triggers, thresholds, limits, a policy.")
    setting_up.open_for_business(scene.staff)
    for seller in (*SELLERS, *regulars()):
        scene.join(seller)
    for name in _SOLD_BEFORE:
        _sell(scene, scene.sellers[name])
    time.sleep(_A_MOMENT_S)
    setting_up.go_live(at=utc_now())
    time.sleep(_A_MOMENT_S)
    import_methods(scene)
    _trouble(scene)
    for seller in SELLERS:
        if seller.first not in _SOLD_BEFORE | _LATER:
            _sell(scene, seller)
    _make_dearer(scene, scene.sales["Moritz"][0])
    _sell_in_bulk(scene)
    say(f"{len(scene.flex.transactions())} transactions of {len(scene.users)} sellers are in Sharetribe.")
    scene.is_seeded = True


def _sell(scene: Scene, seller: Seller) -> None:
    for price in seller.prices:
        scene.sell(seller.first, price)


def _sell_in_bulk(scene: Scene) -> None:
    names = [seller.first for seller in regulars()]
    providers = [str(scene.users[name]) for name in names]
    asked = {"transactions": SALES_OF_REGULARS, "providers": providers, "state": "state/received"}
    scene.flex.post("bulk", {**asked, "price": 2_000, "currency": "EUR"})
    sellers = dict(zip(providers, names, strict=True))
    for shown in scene.flex.transactions():
        if shown["provider"] in sellers:
            scene.sales[sellers[shown["provider"]]].append(shown["id"])


def _make_dearer(scene: Scene, transaction: str) -> None:
    """Let the sale cost half as much again after the buyer had paid."""
    goods = {
        "code": "line-item/item",
        "unitPrice": {"amount": 15_000, "currency": "EUR"},
        "quantity": 1,
        "includeFor": ["customer", "provider"],
    }
    commission = {
        "code": "line-item/provider-commission",
        "unitPrice": {"amount": 15_000, "currency": "EUR"},
        "percentage": -10,
        "includeFor": ["provider"],
    }
    terms = {"lineItems": [goods, commission], "transition": "operator-adjust"}
    scene.flex.post(f"transactions/{transaction}/lines", terms)


def import_methods(scene: Scene) -> None:
    """Have Olga import where sellers are paid, and Ada second all of it in the admin."""
    staff = scene.staff
    known = [seller for seller in scene.sellers.values() if seller.to]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "methods.csv"
        with path.open("w", newline="") as file:
            _write(file, known, scene.users)
        said = io.StringIO()
        call_command("import_methods", str(path), "--as", staff.olga.user.email, stdout=said)
    scene.say(f"Olga imports a file of payout methods: {said.getvalue().strip()}")
    waiting = Request.objects.filter(state=Request.State.OPEN, act="method_add")
    ids = list(waiting.values_list("pk", flat=True))
    staff.ada.desk.act(
        "payouts/request", "second", ids, query="state__exact=open", reason="Compared with the file."
    )
    scene.say(f"Ada seconds {len(ids)} of them in the admin.")


def _write(file: io.TextIOBase, sellers: Iterable[Seller], users: dict[str, UUID]) -> None:
    rows = csv.writer(file)
    rows.writerow(["flex_user_id", "provider", "email", "name", "checked"])
    for seller in sellers:
        name = f"{seller.first} {seller.last}"
        checked = "" if seller.first in _UNCHECKED else "Confirmed by telephone."
        rows.writerow([users[seller.first], "paypal", seller.to, name, checked])


def _trouble(scene: Scene) -> None:
    """What goes wrong outside, in the demo as in life."""
    scene.flex.fault("event_duplicate", times=5)
    scene.flex.fault("event_unknown_type", times=3)
    for kind in ("webhook_double", "webhook_forge", "webhook_reorder"):
        scene.paypal.fault(kind, times=3)
    paypal = {"method": "POST", "path": "/v1/payments/payouts"}
    answer = {**paypal, "reference": scene.sellers["Kenji"].to}
    scene.paypal.fault("drop_after", match=answer, times=1)
    number = {**paypal, "reference": scene.sellers["Sven"].to}
    scene.paypal.fault("burn_id", match=number, times=1)
    denied = {**paypal, "reference": scene.sellers["Dale"].to}
    scene.paypal.fault("insufficient_funds", match=denied, times=1, value="denied")
    limit = {"reference": scene.sellers["Lino"].to}
    scene.paypal.fault("fail_item", match=limit, times=1)
    back = {"reference": scene.sellers["Rita"].to}
    scene.paypal.fault("return", match=back, times=1, seconds=2)
