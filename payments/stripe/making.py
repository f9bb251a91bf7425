"""One object at Stripe for one row, however often it is asked for and wherever a process dies or an answer is lost.

What is asked for and the idempotency key are committed before the call. A lost answer is asked for again under the
same key, word for word. Stripe forgets keys after a day, and keeps an error of its own under a key as long as an
answer; so a key is used for a quarter of an hour only. After that Stripe's own list says whether the object was made:
the list, for the search is a minute behind. Read 2026-11: https://docs.stripe.com/api/idempotent_requests

Whoever calls holds a lock on the row's person, so that nobody else is at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final, Protocol
from uuid import uuid4

from django.db import connection, transaction

from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.logs import logger
from payments.models.intents import Intent
from payments.models.people import AtStripe
from payments.stripe.errors import StripeKeyUsed, StripeRefused, StripeUnavailable

log = logger(__name__)

OUR_ID: Final = "marketplace_payouts_id"
"""The key of an object's metadata under which our row's id stands."""
KEY_IS_GOOD_FOR: Final = timedelta(minutes=15)
SETTLED_AFTER: Final = timedelta(minutes=2)
"""After so long a call that was given up is done at Stripe or never will be; each is given up after 45 seconds."""
_CLOCKS_DIFFER: Final = timedelta(minutes=10)

Row = AtStripe | Intent
Found = Mapping[str, Any]


class Maker(Protocol):
    """How one kind of object is made and found at Stripe."""

    def create(self, asked: Mapping[str, Any], *, key: str) -> Found:
        """This will have Stripe make it."""

    def listed(self, *, created: Mapping[str, int]) -> Iterator[Found]:
        """This will list what was made in a time, `gte` and `lte` in seconds, the newest first."""


def make(row: Row, maker: Maker, *, asked: Callable[[], dict[str, Any]]) -> Found:
    """This will have the object made, unless an earlier try made it, and give it as Stripe shows it.

    `asked` is what to ask for where nothing is under way; where something is, that is asked for again. Storing the
    object's id is the caller's next step: until then all of this may be repeated.

    :raises StripeRefused: when Stripe certainly does not make it; another try may ask for something else.
    :raises StripeProblem: when it is not certain whether it was made; another try finds out.
    """
    if row.asked_at is not None and (found := _made_before(row, maker)) is not None:
        return found
    is_first_use = row.asked_at is None
    _note_use(row, asked)
    crash_point("stripe_make.before_call")
    try:
        made = maker.create(row.asked, key=str(row.key))
    except StripeKeyUsed as error:
        # Ours was used for something else: nobody knows by whom. The list will tell.
        raise StripeUnavailable(str(error), may_have_acted=True) from error
    except StripeRefused as error:
        # An earlier call under this key may have made it all the same; then only the list can tell.
        if is_first_use:
            _begin_anew(row, error=str(error))
        raise
    crash_point("stripe_make.after_call")
    return made


def _made_before(row: Row, maker: Maker) -> Found | None:
    """Look whether an earlier try made it, where its key is not to be used any more; then there is another key."""
    assert row.asked_at is not None
    assert row.asked_last_at is not None
    now = database_now(connection)
    if now < row.asked_at + KEY_IS_GOOD_FOR:
        return None
    if now < row.asked_last_at + SETTLED_AFTER:
        raise StripeUnavailable(
            "Stripe has not said yet whether it did it: try again in two minutes.", may_have_acted=True
        )
    span = {
        "gte": int((row.asked_at - _CLOCKS_DIFFER).timestamp()),
        "lte": int((row.asked_last_at + _CLOCKS_DIFFER).timestamp()),
    }
    ours = [
        one for one in maker.listed(created=span) if (one.get("metadata") or {}).get(OUR_ID) == str(row.pk)
    ]
    if len(ours) > 1:
        log.error("stripe_made_twice", row=str(row.pk), ids=[one["id"] for one in ours])
    if ours:
        return ours[-1]
    _begin_anew(row)
    return None


def _note_use(row: Row, asked: Callable[[], dict[str, Any]]) -> None:
    """Commit the key and what is asked for, before Stripe hears of either."""
    now = database_now(connection)
    if row.asked_at is None:
        row.asked, row.asked_at = asked(), now
    row.asked_last_at, row.error = now, ""
    _save(row)


def _begin_anew(row: Row, *, error: str = "") -> None:
    """Take another key: nothing was made under the former one, and nothing will be."""
    row.key, row.asked, row.asked_at, row.asked_last_at, row.error = uuid4(), {}, None, None, error[:500]
    _save(row)


def _save(row: Row) -> None:
    with transaction.atomic():
        row.save(update_fields=["key", "asked", "asked_at", "asked_last_at", "error"])
        crash_point("stripe_make.before_commit")
    crash_point("stripe_make.after_commit")
