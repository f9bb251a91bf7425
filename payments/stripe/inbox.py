"""Stripe's webhooks: verified over the raw body, stored once per event, answered; worked off later by a stage.

dj-stripe's own view would read from Stripe before it answers, keep the body of whoever sends rubbish, and take another
secret from a header where DEBUG is on. Its table of endpoints is used, the view is not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import stripe
from django.db import transaction
from djstripe.models import WebhookEndpoint

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.ids import uuid7
from payments import reading
from payments.models import StripeDelivery
from payments.stripe import client_secrets, secrets
from payments.stripe.events import EVENTS, Look

PEOPLE_AFTER: Final = timedelta(hours=1)
"""How long a delivery may wait before it stands before a person."""

_THIN: Final = "A thin event: the endpoint at Stripe must send snapshots."
_OTHER_MODE: Final = "Of the other mode: Stripe sends test events to a live endpoint too."
_UNHEARD: Final = "Nothing here depends on it."


class NoSuchEndpoint(Exception):
    """The address is none of ours."""


class NotVerified(Exception):
    """Nobody proved that this comes from Stripe; nothing of it is stored."""


def receive(endpoint: UUID, *, body: bytes, signature: str, now: datetime) -> bool:
    """This will verify a delivery and store it, once per event; gives whether there is something new to work off.

    :raises NoSuchEndpoint: when nothing is registered under the address.
    :raises NotVerified: when it is not signed with the endpoint's secret, or long ago, or is no event.
    :raises CryptoError: when the secret cannot be opened with our keys.
    """
    crash_point("stripe_webhook.before_call")
    found = WebhookEndpoint.objects.filter(djstripe_uuid=endpoint).first()
    if found is None:
        raise NoSuchEndpoint
    text = _verified(found, body, signature)
    crash_point("stripe_webhook.after_call")
    return store([(_event(text), text)], is_live=found.livemode, now=now) > 0


def store(events: Sequence[tuple[Mapping[str, Any], str]], *, is_live: bool, now: datetime) -> int:
    """This will store events, each with its text, that are not here yet; gives how many there are to work off."""
    rows = [_delivery(event, text, is_live=is_live, now=now) for event, text in events]
    with transaction.atomic():
        new = set(rowsets.insert(StripeDelivery, rows, on_conflict="(event_id) DO NOTHING", returning="id"))
        to_work_off = [row for row in rows if row.pk in new and row.state == StripeDelivery.State.NEW]
        # Whatever becomes of the delivery itself: whom it is about is looked at.
        reading.look_again(_people(to_work_off), now=now)
        crash_point("stripe_webhook.before_commit")
    crash_point("stripe_webhook.after_commit")
    return len(to_work_off)


def work_off_again(ids: Sequence[UUID], *, now: datetime) -> Sequence[str]:
    """This will let the stage try deliveries at once that wait or were given up; gives the ids of their events."""
    states = StripeDelivery.State
    with transaction.atomic():
        rows = StripeDelivery.objects.filter(pk__in=ids, state__in=(states.NEW, states.DEAD)).order_by("pk")
        again = list(rows.select_for_update().values_list("pk", "event_id"))
        StripeDelivery.objects.filter(pk__in=[pk for pk, _ in again]).update(
            state=states.NEW, tries=0, next_at=now, person_after=now + PEOPLE_AFTER, worked_at=None
        )
    return [event_id for _, event_id in again]


def _people(rows: Sequence[StripeDelivery]) -> Mapping[Look, set[str]]:
    """Of an account the event itself says whose it is, whatever object it carries."""
    looks = [(EVENTS[row.kind].look, row) for row in rows]
    return {
        Look.ACCOUNT: {row.account for look, row in looks if look is Look.ACCOUNT and row.account},
        Look.CUSTOMER: {row.object_id for look, row in looks if look is Look.CUSTOMER and row.object_id},
    }


def _verified(endpoint: WebhookEndpoint, body: bytes, signature: str) -> str:
    secret = secrets.open_sealed(endpoint.secret, endpoint=endpoint.djstripe_uuid)
    try:
        text = body.decode()
        # The tolerance is in seconds, whatever dj-stripe's help says.
        stripe.WebhookSignature.verify_header(text, signature, secret, endpoint.djstripe_tolerance)
    except (stripe.SignatureVerificationError, UnicodeError) as error:
        raise NotVerified(str(error)) from None
    return text


def _event(text: str) -> Mapping[str, Any]:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise NotVerified("It is not JSON.") from None
    named = isinstance(event, dict) and all(
        isinstance(event.get(name), str) for name in ("id", "type", "object")
    )
    if not named:
        raise NotVerified("It is no event.")
    found: Mapping[str, Any] = event
    return found


def _delivery(event: Mapping[str, Any], text: str, *, is_live: bool, now: datetime) -> StripeDelivery:
    ignored = _why_ignored(event, is_live=is_live)
    states = StripeDelivery.State
    return StripeDelivery(
        id=uuid7(),
        event_id=event["id"][:255],
        kind=event["type"][:120],
        account=str(event.get("account") or "")[:255],
        object_id=_object_id(event)[:255],
        body=client_secrets.taken_out(text),
        state=states.IGNORED if ignored else states.NEW,
        error=ignored,
        next_at=None if ignored else now,
        person_after=None if ignored else now + PEOPLE_AFTER,
        happened_at=_moment(event.get("created")),
        received_at=now,
        worked_at=now if ignored else None,
    )


def _why_ignored(event: Mapping[str, Any], *, is_live: bool) -> str:
    if event["object"] != "event":
        return _THIN
    if event["type"] not in EVENTS:
        return _UNHEARD
    return "" if event.get("livemode") is is_live else _OTHER_MODE


def _object_id(event: Mapping[str, Any]) -> str:
    data = event.get("data")
    about = data.get("object") if isinstance(data, dict) else event.get("related_object")
    return str(about.get("id") or "") if isinstance(about, dict) else ""


def _moment(seconds: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, tz=UTC) if isinstance(seconds, int) else None
    except (OverflowError, OSError, ValueError):
        return None
