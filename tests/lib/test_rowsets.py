"""Sets of rows arrive as they were given, whatever stands in them."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, Final

import pytest
from django.db import DataError, connection
from django.utils import timezone

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts.models import Heartbeat, OutboxMessage, Posting, ProviderFunds

pytestmark = pytest.mark.django_db

HOUR: Final = timedelta(hours=1)

TEXTS = [
    "",
    "plain",
    'a "quoted" one',
    "back\\slash",
    "{braces}, commas",
    "NULL",
    "null",
    " blank ",
    "new\nline",
    "ÿ€😀",
]


def message(error: str, **changes: object) -> OutboxMessage:
    now = timezone.now()
    given = {
        "kind": "notice",
        "subject": uuid.uuid4(),
        "facts": {"said": error},
        "created_at": now,
        "next_at": None,
    }
    return OutboxMessage(id=uuid7(), error=error, **{**given, **changes})


def test_texts_and_documents_survive_in_their_order():
    rows = [message(text) for text in TEXTS]
    rowsets.insert(OutboxMessage, rows)
    stored = OutboxMessage.objects.order_by("id")
    assert [(row.pk, row.error, row.facts) for row in stored] == [(r.pk, r.error, r.facts) for r in rows]


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_the_same_in_all_rows_survives_too(text):
    rowsets.insert(OutboxMessage, [message(text, next_at=timezone.now()), message(text)])
    assert set(OutboxMessage.objects.values_list("error", flat=True)) == {text}
    assert OutboxMessage.objects.filter(facts={"said": text}).count() == 2
    assert OutboxMessage.objects.filter(next_at__isnull=True).count() == 1


def test_rows_that_are_alike_are_all_written():
    now = timezone.now()
    alike = {
        "kind": "fund",
        "subject": uuid.uuid4(),
        "debit": "a",
        "credit": "b",
        "currency": "EUR",
        "at": now,
    }
    entry = uuid7()
    rowsets.insert(Posting, [Posting(entry=entry, ordinal=n, units=10**30, **alike) for n in range(3)])
    assert [int(row.units) for row in Posting.objects.all()] == [10**30] * 3
    assert Posting.objects.get(ordinal=2).at == now


def test_updates_only_what_matches_and_says_what_that_was():
    funds = [
        ProviderFunds(id=uuid7(), provider="paypal", currency=code, available_units=units)
        for code, units in (("EUR", 1), ("USD", 2), ("GBP", None))
    ]
    rowsets.insert(ProviderFunds, funds)
    changes = [
        {"id": row.pk, "available_units": None if row.currency == "EUR" else 7, "currency": row.currency}
        for row in funds[:2]
    ]
    changes.append({"id": funds[2].pk, "available_units": 9, "currency": "not its own"})
    moved = rowsets.update(ProviderFunds, changes, match=("id", "currency"))
    assert set(moved) == {funds[0].pk, funds[1].pk}
    assert dict(ProviderFunds.objects.values_list("currency", "available_units")) == {
        "EUR": None,
        "USD": 7,
        "GBP": None,
    }


def test_updates_a_single_row_and_its_counter():
    row = message("")
    rowsets.insert(OutboxMessage, [row])
    change = {"id": row.pk, "error": 'It said "no".', "facts": {"n": [1, None]}}
    assert rowsets.update(OutboxMessage, [change], bump="tries") == [row.pk]
    row.refresh_from_db()
    assert (row.error, row.facts, row.tries) == ('It said "no".', {"n": [1, None]}, 1)


def test_finds_rows_by_their_ids_though_statistics_know_none_like_them():
    """A constant would filter: none of them, it seems, and then each is compared with each, 0.3 s for 1,000 payouts."""
    now = timezone.now()
    rowsets.insert(Heartbeat, [Heartbeat(name=f"{n:04}", at=now) for n in range(2000)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE payouts_heartbeat")
    Heartbeat.objects.update(at=now + HOUR)
    rows = [{"name": f"{n:04}", "at": now + HOUR, "detail": {"n": n}} for n in range(1000)]
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(f"EXPLAIN (ANALYZE) {sql}", params, many, context)
        plans.extend(line for (line,) in context["cursor"].fetchall())
        return found

    with connection.execute_wrapper(explain):
        rowsets.update(Heartbeat, rows, match=("name", "at"), returning="name")
    assert plans
    assert not [line for line in plans if "Filter:" in line], "\n".join(plans)
    assert Heartbeat.objects.filter(detail={"n": 999}).exists()


def test_merges_on_conflict():
    now = timezone.now()
    Heartbeat.objects.create(name="a", at=now, detail={"old": True})
    rows = [Heartbeat(name=name, at=now, detail={"name": name}) for name in ("a", "b")]
    rowsets.insert(Heartbeat, rows, on_conflict="(name) DO UPDATE SET detail = excluded.detail")
    assert dict(Heartbeat.objects.values_list("name", "detail")) == {"a": {"name": "a"}, "b": {"name": "b"}}


def test_refuses_what_no_text_may_hold():
    with pytest.raises((DataError, ValueError), match="NUL"):
        rowsets.insert(OutboxMessage, [message("a\x00b"), message("c")])
