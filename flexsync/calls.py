"""The one client of Sharetribe in this process, and the count of its calls, which cost API credits."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache

from django.db import connection

from marketplace_payouts.lib.http import BadBaseUrl
from marketplace_payouts.lib.pool import Item
from marketplace_payouts.lib.sharetribe import FlexClient, FlexConfig, configured
from payouts.errors import Unconfigured

_counted: Counter[str] = Counter()
_mutex = threading.Lock()


def client() -> FlexClient:
    """This will give the client for the settings as they are.

    :raises Unconfigured: when credentials are missing, or live and test are mixed.
    """
    try:
        return _client(configured.integration())
    except configured.NotConfigured as error:
        raise Unconfigured(str(error)) from None
    except BadBaseUrl as error:
        raise Unconfigured(f"FLEX_BASE_URL cannot be used: {error}") from None


def side_by_side(function: Callable[[Item], object], items: Sequence[Item]) -> None:
    """This will call a function that asks Sharetribe with each item, as many at once as may be, and wait for all."""
    client().side_by_side(function, items)


@lru_cache(maxsize=4)
def _client(config: FlexConfig) -> FlexClient:
    return FlexClient(config=config, on_call=_count)


def _count(kind: str) -> None:
    with _mutex:
        _counted[kind] += 1


def flush(*, today: date) -> None:
    """This will add what was counted in this process to the table, in one statement."""
    with _mutex:
        counted = dict(_counted)
        _counted.clear()
    if not counted:
        return
    kinds = sorted(counted)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO flexsync_apicalls AS a (day, kind, calls)"
            " SELECT %s, d.kind, d.calls FROM unnest(%s::text[], %s::bigint[]) AS d(kind, calls)"
            " ON CONFLICT (day, kind) DO UPDATE SET calls = a.calls + excluded.calls",
            [today, kinds, [counted[kind] for kind in kinds]],
        )
