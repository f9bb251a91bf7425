"""What of Sharetribe's side needs a person now."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.backoffice import cells
from flexsync.models import FlexCursor, PaymentTold, WriteBack
from payouts.admin.needs import Group, Need
from payouts.models import Source

_SILENT_AFTER = timedelta(minutes=5)


def groups(now: datetime) -> list[Group]:
    """This will give what is parked, refused or silent."""
    parked = Source.objects.filter(parked_at__isnull=False).count()
    refused = WriteBack.objects.filter(conflict_at__isnull=False).count()
    unheard = PaymentTold.objects.filter(conflict_at__isnull=False).count()
    return [
        Group(
            "Sharetribe",
            [
                Need("Parked transactions", parked, cells.list_of(Source, "parked_at=yes"), tone="bad"),
                Need("Write-backs refused", refused, cells.list_of(WriteBack, "conflict_at=yes"), tone="bad"),
                Need(
                    "Payments that Sharetribe refused to be moved by",
                    unheard,
                    cells.list_of(PaymentTold, "conflict_at=yes"),
                    tone="bad",
                ),
                *_poller(now),
            ],
        )
    ]


def _poller(now: datetime) -> list[Need]:
    url = cells.list_of(FlexCursor)
    needs = []
    for cursor in FlexCursor.objects.select_related("marketplace"):
        name = cursor.marketplace.name or "the marketplace"
        if cursor.error:
            needs.append(
                Need(f"The poller of {name} reports an error", 1, url, tone="bad", told=[cursor.error[:200]])
            )
        if cursor.polled_at is None or cursor.polled_at < now - _SILENT_AFTER:
            said = cells.moment(cursor.polled_at) if cursor.polled_at else "never"
            needs.append(
                Need(f"The poller of {name} is silent", 1, url, tone="bad", told=["last heard: ", said])
            )
    return needs
