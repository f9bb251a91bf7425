"""Ask whether the product is alive and keeps up."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from payouts import health
from payouts.management.commands._reporting import finish
from payouts.reports import Report


class Command(BaseCommand):
    """`manage.py healthcheck [--json] [--only QUESTION]`."""

    help = "Asks whether the product is alive and keeps up. Exit 1 if not; 2 where --only could not be asked."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """This will take the options."""
        parser.add_argument(
            "--json", action="store_true", help="Print JSON; otherwise a line for each question."
        )
        parser.add_argument("--only", default="", choices=["", *health.QUESTIONS], help="Only this question.")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will ask, and print the answers."""
        report = health.check(only=options["only"])
        unreachable = [check.name for check in report.checks] == ["database"]
        if options["only"] and unreachable:
            # Whoever asks one question acts on its answer, and an unreachable database is not that answer.
            self.stdout.write(report.to_json())
            sys.exit(2)
        if options["json"]:
            finish(report, self.stdout)
        self._lines(report)
        sys.exit(0 if report.ok else 1)

    def _lines(self, report: Report) -> None:
        for check in report.checks:
            facts = "; ".join(f"{key}: {value}" for row in check.rows for key, value in row.items())
            self.stdout.write(f"{'NOT OK' if check.violations else 'ok'}  {check.name}  {facts}".rstrip())
