"""What Sharetribe says about a payee: name, address, whether closed, whether connected to Stripe there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from accounts.models import Payee
from flexsync import calls, identity
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.sharetribe import FlexError, FlexNotFound, User

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Learned:
    """A user as Sharetribe showed it at a moment; None for `user` means that there is no such user any more."""

    reference: UUID
    user: User | None
    at: datetime


def learn(found: Iterable[Learned], *, marketplace_id: UUID) -> None:
    """This will bring payees up to date in one statement, in the caller's transaction; what is older is passed over."""
    newest: dict[UUID, Learned] = {}
    for one in found:
        if one.reference not in newest or newest[one.reference].at <= one.at:
            newest[one.reference] = one
    if not newest:
        return
    rows = list(newest.values())
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH d AS (
                SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::boolean[], %s::boolean[], %s::text[],
                                     %s::text[])
                    AS d(reference, at, closed, stripe_connected, name, email)
            ), locked AS (
                SELECT p.id, d.* FROM accounts_payee p JOIN d ON p.flex_user_id = d.reference
                WHERE p.marketplace_id = %s AND (p.profile_read_at IS NULL OR p.profile_read_at <= d.at)
                ORDER BY p.id FOR NO KEY UPDATE OF p
            )
            UPDATE accounts_payee AS p SET
                closed = locked.closed,
                stripe_connected = coalesce(locked.stripe_connected, p.stripe_connected),
                name = coalesce(nullif(locked.name, ''), p.name),
                email = coalesce(nullif(locked.email, ''), p.email),
                profile_read_at = locked.at
            FROM locked WHERE p.id = locked.id
            """,
            [
                [row.reference for row in rows],
                [row.at for row in rows],
                [_is_closed(row.user) for row in rows],
                [row.user.stripe_connected if row.user else None for row in rows],
                [_text(row.user.display_name, 200) if row.user else "" for row in rows],
                [_text(row.user.email, 254) if row.user else "" for row in rows],
                marketplace_id,
            ],
        )


def _is_closed(user: User | None) -> bool:
    return user is None or user.deleted or user.state == "banned"


def _text(text: str, length: int) -> str:
    """PostgreSQL's text holds neither NUL nor halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:length]


def read_profiles(*, limit: int, now: datetime) -> int:
    """This will read payees from Sharetribe of whom we know nothing but their id, and give how many it read."""
    # In random order, so that some that always fail do not keep the others from their turn.
    unread = list(
        Payee.objects.filter(profile_read_at__isnull=True)
        .order_by("?")
        .values_list("flex_user_id", flat=True)[:limit]
    )
    if not unread:
        return 0
    marketplace = identity.confirm()
    learned: list[Learned] = []

    def read(reference: UUID) -> None:
        try:
            learned.append(Learned(reference, calls.client().user(reference), now))
        except FlexNotFound:
            learned.append(Learned(reference, None, now))
        except FlexError as error:
            log.warning("profile_unread", user=str(reference), reason=str(error))

    calls.side_by_side(read, unread)
    with transaction.atomic():
        learn(learned, marketplace_id=marketplace.pk)
    calls.flush(today=now.date())
    return len(learned)
