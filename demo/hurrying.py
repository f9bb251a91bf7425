"""Asking the cluster to look more often than once a minute, because somebody watches.

It says only what anybody may say at any time: "there may be work". What is done then, and whether it may be done, is
the cluster's business.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from django_q.models import OrmQ
from django_q.tasks import async_task

from payouts import kicks

_WORK_EVERY_S = 1.5
_POLL_EVERY_S = 5.0
_PROFILES_EVERY_S = 10.0
_ENOUGH = 3


@dataclass(slots=True)
class Hurry:
    """Says so now and then, and not while the queue is full of it."""

    _worked: float = 0.0
    _polled: float = 0.0
    _read: float = 0.0

    def tick(self) -> None:
        """Say what it is time to say."""
        now = time.monotonic()
        if OrmQ.objects.count() >= _ENOUGH:
            return
        if now - self._worked > _WORK_EVERY_S:
            self._worked = now
            kicks.kick("count")
        if now - self._polled > _POLL_EVERY_S:
            self._polled = now
            async_task("flexsync.tasks.poll", q_options={"task_name": "poll", "group": "demo"})
        if now - self._read > _PROFILES_EVERY_S:
            self._read = now
            async_task("flexsync.tasks.read_profiles", q_options={"task_name": "profiles", "group": "demo"})
