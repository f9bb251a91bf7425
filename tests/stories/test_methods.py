"""How a payout method comes in: from a file or by request, seconded, verified by link or by word."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from marketplace_payouts.lib import crypto
from payouts import methods, outbox, requests
from payouts.models import Payout, PayoutMethod, Request
from tests.stories.world import World


def test_a_link_mailed_to_the_address_verifies_it(world: World, tmp_path: Path) -> None:
    seller = world.seller(method=False)
    world.sale(seller)
    file = tmp_path / "methods.csv"
    file.write_text(f"flex_user_id,provider,email\n{seller.flex_user_id},paypal,Seller@Example.com\n")
    call_command("import_methods", str(file), "--as", world.alice.email)
    asked = Request.objects.get(state="open")
    requests.second(request_id=asked.pk, by=world.bob, now=world.now)
    assert PayoutMethod.objects.get().verified_at is None

    world.decide()
    assert (Payout.objects.get().state, Payout.objects.get().blocked_by) == ("pending", "method_verified")

    while outbox.tell(limit=100, now=world.now):
        pass
    (link,) = re.findall(r"http\S+(/payee/methods/\S+)", str(mail.outbox[-1].body))
    client = Client()
    assert client.get(link).status_code == 200
    assert PayoutMethod.objects.get().verified_at is None, "a scanner that follows the link confirms nothing"
    assert client.post(link).status_code == 200
    assert PayoutMethod.objects.get().verified_at is not None

    world.decide()
    assert Payout.objects.get().state == "awaiting_approval"


def test_a_wrong_line_imports_nothing_and_is_named(world: World, tmp_path: Path) -> None:
    seller = world.seller(method=False)
    file = tmp_path / "methods.csv"
    file.write_text(
        f"flex_user_id,provider,email\n{seller.flex_user_id},paypal,a@example.com\n"
        f"{seller.flex_user_id},paypal,not-an-address\n"
    )
    with pytest.raises(CommandError, match="Line 3"):
        call_command("import_methods", str(file), "--as", world.alice.email)
    assert not Request.objects.filter(act="method_add").exists()


def test_a_broken_link_confirms_nothing(world: World) -> None:
    assert Client().post("/payee/methods/forged/").status_code == 410


def test_a_destination_swapped_behind_our_back_is_never_sent_to(world: World) -> None:
    victim, thief = world.seller("victim@example.com"), world.seller("thief@example.com")
    method = PayoutMethod.objects.get(payee=victim)
    stolen = json.dumps(dict(methods.destination(PayoutMethod.objects.get(payee=thief)))).encode()
    PayoutMethod.objects.filter(pk=method.pk).update(details=crypto.seal(stolen, aad=method.pk.bytes))
    method.refresh_from_db()
    with pytest.raises(crypto.Tampered):
        methods.destination(method)

    world.sale(victim)
    world.decide()
    world.approve()
    assert world.send() == 0
    assert Payout.objects.get().holds.get().rule == "bad_item"
    assert world.moved() == {}
