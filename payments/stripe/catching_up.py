"""Asks Stripe for events that its webhooks did not bring: we were away for days, or it switched an endpoint off.

Stripe keeps events for thirty days. What is known already is stored no second time, so that any stretch may be asked
for, as often as wanted.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Final

from djstripe.models import Account, APIKey

from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.pool import run_all
from payments.stripe import inbox
from payments.stripe.client import READERS, asking
from payments.stripe.config import config, is_on
from payments.stripe.errors import StripeForbidden
from payments.stripe.events import EVENTS, Endpoint

log = logger(__name__)

OF_OURS: Final = timedelta(hours=6)
OF_EVERYBODY: Final = timedelta(days=3)
"""How far back is asked for by itself, on our own account and on connected ones."""

_OWN: Final = ""


def catch_up(*, since: datetime, now: datetime, everybody: bool) -> int:
    """This will store what happened since then and is not here yet; gives how many events there are to work off.

    On our own account, and with `everybody` on each connected one that we know.

    :raises StripeProblem: when Stripe cannot be asked; what was listed before stays.
    """
    if not is_on():
        return 0
    accounts = [_OWN, *(_connected() if everybody else ())]
    new: list[int] = []
    run_all(lambda account: new.append(_catch_up(account, since=since, now=now)), accounts, workers=READERS)
    log.info("stripe_events_asked_for", accounts=len(accounts), new=sum(new))
    return sum(new)


def _connected() -> list[str]:
    ours = APIKey.objects.exclude(djstripe_owner_account=None).values("djstripe_owner_account")
    return list(Account.objects.exclude(id__in=ours).order_by("id").values_list("id", flat=True))


def _catch_up(account: str, *, since: datetime, now: datetime) -> int:
    where = Endpoint.PLATFORM if account == _OWN else Endpoint.CONNECT
    options: Any = {"stripe_account": account} if account else {}
    terms: Any = {"created": {"gte": int(since.timestamp())}, "limit": 100}
    crash_point("stripe_list.before_call")
    try:
        with asking("list its events") as client:
            listed = [
                one.to_dict(for_json=True) for one in client.v1.events.list(terms, options).auto_paging_iter()
            ]
    except StripeForbidden:
        return 0  # the account left us
    crash_point("stripe_list.after_call")
    whose = {"account": account} if account else {}
    heard = [one | whose for one in listed if one["type"] in EVENTS and where in EVENTS[one["type"]].at]
    return inbox.store([(one, json.dumps(one)) for one in heard], is_live=config().is_live, now=now)
