"""Reads sellers' accounts and buyers' customers from Stripe again, and records what it says of them.

A webhook only says which one to look at; a seller who comes back from Stripe's form waits for the answer. Whoever
reads, records here: of two readings the one that began later counts, in whatever order they are recorded.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid4

from django.db import connection, transaction

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.http import Answer
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.pool import run_all
from payments import customers, verification
from payments.models import Buyer, Seller
from payments.models.people import AtStripe
from payments.stripe import client
from payments.stripe.client import READERS, Question
from payments.stripe.config import is_on
from payments.stripe.errors import OUT_OF_REACH, StripeKeyRefused, StripeUnavailable
from payments.stripe.events import Look

log = logger(__name__)

_CLAIM: Final = timedelta(minutes=5)
_FIRST_WAIT: Final = timedelta(seconds=15)
_LONGEST_WAIT: Final = timedelta(hours=1)
_VERIFIED_FOR: Final = timedelta(days=1)
"""After so long a verified seller is read again without any webhook: one that was lost must not count for ever."""
_TROUBLE: Final = (StripeUnavailable, StripeKeyRefused)

MODELS: Final[Mapping[Look, type[AtStripe]]] = MappingProxyType({Look.ACCOUNT: Seller, Look.CUSTOMER: Buyer})
_EXPANDED: Final = (("expand[]", customers.DEFAULT_METHOD),)


@dataclass(frozen=True, slots=True)
class Said:
    """What Stripe said of somebody's object; nothing where it is gone, or its owner took our access away."""

    row_id: UUID
    at: datetime
    """When Stripe was asked, by the database's clock."""
    found: Mapping[str, Any] | None
    claimed: datetime | None = None
    """Of a reading by the stage: what it claimed the row with."""


def read_again(*, limit: int, now: datetime) -> int:
    """This will read up to `limit` of each kind that are to be read again; gives how many it is done with."""
    if not is_on():
        return 0
    return sum(_read_again(model, limit=limit, now=now) for model in MODELS.values())


def look_again(ids: Mapping[Look, Collection[str]], *, now: datetime) -> None:
    """This will have these objects of Stripe's, where they are somebody's, read again; in the caller's transaction."""
    for look, model in MODELS.items():
        if ids.get(look):
            rows = model._default_manager.filter(stripe_id__in=ids[look]).order_by("pk").select_for_update()
            found = list(rows.values_list("pk", flat=True))
            model._default_manager.filter(pk__in=found).update(next_at=now, tries=0)


def ask(row: AtStripe) -> Said:
    """This will read somebody's object at Stripe.

    :raises StripeProblem: when Stripe does not say.
    """
    return _ask(row, at=database_now(connection))


def record(model: type[AtStripe], said: Sequence[Said]) -> None:
    """This will record what Stripe said of these, as far as nothing newer is recorded."""
    with transaction.atomic():
        rows = (
            model._default_manager.filter(pk__in=[one.row_id for one in said])
            .order_by("pk")
            .select_for_update()
        )
        by_id = {row.pk: row for row in rows}
        changes = [_change(by_id[one.row_id], one) for one in said if one.row_id in by_id]
        rowsets.update(model, changes)
        crash_point("stripe_people.before_commit")
    crash_point("stripe_people.after_commit")


def forget(seller: Seller) -> None:
    """This will let go of an account that is out of our reach, so that another one can be made; seller locked."""
    values = _unmade() | {"state": Seller.State.NEW, "read_at": None}
    for name, value in values.items():
        setattr(seller, name, value)
    seller.save(update_fields=list(values))


def _read_again(model: type[AtStripe], *, limit: int, now: datetime) -> int:
    until = now + _CLAIM
    rows = _claim(model, limit, until=until, now=now)
    if not rows:
        return 0
    start, clock = database_now(connection), time.monotonic()
    said: list[Said] = []
    failed: dict[UUID, str] = {}

    def ask_one(row: AtStripe) -> None:
        try:
            at = start + timedelta(seconds=time.monotonic() - clock)
            said.append(_ask(row, at=at, claimed=until))
        except _TROUBLE as error:
            failed[row.pk] = str(error)

    run_all(ask_one, rows, workers=READERS)
    record(model, said)
    _put_off(model, [row for row in rows if row.pk in failed], failed, now=now)
    return len(said)


def _claim(model: type[AtStripe], limit: int, *, until: datetime, now: datetime) -> list[AtStripe]:
    """Pushed ahead before it is read, so that one that kills the worker cannot starve the others."""
    with transaction.atomic():
        due = model._default_manager.filter(next_at__lte=now).exclude(stripe_id="").order_by("next_at", "id")
        rows = list(due.select_for_update(skip_locked=True)[:limit])
        model._default_manager.filter(pk__in=[row.pk for row in rows]).update(next_at=until)
        crash_point("stripe_people.before_claim")
    crash_point("stripe_people.after_claim")
    return rows


