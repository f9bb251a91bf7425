"""Stage 1, hear: Sharetribe's events after the cursor become rows, page by page, each page together with its cursor.

One poller works at a time, whatever is scheduled twice. When it has caught up, it now and then reads the newest
events once more, because an event could become visible after one with a greater id.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import Marketplace
from flexsync import calls, first_listings, identity, profiles, storing
from flexsync.models import FlexCursor, FlexEvent
from flexsync.profiles import Learned
from flexsync.snapshots import EVENT_TYPES, is_own_echo
from flexsync.storing import Heard
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid_or_none
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.shared_state import NotGranted, shared_lock
from marketplace_payouts.lib.sharetribe import Event, EventPage, FlexBadAnswer, FlexError
from marketplace_payouts.lib.sharetribe.records import parse_user
from payouts.errors import DomainError
from payouts.models import Heartbeat

log = logger(__name__)

# How long after an event another one with a smaller id may still come to light.
SETTLED_AFTER: Final = timedelta(seconds=60)
# Sharetribe keeps events for 90 days at the most.
_RETENTION: Final = timedelta(days=90)


class PolledElsewhere(DomainError):
    """One poller works at a time, and it is not ours."""


@dataclass(slots=True)
class _Walk:
    """One walk from where we are to the newest event."""

    marketplace: Marketplace
    started: datetime
    clock: float = field(default_factory=time.monotonic)
    deadline: float | None = None
    heard: int = 0

    @property
    def now(self) -> datetime:
        """The moment handed in, gone on since by this machine's clock."""
        return self.started + timedelta(seconds=time.monotonic() - self.clock)

    @property
    def is_over(self) -> bool:
        """Whether there is no time for another page."""
        return self.deadline is not None and time.monotonic() >= self.deadline


def poll(*, limit_seconds: float, now: datetime) -> int:
    """This will store all new events and give how many; then wait and look again while there are seconds left.

    With no seconds it walks once to the newest event, however long that takes. What goes wrong is written on the
    cursor and shown; the next walk begins where the last page was stored.
    """
    try:
        return poll_alone(limit_seconds=limit_seconds, now=now)
    except PolledElsewhere:
        log.info("poller_elsewhere")
        return 0


def poll_alone(*, limit_seconds: float, now: datetime) -> int:
    """This will do the same for somebody who has to know whether anything was asked.

    :raises PolledElsewhere: when another poller is at work, so that ours asked nothing.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(shared_lock("flexsync poller", wait_s=0))
        except NotGranted:
            raise PolledElsewhere(
                "Another poller is at work, such as the cluster's, and stores what is new: nothing was asked."
            ) from None
        return _poll(limit_seconds=limit_seconds, now=now)


def _poll(*, limit_seconds: float, now: datetime) -> int:
    deadline = time.monotonic() + limit_seconds if limit_seconds else None
    clock = time.monotonic()
    heard = 0
    while True:
        moment = now + timedelta(seconds=time.monotonic() - clock)
        found, wait_s = _walk_safely(moment, deadline)
        heard += found
        if deadline is None or time.monotonic() + wait_s >= deadline:
            return heard
        time.sleep(wait_s)


def _walk_safely(now: datetime, deadline: float | None) -> tuple[int, float]:
    """Walk once; give what was heard, and after how many seconds to look again."""
    try:
        walk = _Walk(marketplace=identity.confirm(), started=now, deadline=deadline)
        _walk(walk)
    except (FlexError, DomainError) as error:
        log.warning("poll_failed", reason=str(error))
        return 0, _note_failure(str(error), now=now)
    finally:
        calls.flush(today=now.date())
    return walk.heard, _note_success(walk)


def _walk(walk: _Walk) -> None:
    cursor = _cursor(walk.marketplace)
    is_overlap = _overlap_is_due(cursor, walk.now)
    after = _overlap_start(cursor) if is_overlap else cursor.last_sequence_id
    while True:
        page = _fetch(cursor, after=after, now=walk.now)
        _check_marketplace(page, walk.marketplace)
        reached_end = not page.is_full
        walk.heard += _store(page, walk, is_overlap_done=is_overlap and reached_end)
        if reached_end or walk.is_over:
            return
        after = max(after, page.events[-1].sequence_id)


def _fetch(cursor: FlexCursor, *, after: int, now: datetime) -> EventPage:
    start = cursor.start_at or now - _RETENTION
    begin: dict[str, Any] = {"start_after": after} if after else {"created_at_start": start}
    crash_point("poll.before_call")
    page = calls.client().events(**begin, event_types=_event_types())
    crash_point("poll.after_call")
    return page


def _event_types() -> Sequence[str]:
    return (*EVENT_TYPES, *first_listings.EVENT_TYPES) if first_listings.is_on() else EVENT_TYPES


def _store(page: EventPage, walk: _Walk, *, is_overlap_done: bool) -> int:
    """Write a page and the cursor that stands for it in one transaction; give how many events were new."""
    marketplace, now = walk.marketplace, walk.now
    events = page.events
    with transaction.atomic():
        cursor = FlexCursor.objects.select_for_update(no_key=True).get(marketplace=marketplace)
        rows = [_heard(event, client_id=marketplace.client_id) for event in events]
        new = storing.store(rows, marketplace_id=marketplace.pk, now=now)
        _learn_users(events, {row.event_id for row in new}, marketplace)
        first_listings.note(events, marketplace_id=marketplace.pk, now=now)
        if events:
            # Never backwards: an overlap, or another poller that lost its lock, reads what lies behind.
            cursor.last_sequence_id = max(cursor.last_sequence_id, events[-1].sequence_id)
            cursor.last_event_at = max(filter(None, [cursor.last_event_at, events[-1].created_at]))
        cursor.polled_at = now
        cursor.heard_at = now if new else cursor.heard_at
        cursor.overlap_at = now if is_overlap_done else cursor.overlap_at
        cursor.error = ""
        cursor.save(
            update_fields=[
                "last_sequence_id",
                "last_event_at",
                "polled_at",
                "heard_at",
                "overlap_at",
                "error",
            ]
        )
        crash_point("poll.before_commit")
    crash_point("poll.after_commit")
    return len(new)


def _heard(event: Event, *, client_id: str) -> Heard:
    is_about_people = event.event_type.startswith(("user/", "listing/"))
    return Heard(
        event_id=event.id,
        sequence_id=event.sequence_id,
        event_type=event.event_type,
        resource_id=event.resource_id,
        client_id=uuid_or_none(event.client_id),
        payload=_without_private_data(event) if is_about_people else event.raw,
        created_at=event.created_at,
        is_echo=is_own_echo(event, client_id=client_id),
    )


def _without_private_data(event: Event) -> dict[str, object]:
    """Of users and listings we keep what decides about paying; their private data are nobody's business here."""
    attributes = (event.resource or {}).get("attributes")
    facts = attributes if isinstance(attributes, dict) else {}
    kept = {name: facts[name] for name in ("state", "banned", "deleted", "stripeConnected") if name in facts}
    return {"id": str(event.id), "attributes": {"resource": {"attributes": kept}}}


