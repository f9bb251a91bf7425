"""Stage 9, tell: staged messages are handed to their handlers, at least once, each until it is done or dead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.logs import logger
from payouts import counting, incarnation, method_changes, readiness, taking_back, verification
from payouts.models import OutboxMessage
from payouts.notices import staging

log = logger(__name__)

Handler = Callable[..., Mapping[UUID, str | None]]
"""handler(*, messages, now) → message id → None when told, or why not; what is missing counts as not told."""

WRITE_BACK = "write_back"
"""What is written on the Sharetribe transaction of its payout."""
KEPT_BACK: Final = (
    WRITE_BACK,
    counting.TELL,
    readiness.TELL,
    staging.MESSAGE,
    verification.ASK,
    method_changes.KIND,
    staging.ANSWER,
    taking_back.MESSAGE,
)
"""What a database that is not accepted tells nobody: another may have told it, or know better (paid it, say)."""
CLAIM = timedelta(minutes=5)
"""How long one worker alone tells a message."""
_TRIES = 20


def tell(*, limit: int, now: datetime) -> int:
    """This will tell up to `limit` messages; gives how many were told.

    A message is pushed ahead before it is told, so that one which kills the worker cannot starve the others, and
    counted, so that it dies after its last try and stands before a person. A database that was restored writes nothing
    back, and to no payee: what it forgot stands on the transactions, and is a witness until it is accepted.
    """
    messages = _claim(limit, now=now)
    by_kind: dict[str, list[OutboxMessage]] = defaultdict(list)
    for message in messages:
        by_kind[message.kind].append(message)
    told = 0
    for kind, group in by_kind.items():
        crash_point("tell.before_call")
        results = _hand_over(kind, group, now=now)
        crash_point("tell.after_call")
        told += _mark(group, results, now=now)
        crash_point("tell.after_commit")
    return told


def _claim(limit: int, *, now: datetime) -> list[OutboxMessage]:
    kept_back = () if incarnation.is_accepted() else KEPT_BACK
    with transaction.atomic():
        messages = list(
            OutboxMessage.objects.filter(next_at__lte=now)
            .exclude(kind__in=kept_back)
            .order_by("next_at", "id")
            .select_for_update(skip_locked=True)[:limit]
        )
        rowsets.update(
            OutboxMessage,
            [
                {"id": m.pk, "created_at": m.created_at, "next_at": now + CLAIM, "tries": m.tries + 1}
                for m in messages
            ],
            match=("id", "created_at"),
        )
        crash_point("tell.before_claim")
    crash_point("tell.after_claim")
    return messages


def _hand_over(kind: str, messages: Sequence[OutboxMessage], *, now: datetime) -> Mapping[UUID, str | None]:
    path = settings.OUTBOX_HANDLERS.get(kind)
    if path is None:
        return {message.pk: f"No handler is set up for {kind}." for message in messages}
    handler: Handler = import_string(path)
    try:
        return handler(messages=messages, now=now)
    except Exception as error:
        log.exception("handler_failed", kind=kind)
        return {message.pk: f"{type(error).__name__}: {error}" for message in messages}


def _mark(messages: Sequence[OutboxMessage], results: Mapping[UUID, str | None], *, now: datetime) -> int:
    rows = []
    for message in messages:
        error = results.get(message.pk, "The handler did not say.")
        dead = error is not None and message.tries + 1 >= _TRIES
        wait = min(timedelta(seconds=5) * 2 ** min(message.tries, 12), timedelta(hours=1))
        rows.append(
            {
                "id": message.pk,
                "created_at": message.created_at,
                "next_at": None if error is None or dead else now + wait,
                "done_at": now if error is None else None,
                "dead_at": now if dead else None,
                "error": error or "",
            }
        )
    rowsets.update(OutboxMessage, rows, match=("id", "created_at"))
    return sum(row["error"] == "" for row in rows)


def replay(message: OutboxMessage, *, now: datetime) -> None:
    """This will let a dead message be told again."""
    OutboxMessage.objects.filter(pk=message.pk, created_at=message.created_at).update(
        next_at=now, dead_at=None, done_at=None, tries=0
    )
