"""The app that holds the others together: system checks, and the tasks that come round."""

from __future__ import annotations

import gc
from typing import Any

from django.apps import AppConfig, apps
from django.db import connections
from django.db.models.signals import post_migrate


class ProductConfig(AppConfig):
    """No models, no rules of business."""

    name = "marketplace_payouts"
    verbose_name = "Marketplace Payouts"

    def ready(self) -> None:
        """This will register the checks, and have the tasks that come round set whenever the tables are migrated."""
        from marketplace_payouts import checks
        from marketplace_payouts.lib import database

        database.speed_up()
        checks.register_all()
        # A stage makes thousands of objects at a time that go when they are let go: looking through them for circles,
        # and through all that was imported, took a quarter of its time.
        gc.freeze()
        gc.set_threshold(50_000, 10, 10)
        post_migrate.connect(_set_schedules, sender=apps.get_app_config("django_q"), dispatch_uid="schedules")


def _set_schedules(*, using: str, **_more: Any) -> None:
    from marketplace_payouts.lib.clock import utc_now
    from payouts import schedules

    # Migrations may stop half-way, or go backwards.
    if "django_q_schedule" in connections[using].introspection.table_names():
        schedules.set_up(now=utc_now())
