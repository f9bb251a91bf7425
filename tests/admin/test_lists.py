"""Every filter of every list works, also when people type nonsense, and none asks the database for its choices."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.backoffice import paging
from accounts.backoffice.filters import TypedFilter
from payouts import ledger
from payouts.admin.books import balances
from payouts.models import Payout, State
from tests import factories

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
SENSE = {"date": "2026-01-31", "id": "01913d9c-0000-7000-8000-000000000000", "number": "17"}


def list_of(model: type[models.Model]) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


@pytest.mark.slow
def test_every_offered_choice_opens(as_role, everything):
    client = as_role("viewer")
    for model in MODELS:
        page = client.get(list_of(model)).content.decode()
        for query in sorted(set(re.findall(r'href="(\?[^"]+)"', page))):
            response = client.get(list_of(model) + query.replace("&amp;", "&"))
            assert response.status_code == 200, (model, query)


@pytest.mark.slow
def test_every_typed_filter_takes_sense_and_nonsense(as_role, everything):
    client = as_role("viewer")
    for model, page in admin.site._registry.items():
        for spec in page.list_filter:
            if not (isinstance(spec, type) and issubclass(spec, TypedFilter)):
                continue
            for field in spec.fields:
                for text in (*SENSE.values(), "'nonsense%"):
                    query = urlencode({field.name: text, "currency": "EUR"})
                    response = client.get(f"{list_of(model)}?{query}", follow=True)
                    assert response.status_code == 200, (model, query)


def test_every_search_takes_anything(as_role, everything):
    client = as_role("viewer")
    for model, page in admin.site._registry.items():
        if page.search_fields:
            for term in (*SENSE.values(), "harbour", "%", "' OR 1=1"):
                response = client.get(list_of(model), {"q": term}, follow=True)
                assert response.status_code == 200, (model, term)


def test_no_list_collects_its_choices_by_reading_the_table(as_role, everything):
    client = as_role("viewer")
    for model in MODELS:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            client.get(list_of(model))
        assert not [query["sql"] for query in caught if "DISTINCT" in query["sql"]], model


def test_an_account_shows_its_balance(as_role, everything):
    url = reverse("admin:payouts_posting_changelist")
    page = as_role("viewer").get(url, {"account": ledger.DUE}).content.decode()
    assert "123.45 EUR" in page
    owed = ledger.owed(everything["paid"].payee_id)
    assert "-123.45 EUR" in str(balances(owed)[0]["balance"])
    assert as_role("viewer").get(url, {"account": "owed:*"}).context["cl"].result_count == 1
    assert "No posting touches it" in as_role("viewer").get(url, {"account": "owed:nobody"}).content.decode()


def test_a_long_list_is_counted_no_further_than_needed(as_role, people, monkeypatch):
    monkeypatch.setattr(paging, "COUNTED_TO", 3)
    for _ in range(5):
        factories.PayoutFactory.create(state=State.FAILED)
    changes = as_role("viewer").get(list_of(Payout), {"state": "failed"}).context["cl"]
    assert changes.result_count == 3


@pytest.mark.django_db
def test_the_length_of_a_whole_table_is_estimated_once_it_is_long(monkeypatch):
    from payouts.models import Observation, Posting

    for model in (Posting, Observation):
        assert paging.estimated_rows(model) >= 0
    monkeypatch.setattr(paging, "estimated_rows", lambda model: 2_000_000)
    assert paging.BoundedPaginator(Posting.objects.order_by("pk"), 50).count == 2_000_000
    assert paging.BoundedPaginator([1, 2, 3], 50).count == 3


def test_the_queue_says_what_is_missing_and_not_what_ought_to_be(as_role, people):
    for state, gate in ((State.AWAITING_APPROVAL, "approved"), (State.APPROVED, "funds")):
        payout = factories.PayoutFactory.create(state=state)
        Payout.objects.filter(pk=payout.pk).update(blocked_by=gate)
    page = as_role("viewer").get(reverse("admin:payouts_payout_changelist")).content.decode()
    listed = page.partition('id="result_list"')[2].partition("</table>")[0]
    assert "Not approved yet" in listed
    assert "Too little money at the provider" in listed
    assert "Approved for exactly this" not in listed


def test_a_filter_offers_whatever_may_block(as_role, people):
    row = factories.PayableFactory.create(blocked_by="negative")
    page = as_role("viewer").get(reverse("admin:payouts_payable_changelist"), {"blocked_by": "negative"})
    assert [found.pk for found in page.context["cl"].result_list] == [row.pk]
    assert "Less than nothing is owed" in page.content.decode()


def test_every_row_is_found_by_its_own_id(as_role, everything):
    client = as_role("viewer")
    for model, page in admin.site._registry.items():
        row = model._default_manager.order_by("pk").first()
        if row is None or not page.search_fields or not isinstance(model._meta.pk, models.UUIDField):
            continue
        for term in (str(row.pk), f" {row.pk.hex.upper()} "):
            listed = client.get(
                list_of(model), {"q": term, "state": "all"} if model is Payout else {"q": term}
            )
            assert row.pk in [found.pk for found in listed.context["cl"].result_list], model
