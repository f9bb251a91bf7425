"""Ask about everything open, and hold each provider's own list against our attempts."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils.dateparse import parse_datetime

from marketplace_payouts.lib.clock import database_now
from payouts.providers.base import ProviderError
from payouts.reconciling import Reconciled, reconcile_all


class Command(BaseCommand):
    """`manage.py reconcile [--provider NAME] [--since ISO]`."""

    help = "Compares each provider's own list with our attempts, both ways. Exit 1 if they contradict each other."

    def add_arguments(self, parser: CommandParser) -> None:
        """This will take the options."""
        parser.add_argument("--provider", default="", help="Only this one.")
        parser.add_argument(
            "--since", help="From this ISO time on; without it, since a day before the last time."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """This will do it, and say what was found."""
        since = parse_datetime(options["since"]) if options["since"] else None
        if options["since"] and (since is None or since.tzinfo is None):
            raise CommandError("--since is an ISO time with its zone, such as 2026-01-31T00:00:00+00:00.")
        try:
            results = reconcile_all(now=database_now(connection), since=since, only=options["provider"])
        except ProviderError as error:
            raise CommandError(str(error), returncode=2) from error
        for result in results:
            self._show(result)
        if not results:
            self.stdout.write("There is no list to compare: no provider is set up here that gives one.")
        sys.exit(1 if any(result.differences or result.error for result in results) else 0)

    def _show(self, result: Reconciled) -> None:
        if result.error:
            self.stdout.write(f"{result.provider}: the list could not be read: {result.error}")
            return
        self.stdout.write(
            f"{result.provider}: {result.lines} lines since {result.since.isoformat()}, complete up to"
            f" {result.complete_until.isoformat() if result.complete_until else 'never'}; {result.matched} attempts"
            f" matched, {len(result.differences)} contradictions, {result.opened} new incidents."
        )
        for one in result.differences:
            self.stdout.write(f"  {one.kind}: {one.sentence}")
