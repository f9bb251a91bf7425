"""How much may leave through a provider within 24 hours, in all and to one destination: counted under one lock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import connection
from django.db.models import Q, Sum

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.locks import wait_for
from payouts.models import Attempt, AttemptState, Payout
from payouts.providers import registry

_DAY: Final = timedelta(days=1)
_LOOK_AGAIN: Final = timedelta(minutes=1)


def fit(payouts: Sequence[Payout], *, now: datetime) -> list[Payout]:
    """This will say which of these, all of one provider and currency, may go today; the others are looked at later.

    It must be called inside the transaction that commits them: senders count one after the other.
    """
    if not payouts:
        return []
    name, currency = payouts[0].provider, payouts[0].sent_currency
    capabilities = registry.get(name).capabilities
    day = capabilities.daily_caps.get(currency)
    each = capabilities.daily_caps_per_destination.get(currency)
    if day is None and each is None:
        return list(payouts)
    wait_for(f"day limits:{name}:{currency}")
    gone = _sent(name, currency)
    total = sum(gone.values())
    fitting, late = [], []
    for payout in payouts:
        units, place = int(payout.sent_units), payout.method.fingerprint
        is_over = day is not None and total + units > day
        is_over_there = each is not None and gone[place] + units > each
        if is_over or is_over_there:
            late.append({"id": payout.pk, "next_at": now + _LOOK_AGAIN, "blocked_by": "caps"})
            continue
        total += units
        gone[place] += units
        fitting.append(payout)
    rowsets.update(Payout, late)
    return fitting


def _sent(provider: str, currency: str) -> Counter[str]:
    """What left, or may have left, within the last day, by destination; also of what was committed before."""
    since = database_now(connection) - _DAY
    attempts = Attempt.objects.filter(
        Q(created_at__gt=since) | Q(batch__last_sent_at__gt=since), provider=provider, currency=currency
    ).exclude(state__in=(AttemptState.REFUSED, AttemptState.ABSENT))
    rows = attempts.values_list("destination").annotate(units=Sum("units"))
    return Counter({destination: int(units) for destination, units in rows})
