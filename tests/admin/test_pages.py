"""Every list and page opens for whoever may read, for nobody else, and changes nothing by being looked at."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import models
from django.urls import reverse

from accounts.backoffice.base import BackOfficeAdmin
from payouts.models import Payout, Process, Schedule, State, Trigger
from payouts.requests import ACTS
from tests import factories
from tests.admin.conftest import ROLES, nothing_is_written

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
LISTS = [f"admin:{model._meta.app_label}_{model._meta.model_name}" for model in MODELS]


def addresses(model: type[models.Model]) -> list[str]:
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    found = [reverse(f"{name}_changelist")]
    row = model._default_manager.order_by("pk").first()
    return [*found, reverse(f"{name}_change", args=[row.pk])] if row is not None else found


@pytest.mark.parametrize("role", ROLES)
def test_every_role_reads_everything(role, as_role, everything):
    client = as_role(role)
    empty = []
    for model in MODELS:
        urls = addresses(model)
        if len(urls) == 1 and model not in (Trigger, Process, Schedule):
            empty.append(model._meta.label)
        for url in urls:
            with nothing_is_written():
                response = client.get(url)
            assert response.status_code == 200, url
            assert "unsafe-inline" not in response["Content-Security-Policy"]
            assert b"<style" not in response.content
            assert b"onclick" not in response.content
    # What no fixture makes would not be tested.
    assert set(empty) <= {"admin.LogEntry", "payouts.Approval"}


@pytest.mark.parametrize("part", ["nobody", "superuser"])
def test_without_a_role_there_is_nothing_to_see(part, as_role, everything):
    client = as_role(part)
    for model in MODELS:
        for url in addresses(model):
            assert client.get(url).status_code == 403, url
    for url in ("/admin/", "/admin/requests/new/", *(f"/admin/requests/new/{act}/" for act in ACTS)):
        assert client.get(url).status_code == 403, url
    for switch in ("stop", "resume"):
        assert client.post(reverse(f"admin:{switch}"), {"confirmed": "1", "reason": "x"}).status_code == 403


def test_strangers_are_led_to_the_log_in(client, everything):
    for model in MODELS:
        for url in addresses(model):
            response = client.get(url)
            assert response.status_code == 302
            assert "/login/" in response["Location"]


def test_no_page_offers_a_form_but_those_of_staff_and_of_keys(as_role, everything):
    client = as_role("administrator")
    for model in MODELS:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        if model._meta.label == "accounts.User":
            continue
        row = model._default_manager.order_by("pk").first()
        if model._meta.label != "accounts.ServerKey":
            assert client.get(reverse(f"{name}_add")).status_code == 403
        if row is not None:
            assert client.post(reverse(f"{name}_change", args=[row.pk]), {}).status_code in (403, 405)
            assert client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
            assert model._default_manager.filter(pk=row.pk).exists()


def test_pages_of_other_packages_are_left_out():
    apps = {model._meta.app_label for model in MODELS}
    assert apps == {"accounts", "admin", "auth", "djstripe", "flexsync", "payments", "payouts"}
    assert all(isinstance(page, BackOfficeAdmin) for page in admin.site._registry.values())


def test_a_list_stays_cheap_however_many_rows_it_has(as_role, people, django_assert_max_num_queries):
    from tests.factories import PayoutFactory

    client = as_role("viewer")
    url = reverse("admin:payouts_payout_changelist")
    for _ in range(3):
        PayoutFactory.create(state=State.AWAITING_APPROVAL)
    client.get(url)
    with django_assert_max_num_queries(16):
        client.get(url)
    for _ in range(12):
        PayoutFactory.create(state=State.AWAITING_APPROVAL)
    with django_assert_max_num_queries(16):
        assert client.get(url).content.count(b"PO-") >= 15


def test_times_are_business_times_with_utc_beside(as_role, everything):
    payout = Payout.objects.first()
    assert payout is not None
    payout.marketplace.time_zone = "Pacific/Kiritimati"
    payout.marketplace.save()
    page = as_role("viewer").get(reverse("admin:payouts_payout_change", args=[payout.pk])).content.decode()
    assert f'title="{payout.created_at:%Y-%m-%d %H:%M:%S} UTC"' in page
    assert (
        f"{payout.created_at:%H:%M}</time>" not in page or payout.created_at.astimezone().utcoffset() is None
    )


def test_the_sections_follow_what_people_do(as_role, everything):
    page = as_role("viewer").get("/admin/")
    names = [section["name"] for section in page.context["app_list"]]
    assert names == [
        "Payouts",
        "People",
        "Rules",
        "Books",
        "Sending",
        "Sharetribe",
        "Stripe",
        "System",
        "Staff",
    ]
    assert [entry["name"] for entry in page.context["app_list"][0]["models"]][:3] == [
        "Payouts",
        "Requests",
        "Payables",
    ]


def test_every_page_adds_to_itself_by_one_hook():
    kinds = {kind for page in admin.site._registry.values() for kind in type(page).__mro__}
    ours = {kind for kind in kinds if not kind.__module__.startswith("django.")}
    overriding = {kind.__name__ for kind in ours if "change_view" in vars(kind)}
    # A payout's page is another one altogether.
    assert overriding == {"BackOfficeAdmin", "PayoutAdmin"}


def test_what_is_owed_stands_in_a_column_of_amounts(as_role, people):
    row = factories.PayableFactory.create(units=300)
    page = as_role("viewer").get(reverse("admin:accounts_payee_change", args=[row.payee_id])).content.decode()
    owed = page.partition("Owed and not in a payout")[2].partition("</table>")[0]
    assert '<th scope="col" class="number">Amount</th>' in owed
    assert owed.index("open") < owed.index("3.00 EUR")
