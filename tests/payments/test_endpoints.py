"""Both webhook endpoints stand at Stripe as they should, however often that is asked for; their secrets lie sealed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import stripe
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from djstripe.models import WebhookEndpoint

from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.clock import utc_now
from payments.models import StripeDelivery
from payments.stripe import endpoints, secrets
from payments.stripe.errors import StripeKeyRefused, StripeProblem
from payments.stripe.events import Endpoint, heard_at
from tests.payments.conftest import event, secret_of, work_off


@pytest.fixture(autouse=True)
def _our_address(transactional_db: None, stripe_sandbox: Any, settings: Any) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:9"


def register(**options: Any) -> list[str]:
    """Register, and give what was done as `kind: first word`."""
    done = endpoints.register(now=utc_now(), **options)
    return [f"{one.kind}: {one.sentence.split()[0].strip(',;:')}" for one in done]


def at_stripe(marketplace: stripe.StripeClient) -> dict[str, Any]:
    """What Stripe has, by id."""
    return {one.id: one.to_dict() for one in marketplace.v1.webhook_endpoints.list().auto_paging_iter()}


def test_both_are_made_for_what_is_heard_there(marketplace, settings):
    assert register() == ["platform: made", "connect: made"]
    standing = at_stripe(marketplace)
    assert len(standing) == 2
    for row in WebhookEndpoint.objects.all():
        kind = Endpoint(row.metadata["marketplace_payouts_endpoint"])
        there = standing[row.id]
        assert there["url"] == row.url == f"{settings.PUBLIC_URL}/stripe/webhook/{row.djstripe_uuid}/"
        assert sorted(there["enabled_events"]) == heard_at(kind)
        assert there["api_version"] == settings.STRIPE_API_VERSION
        assert bool(there["application"]) is (kind is Endpoint.CONNECT)
        assert (row.status, row.livemode, row.api_version) == ("enabled", False, settings.STRIPE_API_VERSION)


def test_twice_changes_nothing(marketplace):
    register()
    before = at_stripe(marketplace)
    assert register() == ["platform: stands", "connect: stands"]
    assert at_stripe(marketplace) == before
    assert WebhookEndpoint.objects.count() == 2


def test_no_secret_lies_in_clear(marketplace, stripe_sandbox):
    register()
    for row in WebhookEndpoint.objects.all():
        secret = secret_of(row.djstripe_uuid)
        assert secret.startswith("whsec_")
        assert "secret" not in row.stripe_data
        with connection.cursor() as cursor:
            cursor.execute("SELECT t::text FROM djstripe_webhookendpoint t WHERE id = %s", [row.id])
            assert secret not in cursor.fetchone()[0]
    work_off()


def test_a_sealed_secret_fits_its_own_endpoint_alone(settings):
    register()
    one, other = WebhookEndpoint.objects.order_by("id")
    with pytest.raises(crypto.Tampered):
        secrets.open_sealed(one.secret, endpoint=other.djstripe_uuid)
    with pytest.raises(crypto.Tampered):
        secrets.open_sealed("sealed:no base64!", endpoint=one.djstripe_uuid)
    # As dj-stripe's own tools would put it there.
    assert secrets.open_sealed("whsec_clear", endpoint=one.djstripe_uuid) == "whsec_clear"


def test_a_new_details_key_takes_the_secrets_over(settings):
    register()
    before = {row.id: secret_of(row.djstripe_uuid) for row in WebhookEndpoint.objects.all()}
    WebhookEndpoint.objects.filter(id=min(before)).update(secret=before[min(before)])  # in clear until now
    settings.DETAILS_KEYS = "newer:bmV3ZXItdGVzdC1rZXktbmV3ZXItdGVzdC1rZXktMTI=," + settings.DETAILS_KEYS
    call_command("rotate_details_keys")
    settings.DETAILS_KEYS = settings.DETAILS_KEYS.partition(",")[0]
    assert {row.id: secret_of(row.djstripe_uuid) for row in WebhookEndpoint.objects.all()} == before
    assert all(row.secret.startswith("sealed:") for row in WebhookEndpoint.objects.all())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"disabled": True}, "that it was disabled"),
        ({"enabled_events": ["customer.created"]}, "its events"),
        ({"url": "http://127.0.0.1:9/elsewhere/"}, "its address"),
    ],
)
def test_what_somebody_changed_at_stripe_is_put_right(marketplace, change, named):
    register()
    row = WebhookEndpoint.objects.get(metadata__marketplace_payouts_endpoint="platform")
    marketplace.v1.webhook_endpoints.update(row.id, change)
    found = [done.sentence for done in endpoints.register(now=utc_now())]
    assert found[0] == f"put right: {named}"
    assert at_stripe(marketplace)[row.id]["status"] == "enabled"
    assert register() == ["platform: stands", "connect: stands"]


def test_another_version_of_the_api_replaces_them(marketplace, settings):
    register()
    former = set(at_stripe(marketplace))
    settings.STRIPE_API_VERSION = "2026-09-30.dahlia"
    assert register() == ["platform: made", "platform: replaced", "connect: made", "connect: replaced"]
    made = [one for key, one in at_stripe(marketplace).items() if key not in former]
    assert {one["api_version"] for one in made} == {"2026-09-30.dahlia"}
    assert register() == ["platform: stands", "platform: replaced", "connect: stands", "connect: replaced"]


def test_another_public_address_moves_them(marketplace, settings):
    register()
    settings.PUBLIC_URL = "http://127.0.0.1:10"
    assert register() == ["platform: put", "connect: put"]
    assert all(
        one["url"].startswith("http://127.0.0.1:10/stripe/") for one in at_stripe(marketplace).values()
    )


def test_whose_secret_was_lost_is_replaced(marketplace):
    register()
    lost = WebhookEndpoint.objects.get(metadata__marketplace_payouts_endpoint="platform")
    WebhookEndpoint.objects.filter(pk=lost.pk).delete()  # a database restored to before it was made
    assert register() == ["platform: made", "platform: removed", "connect: stands"]
    assert lost.id not in at_stripe(marketplace)
    assert len(at_stripe(marketplace)) == 2


def test_what_somebody_removed_at_stripe_is_made_again(marketplace):
    register()
    gone = WebhookEndpoint.objects.get(metadata__marketplace_payouts_endpoint="connect")
    marketplace.v1.webhook_endpoints.delete(gone.id)
    assert register() == ["connect: forgotten", "platform: stands", "connect: made"]
    assert not WebhookEndpoint.objects.filter(id=gone.id).exists()


def test_endpoints_of_others_are_left_alone(marketplace):
    terms: Any = {"url": "http://127.0.0.1:9/stripe/webhook/by-hand/", "enabled_events": ["*"]}
    by_hand = marketplace.v1.webhook_endpoints.create(terms)
    terms = {
        "url": "http://127.0.0.1:11/stripe/webhook/x/",
        "enabled_events": ["*"],
        "metadata": {"marketplace_payouts_endpoint": "platform"},
    }
    of_another_installation = marketplace.v1.webhook_endpoints.create(terms)
    register()
    register(rotate=True, at_once=True)
    assert {by_hand.id, of_another_installation.id} < at_stripe(marketplace).keys()


def test_replaced_ones_go_on_until_nothing_is_under_way(marketplace, client):
    register()
    former = {row.id: row.djstripe_uuid for row in WebhookEndpoint.objects.all()}
    assert register(rotate=True) == [
        "platform: made",
        "platform: replaced",
        "connect: made",
        "connect: replaced",
    ]
    assert len(at_stripe(marketplace)) == 4
    assert all(deliver_to(client, uuid) == 200 for uuid in former.values())
    assert register() == ["platform: stands", "platform: replaced", "connect: stands", "connect: replaced"]
    later = [done.sentence for done in endpoints.register(now=utc_now() + timedelta(days=5))]
    assert later.count("removed: replaced") == 2
    assert not former.keys() & at_stripe(marketplace).keys()
    assert all(deliver_to(client, uuid) == 404 for uuid in former.values())
    assert register() == ["platform: stands", "connect: stands"]


def test_a_secret_that_got_out_is_worth_nothing_at_once(marketplace, client):
    register()
    former = {row.id: row.djstripe_uuid for row in WebhookEndpoint.objects.all()}
    known = {uuid: secret_of(uuid) for uuid in former.values()}
    assert register(rotate=True, at_once=True).count("platform: removed") == 1
    assert not former.keys() & at_stripe(marketplace).keys()
    assert all(deliver_to(client, uuid, secret=known[uuid]) == 404 for uuid in former.values())


def deliver_to(client: Client, uuid: Any, *, secret: str = "") -> int:
    """Deliver an event to an address."""
    body = json.dumps(event("customer.created"))
    if not secret:
        row = WebhookEndpoint.objects.filter(djstripe_uuid=uuid).first()
        secret = "gone" if row is None else secret_of(uuid)
    signature = stripe.WebhookSignature.generate_signature_header(body, secret)
    address = f"/stripe/webhook/{uuid}/"
    return client.post(
        address, body, content_type="application/json", HTTP_STRIPE_SIGNATURE=signature
    ).status_code


def test_what_was_interrupted_is_finished_by_the_next(marketplace, stripe_sandbox):
    """Stripe made the endpoint, and its answer was lost: the secret with it."""
    stripe_sandbox.fault("drop_after", times=1, match={"method": "POST", "path": "/v1/webhook_endpoints"})
    with pytest.raises(StripeProblem, match="could not be asked"):
        register()
    assert (len(at_stripe(marketplace)), WebhookEndpoint.objects.count()) == (1, 0)
    assert register() == ["platform: made", "platform: removed", "connect: made"]
    assert len(at_stripe(marketplace)) == 2


def test_the_command_says_what_it_did(marketplace, capsys, settings):
    call_command("register_stripe_webhooks")
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told] == ["platform", "connect"]
    assert all("made, at http://127.0.0.1:9/stripe/webhook/" in line for line in told)
    assert "whsec" not in "".join(told)
    call_command("register_stripe_webhooks", "--rotate", "--at-once")
    with pytest.raises(CommandError, match="goes with --rotate") as refused:
        call_command("register_stripe_webhooks", "--at-once")
    assert refused.value.returncode == 2
    settings.STRIPE = settings.STRIPE | {"secret_key": "sk_test_" + "0" * 24}
    with pytest.raises(CommandError, match="does not take STRIPE_SECRET_KEY") as refused:
        call_command("register_stripe_webhooks")
    assert refused.value.returncode == 1
    settings.STRIPE = settings.STRIPE | {"secret_key": ""}
    with pytest.raises(CommandError, match="set STRIPE_SECRET_KEY") as refused:
        call_command("register_stripe_webhooks")
    assert refused.value.returncode == 2


@pytest.fixture
def listening(live_server: Any, settings: Any) -> Iterator[None]:
    """Our address is one where we really are."""
    settings.PUBLIC_URL = live_server.url
    yield
    connection.close()


def test_stripe_delivers_there_what_happens(listening, marketplace):
    """From Stripe's own delivery to the row, with nothing between handed in by a test."""
    register()
    customer = marketplace.v1.customers.create({"email": "buyer@example.com"})
    seller: Any = {"country": "US", "type": "express", "capabilities": {"transfers": {"requested": True}}}
    account = marketplace.v1.accounts.create(seller)
    marketplace.v1.accounts.update(account.id, {"metadata": {"a": "b"}})
    end = time.monotonic() + 20
    wanted = {("customer.created", customer.id), ("account.updated", account.id)}
    while not wanted <= set(StripeDelivery.objects.values_list("kind", "object_id")):
        assert time.monotonic() < end, list(StripeDelivery.objects.values_list("kind", "object_id"))
        time.sleep(0.05)
    assert not StripeDelivery.objects.filter(object_id=account.id).exclude(account=account.id).exists()
    assert not StripeDelivery.objects.exclude(state="new").exists()
    assert work_off() >= 2
    assert not StripeDelivery.objects.exclude(state="applied").exists()


def test_a_key_of_nobody_registers_nothing(settings):
    settings.STRIPE = settings.STRIPE | {"secret_key": "sk_test_" + "0" * 24}
    with pytest.raises(StripeKeyRefused):
        register()
    assert not WebhookEndpoint.objects.exists()
