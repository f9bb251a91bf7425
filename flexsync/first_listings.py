"""Who offers something with a price for the first time may get an account at Stripe unasked, where that is set up.

Hearing of the listing only notes who it was; a stage decides, once for each user. Whoever gets none, because Stripe
does not serve their country or because nobody knows it, may still ask for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts import visits
from accounts.errors import NotAllowedHere, NotNow
from accounts.models import Marketplace
from flexsync import calls, identity
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7, uuid_or_none
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.pool import run_all
from marketplace_payouts.lib.sharetribe import Event, FlexError, FlexNotFound, User
from payments import sellers
from payments.errors import NotTaken
from payments.models import FirstListing
from payments.stripe import config
from payments.stripe.errors import StripeProblem, StripeRefused

log = logger(__name__)

EVENT_TYPES: Final = ("listing/created", "listing/updated")
_CLAIM: Final = timedelta(minutes=5)
_FIRST_WAIT: Final = timedelta(seconds=30)
_TRIES: Final = 12
_WORKERS: Final = 4


@dataclass(frozen=True, slots=True)
class _Decided:
    """What was done for a user, or why not; with `again` it is tried once more."""

    outcome: str
    again: bool = False


def is_on() -> bool:
    """This will say whether accounts are made unasked."""
    return bool(settings.STRIPE_SELLERS["at_first_listing"]) and config.is_on()


def note(events: Iterable[Event], *, marketplace_id: UUID, now: datetime) -> None:
    """This will note who offers something with a price and was never noted before, in the caller's transaction."""
    found: dict[UUID, UUID] = {}
    for event in events:
        if event.event_type in EVENT_TYPES and (author := _author_of_sellable(event.resource)) is not None:
            found.setdefault(author, event.resource_id)
    rows = [
        FirstListing.new(
            id=uuid7(),
            marketplace_id=marketplace_id,
            flex_user_id=author,
            listing_id=found[author],
            seen_at=now,
            next_at=now,
        )
        for author in sorted(found)
    ]
    rowsets.insert(FirstListing, rows, on_conflict="(marketplace_id, flex_user_id) DO NOTHING")


def open_accounts(*, limit: int, now: datetime) -> int:
    """This will decide of up to `limit` users who were noted, and give of how many it did."""
    if not is_on():
        return 0
    rows = _claim(limit, now=now)
    if not rows:
        return 0
    marketplace = identity.confirm()
    decided: dict[UUID, _Decided] = {}

    def decide(row: FirstListing) -> None:
        decided[row.pk] = _decide(row, marketplace)

    run_all(decide, rows, workers=_WORKERS)
    _record(rows, decided, now=now)
    calls.flush(today=now.date())
    return sum(not one.again for one in decided.values())


def _claim(limit: int, *, now: datetime) -> list[FirstListing]:
    with transaction.atomic():
        due = FirstListing.objects.filter(next_at__lte=now).order_by("next_at", "id")
        rows = list(due.select_for_update(skip_locked=True)[:limit])
        FirstListing.objects.filter(pk__in=[row.pk for row in rows]).update(next_at=now + _CLAIM)
        crash_point("stripe_first.before_claim")
    crash_point("stripe_first.after_claim")
    return rows


def _decide(row: FirstListing, marketplace: Marketplace) -> _Decided:
    try:
        found = _read(row.flex_user_id)
        country = _country_of(found)
        if not country:
            where = settings.STRIPE_SELLERS["country_field"]
            return _Decided(f"Nothing: their profile names no country under {where}.")
        person = visits.visitor(marketplace=marketplace, flex_user_id=row.flex_user_id)
        _seller, is_new = sellers.open_account(user=person, country=country, email=found.email)
    except (FlexNotFound, NotAllowedHere, NotTaken, StripeRefused) as error:
        return _Decided(f"Nothing: {error}")
    except (FlexError, NotNow, StripeProblem) as error:
        log.warning("first_listing_undecided", user=str(row.flex_user_id), reason=str(error))
        return _Decided(str(error), again=row.tries + 1 < _TRIES)
    return _Decided("An account was made." if is_new else "Nothing: there is an account already.")


def _read(flex_user_id: UUID) -> User:
    crash_point("stripe_first.before_call")
    found = calls.client().user(flex_user_id)
    crash_point("stripe_first.after_call")
    return found


def _record(rows: Sequence[FirstListing], decided: Mapping[UUID, _Decided], *, now: datetime) -> None:
    changes = [
        {
            "id": row.pk,
            "next_at": now + _FIRST_WAIT * 2 ** min(row.tries, 9) if decided[row.pk].again else None,
            "tries": row.tries + 1,
            "outcome": decided[row.pk].outcome[:1000],
        }
        for row in rows
    ]
    rowsets.update(FirstListing, changes)
    crash_point("stripe_first.after_record")


def _author_of_sellable(resource: object) -> UUID | None:
    """Sellable is what is published, is not deleted, and has a price above nothing."""
    listing = _part(resource)
    facts = _part(listing.get("attributes"))
    amount = _part(facts.get("price")).get("amount")
    if facts.get("state") != "published" or facts.get("deleted") is True:
        return None
    if not isinstance(amount, int | float) or amount <= 0:
        return None
    author = _part(_part(_part(listing.get("relationships")).get("author")).get("data"))
    return uuid_or_none(str(author.get("id") or ""))


def _country_of(user: User) -> str:
    """What is no two letters is no country."""
    value: Any = _part(_part(user.raw.get("attributes")).get("profile"))
    for name in settings.STRIPE_SELLERS["country_field"].split("."):
        value = value.get(name) if isinstance(value, dict) else None
    text = value.strip().upper() if isinstance(value, str) else ""
    return text if len(text) == 2 and text.isascii() and text.isalpha() else ""


def _part(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
