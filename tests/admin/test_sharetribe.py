"""What of Sharetribe's side staff see and do: interpret again, tell again, and what it costs."""

from __future__ import annotations

from django.urls import reverse
from django.utils import timezone

from flexsync.models import ApiCalls, WriteBack
from payouts.models import OutboxMessage, Source, State
from tests import factories


def act(model: str, name: str) -> str:
    return reverse(f"admin:{model}_act", args=[name])


def test_a_parked_transaction_is_interpreted_again(as_role, people):
    source = factories.SourceFactory.create(parked_at=timezone.now(), error="payoutTotal is missing", tries=5)
    as_role("engineer").post(
        act("payouts_source", "replay"), {"ids": str(source.pk), "confirmed": "1", "reason": "Mended"}
    )
    source.refresh_from_db()
    assert source.parked_at is None


def test_sharetribe_is_told_again_after_a_refusal(as_role, people):
    payout = factories.PayoutFactory.create(state=State.PAID)
    source = payout.lines.get().payable.source
    assert source is not None
    row = WriteBack.objects.create(
        source=source, confirmed_at=timezone.now(), conflict_at=timezone.now(), error="409"
    )
    quiet = WriteBack.objects.create(source=factories.SourceFactory.create(), confirmed_at=timezone.now())
    done = as_role("engineer").post(
        act("flexsync_writeback", "tell_again"),
        {"ids": f"{row.pk} {quiet.pk}", "confirmed": "1", "reason": "The process was mended"},
        follow=True,
    )
    assert "To be told again (1)" in " ".join(str(message) for message in done.context["messages"])
    row.refresh_from_db()
    quiet.refresh_from_db()
    assert (row.conflict_at, row.confirmed_at) == (None, None)
    assert quiet.confirmed_at is not None
    message = OutboxMessage.objects.get(kind="write_back")
    assert (message.subject, message.done_at) == (payout.pk, None)


def test_a_transaction_shows_what_hangs_on_it(as_role, everything):
    source = everything["paid"].lines.get().payable.source
    page = as_role("viewer").get(reverse("admin:payouts_source_change", args=[source.pk])).content.decode()
    assert everything["paid"].number in page
    assert f"resource={source.reference}" in page
    assert Source.objects.filter(pk=source.pk).exists()


def test_a_month_of_calls_is_estimated_in_credits(as_role, people):
    today = timezone.now().date()
    ApiCalls.objects.create(day=today, kind="events/query", calls=700)
    ApiCalls.objects.create(day=today, kind="transactions/show", calls=7)
    response = as_role("viewer").get(reverse("admin:flexsync_apicalls_changelist"))
    assert [(row["kind"], row["month"], row["credits"]) for row in response.context["estimate"]] == [
        ("events/query", 3000, 15_000),
        ("transactions/show", 30, 30),
    ]
    assert response.context["credits"] == 15_030
