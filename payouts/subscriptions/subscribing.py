"""What staff do with subscriptions; each act is kept with who did it, and when."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.roles import require
from marketplace_payouts.lib import standard_webhooks
from marketplace_payouts.lib.http import BadBaseUrl, ForbiddenAddress, check_base_url
from marketplace_payouts.lib.http.base_urls import is_loopback_host
from marketplace_payouts.lib.http.connections import judge_address
from marketplace_payouts.lib.ids import uuid7
from payouts import incarnation, kicks
from payouts.errors import Refused
from payouts.models import WebhookMessage, WebhookSubscription, WebhookSubscriptionChange
from payouts.outcomes import Done
from payouts.subscriptions import signing
from payouts.subscriptions.events import EVENTS, TEST

NEEDS: Final = "act_webhooks"
MOST: Final = 10
"""How many there may be that have not ended: each is called by a thread, and each makes a row of each piece of news."""
LONGEST_OVERLAP: Final = timedelta(days=7)
_What = WebhookSubscriptionChange.What


def add(*, by: User, url: str, description: str, types: Sequence[str], now: datetime) -> WebhookSubscription:
    """This will make a subscription, which hears of what happens from now on.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises Refused: when its address is none that we may talk to, is subscribed already, or there are too many.
    """
    require(by, NEEDS)
    if WebhookSubscription.objects.filter(ended_at__isnull=True).count() >= MOST:
        raise Refused(f"There are {MOST} already: end one that is not needed any more.")
    made = WebhookSubscription(
        id=uuid7(),
        url=_checked_url(url),
        description=_checked_description(description),
        types=_checked_types(types),
        environment=settings.ENVIRONMENT,
        made_by=by,
        made_at=now,
        hears_since=now,
    )
    made.secret = signing.seal(standard_webhooks.new_secret(), made)
    # Known before it holds anything that could be told: a copy of it will be seen to be one.
    incarnation.begin()
    _save(
        made, what=_What.MADE, note=f"{made.shown_url}: {', '.join(made.types)}", by=by, now=now, is_new=True
    )
    return made


def change(
    *, by: User, subscription_id: UUID, url: str, description: str, types: Sequence[str], now: datetime
) -> Done:
    """This will give a subscription another address, description or choice of news.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises Refused: as `add` does.
    """
    require(by, NEEDS)
    with transaction.atomic():
        row = _lock(subscription_id)
        row.url, row.description = _checked_url(url), _checked_description(description)
        if (wanted := _checked_types(types)) != list(row.types):
            row.types, row.hears_since = wanted, now
        note = f"{row.shown_url}: {', '.join(row.types)}"
        _save(row, what=_What.CHANGED, note=note, by=by, now=now)
    return Done(done=[row.description])


def rotate(*, by: User, subscription_id: UUID, overlap: timedelta, now: datetime) -> Done:
    """This will give a subscription a new secret; for as long as said, messages are signed with the former one as well.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises Refused: when the overlap is longer than a week, or the subscription has ended.
    """
    require(by, NEEDS)
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise Refused(f"Both sign for {LONGEST_OVERLAP.days} days at most.")
    with transaction.atomic():
        row = _lock(subscription_id)
        row.former_secret, row.former_until = (row.secret, now + overlap) if overlap else (None, None)
        row.secret = signing.seal(standard_webhooks.new_secret(), row)
        note = f"The former one signs until {row.former_until:%Y-%m-%d %H:%M %Z}." if overlap else ""
        _save(row, what=_What.ROTATED, note=note, by=by, now=now)
    return Done(done=[row.description])


def reveal(*, by: User, subscription_id: UUID, now: datetime) -> str:
    """This will give a subscription's secret, and keep who looked at it.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises CryptoError: when it cannot be opened.
    """
    require(by, NEEDS)
    with transaction.atomic():
        row = _lock(subscription_id)
        secret, *_ = signing.secrets_of(row, now=now)
        _note(row, _What.REVEALED, by=by, now=now)
    return secret


def switch_off(*, by: User, subscription_ids: Sequence[UUID], reason: str, now: datetime) -> Done:
    """This will send nothing more; what happens meanwhile waits, for as long as messages are kept.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises Refused: when no reason is given.
    """
    require(by, NEEDS)
    if not reason.strip():
        raise Refused("Say why it is switched off.")
    outcome = Done()
    with transaction.atomic():
        for row in _lock_all(subscription_ids):
            if row.off_at is not None:
                outcome.refuse(row.description, "It is off already.")
                continue
            row.off_at, row.off_why, row.off_by = now, reason.strip(), by
            _save(row, what=_What.OFF, note=row.off_why, by=by, now=now)
            outcome.done.append(row.description)
    return outcome


def switch_on(*, by: User, subscription_ids: Sequence[UUID], now: datetime) -> Done:
    """This will send again, and at once what was not delivered: what waited, and what was given up.

    In a copy of the database in another environment it is this act that lets it tell anybody.

    :raises NotAllowed: when the person's roles do not cover it.
    """
    require(by, NEEDS)
    outcome = Done()
    with transaction.atomic():
        for row in _lock_all(subscription_ids):
            if row.off_at is None and row.environment == settings.ENVIRONMENT:
                outcome.refuse(row.description, "It is on already.")
                continue
            row.off_at, row.off_why, row.off_by = None, "", None
            row.environment = settings.ENVIRONMENT
            row.failures, row.failing_since, row.rest_until = 0, None, None
            _save(row, what=_What.ON, by=by, now=now)
            undelivered = WebhookMessage.objects.filter(subscription=row, delivered_at__isnull=True)
            undelivered.update(next_at=now, given_up_at=None, tries=0)
            outcome.done.append(row.description)
        kicks.kick("deliver")
    return outcome


def end(*, by: User, subscription_ids: Sequence[UUID], reason: str, now: datetime) -> Done:
    """This will end subscriptions for ever; what they were not sent yet is given up.

    :raises NotAllowed: when the person's roles do not cover it.
    """
    require(by, NEEDS)
    outcome = Done()
    with transaction.atomic():
        for row in _lock_all(subscription_ids):
            row.ended_at = now
            _save(row, what=_What.ENDED, note=reason.strip(), by=by, now=now)
            waiting = WebhookMessage.objects.filter(subscription=row, next_at__isnull=False)
            waiting.update(next_at=None, given_up_at=now, error="The subscription was ended.")
            outcome.done.append(row.description)
    return outcome


def test(*, by: User, subscription_ids: Sequence[UUID], now: datetime) -> Done:
    """This will send each a message of the type `webhook.test`, whatever it has subscribed to.

    :raises NotAllowed: when the person's roles do not cover it.
    """
    require(by, NEEDS)
    outcome = Done()
    with transaction.atomic():
        for row in _lock_all(subscription_ids):
            if row.off_at is not None:
                outcome.refuse(row.description, "It is off: switch it on first.")
                continue
            WebhookMessage.objects.create(
                id=uuid7(),
                subscription=row,
                type=TEST,
                source=row.pk,
                subject=row.pk,
                happened_at=now,
                next_at=now,
            )
            WebhookSubscription.objects.filter(pk=row.pk).update(rest_until=None)
            _note(row, _What.TESTED, by=by, now=now)
            outcome.done.append(row.description)
        kicks.kick("deliver")
    return outcome


def _lock(subscription_id: UUID) -> WebhookSubscription:
    rows = _lock_all([subscription_id])
    if not rows:
        raise Refused("It has ended: add another.")
    return rows[0]


def _lock_all(ids: Sequence[UUID]) -> list[WebhookSubscription]:
    """Those that have not ended, in the order of their ids."""
    rows = WebhookSubscription.objects.filter(pk__in=ids, ended_at__isnull=True)
    return list(rows.order_by("pk").select_for_update(no_key=True))


def _save(
    row: WebhookSubscription, *, what: str, by: User, now: datetime, note: str = "", is_new: bool = False
) -> None:
    try:
        with transaction.atomic():
            row.save(force_insert=is_new)
            _note(row, what, note=note, by=by, now=now)
    except IntegrityError as error:
        if "payouts_webhooksubscription_url" not in str(error):
            raise
        raise Refused("This address is subscribed already: change that subscription instead.") from None


def _note(row: WebhookSubscription, what: str, *, by: User, now: datetime, note: str = "") -> None:
    WebhookSubscriptionChange.objects.create(subscription=row, what=what, note=note, by=by, at=now)


def _checked_url(url: str) -> str:
    """What may not be called at all is refused at once; where a name leads is judged at each connection."""
    try:
        clean = check_base_url(url, allow_loopback_http=settings.LOOPBACK_HTTP, allow_path=True)
        host = urlsplit(clean).hostname or ""
        if is_loopback_host(host) and not settings.LOOPBACK_HTTP:
            raise ForbiddenAddress("It leads to this very machine.")
        if not is_loopback_host(host) and _is_literal(host):
            judge_address(host, loopback_only=False, allow_private=False)
    except (BadBaseUrl, ForbiddenAddress) as error:
        raise Refused(f"This address cannot be subscribed. {error} Give a public https address.") from None
    return clean


def _is_literal(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _checked_description(description: str) -> str:
    clean = description.strip()
    if not clean or len(clean) > 120:
        raise Refused("Say in a few words whose address it is.")
    return clean


def _checked_types(types: Sequence[str]) -> list[str]:
    if unknown := sorted(set(types) - EVENTS.keys()):
        raise Refused(f"There is no such news: {', '.join(unknown)}. There is {', '.join(EVENTS)}.")
    if not types:
        raise Refused("Choose at least one kind of news.")
    return [name for name in EVENTS if name in types]