def _ask(row: AtStripe, *, at: datetime, claimed: datetime | None = None) -> Said:
    answer = _read(row)
    body: Any = answer.json()
    if answer.status >= 300 and (body.get("error") or {}).get("code") not in OUT_OF_REACH:
        raise StripeUnavailable(f"Stripe answered with status {answer.status}.", may_have_acted=False)
    is_there = answer.status < 300 and body.get("deleted") is not True
    return Said(row.pk, at, body if is_there else None, claimed)


def _read(row: AtStripe) -> Answer:
    for question in _questions(row):
        crash_point("stripe_people.before_call")
        answer = client.read(question)
        crash_point("stripe_people.after_call")
        if answer.status != 400:
            break
    return answer


def _questions(row: AtStripe) -> Sequence[Question]:
    """What to ask, and where Stripe does not take it: of one who was deleted there is nothing to expand."""
    if isinstance(row, Seller):
        return [Question(f"/v1/accounts/{row.stripe_id}")]
    path = f"/v1/customers/{row.stripe_id}"
    return [Question(path, _EXPANDED), Question(path)]


def _put_off(
    model: type[AtStripe], rows: Sequence[AtStripe], failed: Mapping[UUID, str], *, now: datetime
) -> None:
    if not rows:
        return
    log.warning("stripe_people_unread", count=len(rows), reason=failed[rows[0].pk])
    waits = {row.pk: min(_FIRST_WAIT * 2 ** min(row.tries, 10), _LONGEST_WAIT) for row in rows}
    changes = [
        {"id": row.pk, "next_at": now + waits[row.pk], "tries": row.tries + 1, "error": failed[row.pk][:500]}
        for row in rows
    ]
    rowsets.update(model, changes)
    crash_point("stripe_people.after_note")


# --------------------------------------------------------------------------------- what a word of Stripe's changes


def _change(row: AtStripe, said: Said) -> dict[str, Any]:
    """Give the columns as they are from now on; the same ones for every row."""
    is_old = row.read_at is not None and said.at < row.read_at
    change = _columns(row) if is_old else _columns(row) | _news(row, said)
    # Who wanted it read while it was being read wants it read once more.
    if said.claimed is not None and row.next_at == said.claimed:
        change["next_at"] = said.at + _VERIFIED_FOR if change.get("verified_at") else None
    return change


def _columns(row: AtStripe) -> dict[str, Any]:
    change = {"id": row.pk, "stripe_id": row.stripe_id, "shown": row.shown, "read_at": row.read_at}
    change |= {"next_at": row.next_at, "tries": row.tries, "error": row.error}
    change |= {
        "key": row.key,
        "asked": row.asked,
        "asked_at": row.asked_at,
        "asked_last_at": row.asked_last_at,
    }
    if isinstance(row, Seller):
        change |= {"state": row.state, "verified_at": row.verified_at, "verification": row.verification}
        change |= {"lost_at": row.lost_at, "news_at": row.news_at}
    return change


def _news(row: AtStripe, said: Said) -> dict[str, Any]:
    news: dict[str, Any] = {"read_at": said.at, "tries": 0, "error": ""}
    if not row.stripe_id and said.found is not None:
        news["stripe_id"] = said.found["id"]
    if isinstance(row, Seller):
        return news | _news_of_seller(row, said)
    if said.found is None:
        # Somebody deleted it at Stripe, for good: the next time it is needed another one is made.
        return news | _unmade()
    return news | {"shown": customers.shown(said.found)}


def _unmade() -> dict[str, Any]:
    return {
        "stripe_id": "",
        "shown": {},
        "key": uuid4(),
        "asked": {},
        "asked_at": None,
        "asked_last_at": None,
        "next_at": None,
    }


def _news_of_seller(row: Seller, said: Said) -> dict[str, Any]:
    if said.found is None:
        state, shown = Seller.State.GONE, row.shown
    else:
        reading = verification.read(said.found)
        state, shown = reading.state, reading.shown
    news: dict[str, Any] = {"state": str(state), "shown": shown}
    if not row.stripe_id:
        # It was just made; of what changed before we knew its id no webhook could tell us.
        news["next_at"] = said.at
    if state is Seller.State.VERIFIED and row.verified_at is None:
        log.info("seller_verified", seller=str(row.pk))
        news |= {"verified_at": said.at, "verification": uuid7(), "news_at": said.at}
    elif state is not Seller.State.VERIFIED and row.verified_at is not None:
        log.info("seller_unverified", seller=str(row.pk), state=str(state))
        news |= {"verified_at": None, "verification": None, "lost_at": said.at, "news_at": said.at}
    return news
