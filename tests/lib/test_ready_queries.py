"""A query that is written once gives what Django's own gives, related rows and empty places as well."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.forms import model_to_dict
from django.test.utils import CaptureQueriesContext

from marketplace_payouts.lib.ready_queries import ReadyQuery
from payouts.models import Payable
from tests import factories

OF_A_CURRENCY = ReadyQuery(
    lambda: Payable.objects.select_related("payee__marketplace", "source", "original").filter(
        currency="", units__gt=0
    )
)


@pytest.mark.django_db
def test_rows_are_what_django_would_give():
    first = factories.PayableFactory.create(units=5)
    factories.PayableFactory.create(units=7, payee=first.payee, source=None, original=first)
    factories.PayableFactory.create(units=9, currency="USD")
    with CaptureQueriesContext(connection) as asked:
        found = sorted(OF_A_CURRENCY.rows("EUR", 0), key=lambda row: row.units)
        for row in found:
            assert row.payee.marketplace.name
            assert row.payee.marketplace.exponents == {"EUR": 2, "USD": 2}
    assert len(asked) == 1
    expected = Payable.objects.filter(currency="EUR").order_by("units")
    assert [model_to_dict(row) for row in found] == [model_to_dict(row) for row in expected]
    assert (found[0].source, found[1].source) == (first.source, None)
    assert (found[0].original, found[1].original) == (None, first)
    assert [row.units for row in OF_A_CURRENCY.rows("EUR", 5)] == [7]
    assert OF_A_CURRENCY.rows("JPY", 0) == []


@pytest.mark.django_db
def test_the_instances_are_like_any_others():
    row = factories.PayableFactory.create()
    [found] = OF_A_CURRENCY.rows("EUR", 0)
    assert found == row
    assert not found._state.adding
    found.blocked_by = "minimum"
    found.save(update_fields=["blocked_by"])
    row.refresh_from_db()
    assert row.blocked_by == "minimum"


@pytest.mark.django_db
def test_refuses_another_number_of_parameters():
    with pytest.raises(AssertionError, match="2 parameters"):
        OF_A_CURRENCY.rows("EUR")


@pytest.mark.django_db(transaction=True)
def test_threads_may_share_it():
    factories.PayableFactory.create()

    def ask(_n: int) -> int:
        try:
            return len(OF_A_CURRENCY.rows("EUR", 0))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(20))) == [1] * 20
