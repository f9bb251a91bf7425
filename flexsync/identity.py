"""Which marketplace our credentials belong to, and that this database is that marketplace's.

Sharetribe has one host for live, test and development marketplaces alike, so the credentials alone decide.
"""

from __future__ import annotations

import time
from typing import Final
from uuid import UUID

from django.conf import settings

from accounts.models import Marketplace
from flexsync import calls
from marketplace_payouts.lib.currencies import SHARETRIBE_DEFAULT_EXPONENTS
from payouts.errors import DomainError

_ASK_AGAIN_S: Final = 3600.0

_confirmed: dict[tuple[str, str], tuple[UUID, float]] = {}


class WrongMarketplace(DomainError):
    """These credentials belong to another marketplace, or environment, than this database."""


def confirm(*, patience_s: float | None = None) -> Marketplace:
    """This will give our marketplace, having made sure that the credentials belong to it; asks once an hour.

    The first time, with an empty database, it learns the marketplace from Sharetribe. `patience_s` is for somebody
    who waits for the answer.

    :raises WrongMarketplace: when they belong to another one, or live and test are mixed.
    :raises Unconfigured: when credentials are missing.
    :raises FlexError: when Sharetribe does not say.
    """
    ours = Marketplace.objects.first()
    if ours is not None:
        _same_environment(ours)
    key = (settings.FLEX_BASE_URL, settings.FLEX_CLIENT_ID)
    known, until = _confirmed.get(key, (None, 0.0))
    if ours is not None and known == ours.pk and time.monotonic() < until:
        return ours
    shown = calls.client().marketplace_show(patience_s=patience_s)
    if ours is None:
        ours = _learn(shown.id, shown.name)
    if ours.pk != shown.id:
        raise WrongMarketplace(
            f"This database belongs to the marketplace {ours} ({ours.pk}), but FLEX_CLIENT_ID belongs to "
            f"{shown.name or 'a marketplace without a name'} ({shown.id}). Use the other one's database, or its "
            "credentials."
        )
    if ours.client_id != settings.FLEX_CLIENT_ID or (shown.name and ours.name != shown.name):
        ours.client_id, ours.name = settings.FLEX_CLIENT_ID, (shown.name or ours.name)[:200]
        ours.save(update_fields=["client_id", "name"])
    _confirmed[key] = (shown.id, time.monotonic() + _ASK_AGAIN_S)
    return ours


def _same_environment(ours: Marketplace) -> None:
    if ours.environment != settings.ENVIRONMENT:
        raise WrongMarketplace(
            f"This database was set up for the {ours.environment} marketplace {ours.name}, but ENVIRONMENT says "
            f"{settings.ENVIRONMENT}. Live and test never share a database."
        )


def _learn(marketplace_id: UUID, name: str) -> Marketplace:
    """Make the marketplace's row. Two that do so at once make the same one."""
    made, _is_new = Marketplace.objects.get_or_create(
        id=marketplace_id,
        defaults={
            "name": (name or str(marketplace_id))[:200],
            "environment": settings.ENVIRONMENT,
            "client_id": settings.FLEX_CLIENT_ID,
            "time_zone": settings.BUSINESS_TIME_ZONE,
            "exponents": dict(SHARETRIBE_DEFAULT_EXPONENTS),
        },
    )
    return made