def _learn_users(events: Iterable[Event], new: set[UUID], marketplace: Marketplace) -> None:
    found = []
    for event in events:
        if event.id not in new or not event.event_type.startswith("user/"):
            continue
        try:
            user = None if event.resource is None else parse_user(event.resource)
        except FlexBadAnswer as error:
            log.warning("user_unreadable", user=str(event.resource_id), reason=str(error))
            continue
        found.append(Learned(event.resource_id, user, event.created_at))
    profiles.learn(found, marketplace_id=marketplace.pk)


def _check_marketplace(page: EventPage, marketplace: Marketplace) -> None:
    strangers = {event.marketplace_id for event in page.events} - {marketplace.pk, None}
    if strangers:
        raise identity.WrongMarketplace(
            f"Sharetribe sent events of the marketplace {strangers.pop()} to the poller of {marketplace.pk}."
        )


def _cursor(marketplace: Marketplace) -> FlexCursor:
    return FlexCursor.objects.get_or_create(marketplace=marketplace)[0]


def _overlap_is_due(cursor: FlexCursor, now: datetime) -> bool:
    """Tell whether events came since the overlap was last read to the end after they had settled."""
    if cursor.heard_at is None or not cursor.last_sequence_id:
        return False
    if cursor.overlap_at is None:
        return True
    is_settled = cursor.overlap_at >= cursor.heard_at + SETTLED_AFTER
    return not is_settled and now >= cursor.overlap_at + SETTLED_AFTER


def _overlap_start(cursor: FlexCursor) -> int:
    """Give the id from which some hundred events are read once more.

    They are counted in events of ours: the ids have gaps, since other marketplaces use the same sequence.
    """
    earlier = (
        FlexEvent.objects.filter(
            marketplace=cursor.marketplace_id,
            sequence_id__lte=cursor.last_sequence_id,
            event_type__in=EVENT_TYPES,
        )
        .order_by("-sequence_id")
        .values_list("sequence_id", flat=True)[
            settings.POLL_OVERLAP_EVENTS : settings.POLL_OVERLAP_EVENTS + 1
        ]
    )
    # Fewer events than that: from where the first query started.
    return next(iter(earlier), 0)


def _note_success(walk: _Walk) -> float:
    cursor = _cursor(walk.marketplace)
    shortest, longest = settings.POLL_SHORTEST_S, settings.POLL_LONGEST_S
    before = max(cursor.interval_seconds, shortest)
    cursor.interval_seconds = shortest if walk.heard else min(before * 2, longest)
    cursor.save(update_fields=["interval_seconds"])
    _beat(
        walk.now,
        {"heard": walk.heard, "cursor": cursor.last_sequence_id, "interval": cursor.interval_seconds},
    )
    return float(cursor.interval_seconds)


def _note_failure(sentence: str, *, now: datetime) -> float:
    # A failing poller is alive, and says what fails: a missing heartbeat would have the cluster restarted.
    _beat(now, {"error": sentence})
    FlexCursor.objects.update(error=sentence, interval_seconds=settings.POLL_LONGEST_S)
    return float(settings.POLL_LONGEST_S)


def _beat(now: datetime, detail: dict[str, object]) -> None:
    Heartbeat.objects.update_or_create(name="poller", defaults={"at": now, "detail": detail})
