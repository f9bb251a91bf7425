"""Hears Sharetribe's events, once or until interrupted."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flexsync import poller
from marketplace_payouts.lib.clock import utc_now
from payouts.models import Heartbeat

_ROUND_S = 300.0
# While another poller works, ours has nothing to do and must not spin.
_PAUSE_S = 5.0


class Command(BaseCommand):
    help = "Store Sharetribe's new events: once with --once, else until interrupted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will declare the options."""
        parser.add_argument("--once", action="store_true", help="Stop at the newest event.")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will listen."""
        if options["once"]:
            try:
                heard = poller.poll_alone(limit_seconds=0, now=utc_now())
            except poller.PolledElsewhere as error:
                raise CommandError(str(error)) from None
            beat = Heartbeat.objects.filter(name="poller").first()
            if beat is not None and "error" in beat.detail:
                raise CommandError(beat.detail["error"])
            self.stdout.write(f"{heard} new events.")
            return
        try:
            while True:
                heard = poller.poll(limit_seconds=_ROUND_S, now=utc_now())
                self.stdout.write(f"{heard} new events.")
                time.sleep(_PAUSE_S)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
