"""Our two webhook endpoints at Stripe: made, held as they should be, replaced, and their secrets kept.

Stripe tells an endpoint's secret once, in the answer to its making. Where that was lost the endpoint is of no use any
more: another one is made, and then the lost one goes. Read 2026-11: https://docs.stripe.com/api/webhook_endpoints
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import stripe
from django.conf import settings
from django.db import transaction
from djstripe.models import WebhookEndpoint

from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.shared_state import shared_lock
from payments.stripe import secrets
from payments.stripe.client import asking
from payments.stripe.config import config, is_on
from payments.stripe.events import Endpoint, heard_at

OVERLAP: Final = timedelta(days=4)
"""How long a replaced endpoint goes on taking deliveries: Stripe tries one that failed again for three days."""

_KIND: Final = "marketplace_payouts_endpoint"
_UNTIL: Final = "marketplace_payouts_until"
_PATH: Final = "/stripe/webhook/"


@dataclass(frozen=True, slots=True)
class Done:
    """What was done about one endpoint, as a sentence."""

    kind: str
    id: str
    sentence: str


@dataclass(slots=True)
class _Standing:
    """What Stripe has of one kind of endpoint."""

    kind: Endpoint
    current: stripe.WebhookEndpoint | None = None
    former: list[stripe.WebhookEndpoint] = field(default_factory=list)
    lost: list[stripe.WebhookEndpoint] = field(default_factory=list)
    """Ours, but we do not have their secret."""


def kind_of(metadata: Mapping[str, str] | None) -> str:
    """This will say which of our two endpoints it is, or nothing where somebody else made it."""
    return (metadata or {}).get(_KIND, "")


def until_of(metadata: Mapping[str, str] | None) -> datetime | None:
    """This will give until when a replaced endpoint goes on."""
    text = (metadata or {}).get(_UNTIL)
    return datetime.fromisoformat(text) if text else None


def address(endpoint: UUID) -> str:
    """This will give the address with the part that nobody can guess."""
    return f"{settings.PUBLIC_URL}{_PATH}{endpoint}/"


def register(*, now: datetime, rotate: bool = False, at_once: bool = False) -> Iterator[Done]:
    """This will have both endpoints stand at Stripe as they should, and say of each what was done.

    Doing it twice changes nothing. With `rotate` both are replaced: the old ones go on for `OVERLAP`, so that nothing
    is lost that is under way, or go `at_once`, where a secret got out.

    :raises StripeProblem: when Stripe refuses something or cannot be asked; what was done before stays.
    :raises NotGranted: when somebody else is at it.
    """
    with shared_lock("stripe endpoints", wait_s=0):
        standing = _standing()
        yield from _forget_those_not_at_stripe(standing)
        for one in standing:
            yield from _register_one(one, rotate=rotate, at_once=at_once, now=now)


def are_missing() -> bool:
    """This will say whether Stripe is on and tells us nothing."""
    return is_on() and not WebhookEndpoint.objects.exists()


def seal_secrets_anew(key_id: str) -> int:
    """This will seal every secret under the newest key, which has this id, and give how many were not.

    :raises CryptoError: when one cannot be opened.
    """
    with transaction.atomic():
        rows = WebhookEndpoint.objects.select_for_update().exclude(secret="").order_by("pk")
        stale = [row for row in rows if not secrets.is_under(key_id, row.secret)]
        for row in stale:
            secret = secrets.open_sealed(row.secret, endpoint=row.djstripe_uuid)
            row.secret = secrets.seal(secret, endpoint=row.djstripe_uuid)
            row.save(update_fields=["secret"])
    return len(stale)


def _register_one(standing: _Standing, *, rotate: bool, at_once: bool, now: datetime) -> Iterator[Done]:
    current = standing.current
    # In which version of the API its events are written, Stripe fixes at the making.
    is_outdated = current is not None and current.api_version != config().api_version
    if current is None or rotate or is_outdated:
        yield _make(standing.kind)
        standing.former += [current] if current is not None else []
    else:
        yield _hold(standing.kind, current)
    for one in standing.lost:
        yield _remove(standing.kind, one, "its secret was lost")
    for one in standing.former:
        until = until_of(_metadata(one))
        if at_once or (until is not None and until <= now):
            yield _remove(standing.kind, one, "replaced")
        else:
            yield _let_go_on(standing.kind, one, until=until or now + OVERLAP)


def _standing() -> Sequence[_Standing]:
    """Look through what Stripe has, and sort out what is ours."""
    found = {kind: _Standing(kind) for kind in Endpoint}
    secret_known = {row.id for row in WebhookEndpoint.objects.all() if _can_be_opened(row)}
    with asking("list its webhook endpoints") as client:
        listed = list(client.v1.webhook_endpoints.list({"limit": 100}).auto_paging_iter())
    for one in sorted(listed, key=lambda each: each.created, reverse=True):
        kind = kind_of(_metadata(one))
        # Another installation may share the account: its endpoints are at another address, and not in our table.
        is_ours = one.id in secret_known or one.url.startswith(settings.PUBLIC_URL + _PATH)
        if kind in found and is_ours:
            _sort_in(found[Endpoint(kind)], one, is_known=one.id in secret_known)
    return list(found.values())


def _sort_in(standing: _Standing, one: stripe.WebhookEndpoint, *, is_known: bool) -> None:
    if not is_known:
        standing.lost.append(one)
    elif standing.current is None and until_of(_metadata(one)) is None:
        standing.current = one
    else:
        standing.former.append(one)


def _metadata(one: stripe.WebhookEndpoint) -> Mapping[str, str]:
    found: Mapping[str, str] = one.to_dict().get("metadata") or {}
    return found


def _can_be_opened(row: Any) -> bool:
    try:
        return bool(secrets.open_sealed(row.secret, endpoint=row.djstripe_uuid))
    except crypto.CryptoError:
        return False


def _make(kind: Endpoint) -> Done:
    uuid = uuid4()
    terms: Any = {
        "url": address(uuid),
        "enabled_events": heard_at(kind),
        "connect": kind is Endpoint.CONNECT,
        "api_version": config().api_version,
        "description": f"Marketplace Payouts: {kind}",
        "metadata": {_KIND: str(kind), "djstripe_uuid": str(uuid)},
    }
    with asking(f"make the webhook endpoint ({kind})") as client:
        made = client.v1.webhook_endpoints.create(terms, {"idempotency_key": f"webhook-endpoint-{uuid}"})
    _keep(made, uuid=uuid)
    return Done(kind, made.id, f"made, at {made.url}")


def _keep(made: stripe.WebhookEndpoint, *, uuid: UUID) -> None:
    """Keep it as dj-stripe does, but for its secret, which dj-stripe would have in clear, twice."""
    told = {name: value for name, value in made.to_dict().items() if name != "secret"}
    WebhookEndpoint.objects.create(
        id=made.id,
        djstripe_uuid=uuid,
        secret=secrets.seal(str(made.secret), endpoint=uuid),
        stripe_data=told,
        created=datetime.fromtimestamp(made.created, tz=UTC),
        **{name: told[name] or "" for name in ("url", "status", "api_version", "application")},
        **{name: told[name] for name in ("livemode", "enabled_events", "metadata")},
    )


def _hold(kind: Endpoint, one: stripe.WebhookEndpoint) -> Done:
    """Put right what differs from how it should be."""
    uuid = WebhookEndpoint.objects.values_list("djstripe_uuid", flat=True).get(id=one.id)
    differs: list[str] = []
    if one.url != address(uuid):
        differs.append("its address")
    if sorted(one.enabled_events) != heard_at(kind):
        differs.append("its events")
    if one.status != "enabled":
        differs.append("that it was disabled")
    if not differs:
        return Done(kind, one.id, f"stands, at {one.url}")
    _change(one, {"url": address(uuid), "enabled_events": heard_at(kind), "disabled": False})
    return Done(kind, one.id, f"put right: {', '.join(differs)}")


def _let_go_on(kind: Endpoint, one: stripe.WebhookEndpoint, *, until: datetime) -> Done:
    if until_of(_metadata(one)) is None:
        _change(one, {"metadata": {_UNTIL: until.isoformat(timespec="seconds")}})
    return Done(kind, one.id, f"replaced; goes on until {until:%Y-%m-%d}, then run this again")


def _change(one: stripe.WebhookEndpoint, change: Any) -> None:
    with asking("change the webhook endpoint") as client:
        changed = client.v1.webhook_endpoints.update(one.id, change)
    told = changed.to_dict()
    WebhookEndpoint.objects.filter(id=one.id).update(
        stripe_data=told, **{name: told[name] for name in ("url", "status", "enabled_events", "metadata")}
    )


def _remove(kind: Endpoint, one: stripe.WebhookEndpoint, why: str) -> Done:
    with asking("remove the webhook endpoint") as client:
        client.v1.webhook_endpoints.delete(one.id)
    WebhookEndpoint.objects.filter(id=one.id).delete()
    return Done(kind, one.id, f"removed: {why}")


def _forget_those_not_at_stripe(standing: Sequence[_Standing]) -> Iterator[Done]:
    listed = {
        one.id for each in standing for one in (each.current, *each.former, *each.lost) if one is not None
    }
    for row in WebhookEndpoint.objects.exclude(id__in=listed):
        if kind := kind_of(row.metadata):
            row.delete()
            yield Done(kind, row.id, "forgotten: Stripe does not have it any more")
