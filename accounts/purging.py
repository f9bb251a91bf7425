"""What callers leave behind and nobody needs any more: sessions that are over, ids and tokens that are long stale."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Model

from accounts.models import ApiSession, EntryCode, SharetribeToken, SignedMessage
from marketplace_payouts.lib import standard_webhooks

_AT_ONCE: Final = 5000
# Long enough to be looked at after something happened; they open nothing any more.
_SESSIONS_KEPT: Final = timedelta(days=30)
# Far longer than a signature is taken for, whatever the clocks of machines say.
_IDS_KEPT: Final = timedelta(days=1)
# Longer than any access token of Sharetribe lasts: one that was forgotten would count as new.
_TOKENS_KEPT: Final = timedelta(days=30)
# They are good for minutes; whoever guessed at one is looked for the same day.
_CODES_KEPT: Final = timedelta(days=1)

assert _IDS_KEPT > 2 * standard_webhooks.TOLERANCE


def purge(*, now: datetime) -> int:
    """This will remove what is past its time, and give how many rows that were."""
    removed = _older(ApiSession, "expires_at", than=now - _SESSIONS_KEPT)
    removed += _older(SignedMessage, "seen_at", than=now - _IDS_KEPT)
    removed += _older(SharetribeToken, "seen_at", than=now - _TOKENS_KEPT)
    removed += _older(EntryCode, "asked_at", than=now - _CODES_KEPT)
    removed += _older(Session, "expire_date", than=now)
    _drop_full_buckets()
    return removed


def _older(model: type[Model], column: str, *, than: datetime) -> int:
    total = 0
    while True:
        rows = model._default_manager.filter(**{f"{column}__lt": than}).order_by(column)
        found, _by_model = model._default_manager.filter(
            pk__in=list(rows.values_list("pk", flat=True)[:_AT_ONCE])
        ).delete()
        total += found
        if found < _AT_ONCE:
            return total


def _drop_full_buckets() -> None:
    """A bucket that is full again is as good as none, and every caller and address leaves one."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM lib_token_bucket WHERE free_at < clock_timestamp()")
