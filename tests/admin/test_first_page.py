"""The first page says what needs a person now, leads to it, and holds the stop switch."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from flexsync.models import FlexCursor
from payouts import holding
from payouts.models import (
    Attempt,
    Heartbeat,
    Hold,
    Payout,
    State,
    WebhookMessage,
    WebhookSubscription,
)
from tests import factories
from tests.admin.conftest import ROLES, nothing_is_written


def needs(response):
    return {need.label: need for group in response.context["groups"] for need in group.waiting}


def test_counts_what_waits_with_its_totals(as_role, everything):
    factories.PayoutFactory.create(state=State.AWAITING_APPROVAL, debt_units=700, debt_currency="USD")
    Attempt.objects.filter(payout=everything["submitted"]).update(
        status="unrecognised", raw_status="PONDERING"
    )
    found = needs(as_role("approver").get("/admin/"))
    waiting = found["Awaiting approval"]
    assert waiting.count == 2
    assert "123.45 EUR" in str(waiting.told[0])
    assert "7.00 USD" in str(waiting.told[1])
    for label in (
        "Unknown outcomes",
        "Incidents",
        "Words of providers that we do not know",
        "Requests to second",
        "Failed",
        "Opening items to release or mark as paid",
        "Returned, waiting to go out again",
        "Clawbacks to decide",
        "Parked transactions",
        "Write-backs refused",
        "Messages given up",
        "Payees asked in vain where to pay them",
        "Messages that a subscriber did not take",
        "Silent parts of the system",
        "The poller of Harbour Market is silent",
        "Confirm the decimals of Sharetribe's amounts",
    ):
        assert found[label].count == 1, label
    assert found["Holds"].count == 1
    assert "Your own requests, waiting for another person" in needs(as_role("operator").get("/admin/"))


@pytest.fixture
def more_of_everything(everything):
    """What a list narrowed too little would show beside what its line counts."""
    past = timezone.now() - timedelta(hours=1)
    for state in State:
        factories.PayoutFactory.create(state=state, person_after=past)
    factories.PayoutFactory.create(state=State.PAID, returned_units=500)
    heard = Attempt.objects.filter(payout__state=State.SUBMITTED)
    heard.update(status="unrecognised", raw_status="PONDERING")
    Attempt.objects.filter(payout__state=State.FAILED).update(refusal_class="unclassified")
    Attempt.objects.filter(payout__state=State.PAID).update(status="unrecognised", raw_status="PONDERED")
    _more_subscribers()
    return everything


def _more_subscribers() -> None:
    """In each way in which one may stand, one that has not ended and one that has, with a message given up each."""
    now, by = timezone.now(), User.objects.order_by("pk")[0]
    ways: list[dict[str, Any]] = [
        {"off_at": now, "off_why": "It answered 410."},
        {"environment": "live"},
        {"failures": 3},
        {"failures": 3, "environment": "live"},
        {"failures": 2},
    ]
    for n, way in enumerate(ways):
        for ended_at in (None, now):
            row = WebhookSubscription.objects.create(
                url=f"https://{n}.example/",
                description=f"{n}",
                types=["payout.paid"],
                secret=b"sealed",
                made_by=by,
                ended_at=ended_at,
                **{"environment": "test"} | way,
            )
            WebhookMessage.objects.create(
                id=row.pk,
                subscription=row,
                type="payout.paid",
                source=row.pk,
                subject=row.pk,
                happened_at=now,
                given_up_at=now,
            )


def test_every_line_leads_to_what_it_counts(as_role, more_of_everything):
    client = as_role("approver")
    for need in needs(client.get("/admin/")).values():
        response = client.get(need.url)
        assert response.status_code == 200, need.label
        listed = response.context["cl"].result_count
        assert listed == need.count or not need.url.partition("?")[2], need.label


def test_what_is_to_be_paid_on_the_providers_own_pages_has_a_line(as_role, everything):
    client = as_role("viewer")
    assert "To be paid on the provider's own pages" not in needs(client.get("/admin/"))
    Attempt.objects.filter(payout=everything["submitted"]).update(status="awaiting_funding")
    need = needs(client.get("/admin/"))["To be paid on the provider's own pages"]
    assert need.count == 1
    assert list(client.get(need.url).context["cl"].queryset) == [everything["submitted"]]


def test_says_so_when_nothing_waits(as_role, people):
    factories.TriggerFactory.create()
    factories.MarketplaceFactory.create(exponents_confirmed_at=timezone.now())
    response = as_role("viewer").get("/admin/")
    assert not response.context["groups"]
    assert "Nothing needs a person now" in response.content.decode()


def test_a_quick_heart_is_not_silent(as_role, people):
    Heartbeat.objects.create(name="poller", at=timezone.now())
    factories.MarketplaceFactory.create()
    FlexCursor.objects.create(marketplace=factories.MarketplaceFactory.create(), polled_at=timezone.now())
    found = needs(as_role("viewer").get("/admin/"))
    assert not [label for label in found if "ilent" in label]


def test_the_stop_switch_stops_and_starts_again(as_role, people):
    factories.PayoutFactory.create(state=State.APPROVED)
    operator, approver = as_role("operator"), as_role("approver")
    assert "Sending is on." in operator.get("/admin/").content.decode()
    with nothing_is_written():
        assert operator.get(reverse("admin:stop")).status_code == 405
        page = operator.post(reverse("admin:stop"))
        assert "1 approved payouts wait" in page.content.decode()
        assert "reason" in operator.post(reverse("admin:stop"), {"confirmed": "1"}).context["form"].errors
    operator.post(reverse("admin:stop"), {"confirmed": "1", "reason": "PayPal reports trouble"})
    assert holding.is_stopped()
    for client in (operator, approver):
        page = client.get("/admin/").content.decode()
        assert "Sending is stopped." in page
        assert "PayPal reports trouble" in page
    assert "sending is stopped" in operator.get(reverse("admin:payouts_payout_changelist")).content.decode()
    assert operator.post(reverse("admin:resume"), {"confirmed": "1", "reason": "x"}).status_code == 403
    approver.post(reverse("admin:resume"), {"confirmed": "1", "reason": "Over"})
    assert not holding.is_stopped()
    assert Hold.objects.get(rail="everything").lifted_by == people["approver"]


@pytest.mark.parametrize("role", ROLES)
def test_the_buttons_follow_the_role(role, as_role, people):
    page = as_role(role).get("/admin/").content.decode()
    assert ("Stop everything" in page) == (role in {"operator", "approver", "engineer"})


def test_looking_is_cheap(as_role, everything, django_assert_max_num_queries):
    client = as_role("viewer")
    client.get("/admin/")
    for _ in range(5):
        factories.PayoutFactory.create(state=State.UNKNOWN)
    assert Payout.objects.count() > 10
    with django_assert_max_num_queries(39):
        client.get("/admin/")


def test_a_whole_provider_or_currency_is_held(as_role, people):
    payout = factories.PayoutFactory.create(state=State.APPROVED)
    client = as_role("operator")
    url = reverse("admin:hold_rail")
    assert as_role("viewer").get(url).status_code == 403
    with nothing_is_written():
        assert client.get(url).status_code == 200
        assert client.post(url, {"rail": "provider:paypal"}).context["form"].errors
        assert client.post(url, {"rail": "everything", "reason": "x"}).context["form"].errors
    client.post(url, {"rail": "provider:paypal", "reason": "Maintenance tonight"})
    assert Hold.objects.get().rail_id == "provider:paypal"
    page = client.get(reverse("admin:payouts_payout_change", args=[payout.pk])).content.decode()
    assert "Maintenance tonight" in page


def test_a_stop_that_an_incident_set_is_not_offered_for_starting_again(as_role, people):
    now = timezone.now()
    holding.hold_by_rule(rule="incident:1", reason="A debit nobody made.", rail=holding.EVERYTHING, now=now)
    page = as_role("approver").get("/admin/").content.decode()
    assert "closing its incident lifts it" in page
    assert "Start sending again" not in page
    holding.stop(by=people["operator"], reason="Let us look", now=now)
    assert "Start sending again" in as_role("approver").get("/admin/").content.decode()
    asked = as_role("approver").post(reverse("admin:resume"))
    assert asked.context["will"][0].startswith("Lift the stops that people lift; sending stays stopped")
