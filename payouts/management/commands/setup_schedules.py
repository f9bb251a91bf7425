"""Set the tasks that come round."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from marketplace_payouts.lib.clock import utc_now
from payouts import schedules


class Command(BaseCommand):
    """`manage.py setup_schedules`; `migrate` does the same."""

    help = "Sets the tasks that come round; doing it twice changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        """This will set them and name them."""
        names = schedules.set_up(now=utc_now())
        self.stdout.write(f"Set: {', '.join(names)}.")
