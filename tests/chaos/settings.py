"""The tests' settings for the real processes of a storm; a clock that runs wrongly, and crash points that strike."""

import os
import time
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from marketplace_payouts.lib import clock

# Before anybody has imported the clock by name. (libfaketime breaks either every sleep or the monotonic clock.)
if _ahead := float(os.environ.get("CHAOS_AHEAD_S", "0")):
    _time = time.time
    clock.utc_now = lambda: datetime.now(UTC) + timedelta(seconds=_ahead)
    timezone.now = lambda: datetime.now(UTC) + timedelta(seconds=_ahead)
    time.time = lambda: _time() + _ahead

from tests.chaos import times
from tests.settings import *  # noqa: F403 - see above

# Of the database's time, which goes several times as fast.
SEND_LEASE = timedelta(seconds=times.SEND_LEASE_S)
INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.doom.Doomed"]  # noqa: F405 - from the settings above
LOGGING["root"]["level"] = "INFO"  # type: ignore[index]  # noqa: F405
