"""What the queue calls. Each only says that there may be work; losing or doubling one changes latency alone."""

from __future__ import annotations

from typing import Final

from django.db import connection

from flexsync import poller, profiles, resync, user_telling
from marketplace_payouts.lib.clock import database_now

# Each ends well before the queue's timeout; the poller leaves a gap in which its successor starts.
_POLL_SECONDS: Final = 55.0
_RESYNC_SECONDS: Final = 200.0


def poll() -> int:
    """This will hear what is new, and go on listening for most of a minute."""
    return poller.poll(limit_seconds=_POLL_SECONDS, now=database_now(connection))


def read_profiles(limit: int = 100) -> int:
    """This will read what is not known of payees yet."""
    return profiles.read_profiles(limit=limit, now=database_now(connection))


def daily_resync() -> int:
    """This will look for what events did not bring."""
    return resync.resync_lately(now=database_now(connection), limit_seconds=_RESYNC_SECONDS).stored


def tell_users() -> int:
    """This will have Sharetribe's users told what no message was about."""
    return user_telling.stage_news(now=database_now(connection))
