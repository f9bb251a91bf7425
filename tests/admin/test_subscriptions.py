"""Webhook subscriptions in the back office: added, tried out, changed, switched off and on, and ended."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.internal.flows import login
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.urls import reverse
from django.utils import timezone

from payouts.models import WebhookMessage, WebhookSubscription, WebhookSubscriptionChange
from payouts.subscriptions import signing
from tests.admin.conftest import ROLES, nothing_is_written

NEW = "admin:new_webhook"
GIVEN = {
    "url": "https://market.example/hooks?key=k1",
    "description": "Market",
    "types": ["payout.paid", "payout.returned"],
}


def act(name: str, model: str = "webhooksubscription") -> str:
    return reverse(f"admin:payouts_{model}_act", args=[name])


def page(row: WebhookSubscription | WebhookMessage) -> str:
    return reverse(f"admin:payouts_{row._meta.model_name}_change", args=[row.pk])


def shop() -> WebhookSubscription:
    return WebhookSubscription.objects.get(description="Shop")


def do(client: Any, name: str, **given: Any) -> Any:
    return client.post(act(name), {"ids": str(shop().pk), "confirmed": "1", **given}, follow=True)


def said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


@pytest.mark.parametrize("role", ROLES)
def test_only_who_may_is_offered_the_form(role, as_role, people):
    client = as_role(role)
    may = role in {"administrator", "engineer"}
    listed = client.get(reverse("admin:payouts_webhooksubscription_changelist")).content.decode()
    assert ("Subscribe an address" in listed) is may
    with nothing_is_written():
        assert client.get(reverse(NEW)).status_code == (200 if may else 403)
        if not may:
            assert client.post(reverse(NEW), GIVEN).status_code == 403


def test_a_new_one_has_a_secret_and_its_maker(as_role, people):
    client = as_role("engineer")
    done = client.post(reverse(NEW), GIVEN, follow=True)
    made = WebhookSubscription.objects.get()
    assert (made.url, made.types, made.made_by) == (GIVEN["url"], GIVEN["types"], people["engineer"])
    assert "send a test" in said(done)
    assert made.changes.get().what == "made"
    assert signing.secrets_of(made, now=timezone.now())[0].startswith("whsec_")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"url": "http://market.example/"}, "https"),
        ({"url": "https://10.0.0.1/"}, "cannot be subscribed"),
        ({"types": []}, "required"),
        ({"types": ["payout.lost"]}, "not one of the available choices"),
        ({"description": " "}, "required"),
    ],
)
def test_what_is_wrong_is_said_on_the_form(as_role, people, changes, word):
    client = as_role("administrator")
    with nothing_is_written():
        shown = client.post(reverse(NEW), GIVEN | changes)
    assert word in str(shown.context["form"].errors)


def test_the_same_address_is_not_subscribed_twice(as_role, people):
    client = as_role("administrator")
    client.post(reverse(NEW), GIVEN)
    shown = client.post(reverse(NEW), GIVEN)
    assert "subscribed already" in str(shown.context["form"].errors)
    assert WebhookSubscription.objects.count() == 1


def test_neither_secret_nor_the_address_s_query_is_on_any_page(as_role, everything):
    secret = signing.secrets_of(shop(), now=timezone.now())[0]
    message = WebhookMessage.objects.get()
    for role in ROLES:
        client = as_role(role)
        for url in (
            page(shop()),
            page(message),
            reverse("admin:payouts_webhooksubscription_changelist"),
            reverse("admin:payouts_webhookmessage_changelist"),
        ):
            shown = client.get(url).content.decode()
            assert secret not in shown
            assert "of-the-address" not in shown


def test_who_looks_at_the_secret_is_kept(as_role, everything, people):
    client = as_role("engineer")
    asked = client.post(act("reveal"), {"ids": str(shop().pk)})
    assert "Keep that you looked at it." in asked.context["will"]
    shown = do(client, "reveal")
    assert signing.secrets_of(shop(), now=timezone.now())[0] in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    change = shop().changes.get(what="revealed")
    assert change.by == people["engineer"]
    assert "Looked at its secret" in client.get(page(shop())).content.decode()


@pytest.mark.parametrize("name", ["reveal", "rotate", "change"])
def test_the_second_factor_is_asked_for_again(as_role, everything, people, settings, name):
    settings.STAFF_MFA_REQUIRED = True
    engineer = people["engineer"]
    TOTP.activate(engineer, generate_totp_secret())
    client = as_role("engineer")
    session = client.session
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "at": time.time() - 3600}]
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(engineer.pk)
    session.save()
    given = {"ids": str(shop().pk), "confirmed": "1", "overlap": "24", **GIVEN}
    answer = client.post(act(name), given)
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("mfa_reauthenticate"))
    assert set(shop().changes.values_list("what", flat=True)) == {"made"}


def test_a_new_secret_and_the_former_one_sign_for_a_while(as_role, everything):
    client = as_role("administrator")
    before = signing.secrets_of(shop(), now=timezone.now())
    do(client, "rotate", overlap="24")
    after = signing.secrets_of(shop(), now=timezone.now())
    assert len(after) == 2
    assert after[1:] == before
    assert after[0] != before[0]
    assert signing.secrets_of(shop(), now=timezone.now() + timedelta(hours=25)) == after[:1]
    do(client, "rotate", overlap="0")
    assert len(signing.secrets_of(shop(), now=timezone.now())) == 1


def test_a_change_is_shown_with_what_is_there_and_kept(as_role, everything, people):
    client = as_role("administrator")
    asked = client.post(act("change"), {"ids": str(shop().pk)})
    assert asked.context["form"].initial["types"] == ["payout.paid", "payout.failed"]
    pk = shop().pk
    do(client, "change", **GIVEN)
    row = WebhookSubscription.objects.get(pk=pk)
    assert (row.url, row.description, row.types) == (GIVEN["url"], "Market", GIVEN["types"])
    assert row.hears_since > row.made_at
    assert row.changes.get(what="changed").by == people["administrator"]
    given = {"ids": str(pk), "confirmed": "1", **GIVEN, "url": "http://10.0.0.1/"}
    assert "cannot be subscribed" in said(client.post(act("change"), given, follow=True))


def test_off_and_on_again_sends_what_was_not_delivered(as_role, everything):
    client = as_role("engineer")
    assert (
        "reason" in client.post(act("off"), {"ids": str(shop().pk), "confirmed": "1"}).context["form"].errors
    )
    do(client, "off", reason="We move house")
    assert shop().off_why == "We move house"
    page_ = client.get(page(shop())).content.decode()
    assert "Switched off" in page_
    assert "We move house" in page_
    asked = client.post(act("on"), {"ids": str(shop().pk)})
    assert "1 messages, also those that were given up" in asked.context["will"][0]
    do(client, "on")
    message = WebhookMessage.objects.get()
    assert (shop().off_at, message.given_up_at, message.tries) == (None, None, 0)
    assert message.next_at is not None


def test_what_ended_is_over(as_role, everything):
    client = as_role("engineer")
    WebhookMessage.objects.update(given_up_at=None, next_at=timezone.now())
    do(client, "end", reason="Replaced")
    assert shop().ended_at is not None
    message = WebhookMessage.objects.get()
    assert (message.next_at, message.error) == (None, "The subscription was ended.")
    for name in ("change", "test", "reveal", "rotate", "again", "off", "on", "end"):
        asked = client.post(act(name), {"ids": str(shop().pk)})
        assert asked.context["fitting"] == 0, name
    given = {"ids": str(message.pk), "confirmed": "1"}
    assert "nothing to do" in said(client.post(act("again", "webhookmessage"), given, follow=True))
    client.post(reverse(NEW), GIVEN | {"url": shop().url})
    assert WebhookSubscription.objects.filter(url=shop().url).count() == 2


def test_a_test_is_on_its_way(as_role, everything):
    done = do(as_role("engineer"), "test")
    assert "On its way" in said(done)
    message = WebhookMessage.objects.get(type="webhook.test")
    assert message.next_at is not None
    do(as_role("engineer"), "off", reason="x")
    assert as_role("engineer").post(act("test"), {"ids": str(shop().pk)}).context["fitting"] == 0


def test_messages_of_a_time_are_sent_again(as_role, everything):
    client = as_role("administrator")
    asked = client.post(act("again"), {"ids": str(shop().pk)})
    assert "since" in asked.context["form"].fields
    now = timezone.localtime()
    wrong = {"since": f"{now:%Y-%m-%dT%H:%M}", "until": f"{now - timedelta(days=1):%Y-%m-%dT%H:%M}"}
    refused = client.post(act("again"), {"ids": str(shop().pk), "confirmed": "1", **wrong})
    assert "ends before it begins" in str(refused.context["form"].errors)
    since = f"{now - timedelta(days=2):%Y-%m-%dT%H:%M}"
    assert "nothing to do" in said(do(client, "again", since=since, types=["payout.failed"]))
    assert "1 to Shop" in said(do(client, "again", since=since))
    assert WebhookMessage.objects.get().next_at is not None
    assert shop().changes.get(what="again").note == "1 messages"


def test_a_message_is_found_by_every_name_and_sent_again(as_role, everything):
    client = as_role("engineer")
    message = WebhookMessage.objects.get()
    url = reverse("admin:payouts_webhookmessage_changelist")
    for term in (message.public_id, str(message.pk), everything["paid"].number, str(message.subject)):
        found = client.get(url, {"q": term}).context["cl"].result_list
        assert [row.pk for row in found] == [message.pk], term
    assert not client.get(url, {"q": everything["failed"].number}).context["cl"].result_list
    for query, count in (("standing=given_up", 1), ("standing=waiting", 0), ("type=payout.failed", 0)):
        assert client.get(f"{url}?{query}").context["cl"].result_count == count
    assert client.get(f"{url}?subscription={shop().pk}").context["cl"].result_count == 1
    shown = client.get(page(message)).content.decode()
    assert "It answered 500." in shown
    assert reverse("admin:payouts_payout_change", args=[everything["paid"].pk]) in shown
    given = {"ids": str(message.pk), "confirmed": "1"}
    assert "1 to Shop" in said(client.post(act("again", "webhookmessage"), given, follow=True))
    assert WebhookMessage.objects.get().given_up_at is None


def test_what_was_done_with_a_subscription_cannot_be_changed(everything):
    from django.db import DatabaseError, transaction

    for deed in (
        lambda: WebhookSubscriptionChange.objects.update(note="Something else."),
        lambda: WebhookSubscriptionChange.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            deed()
