"""Ask the database whether every promise is kept."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from marketplace_payouts.lib.clock import database_now
from payouts.invariants import running
from payouts.management.commands._reporting import finish


class Command(BaseCommand):
    """`manage.py check_invariants [--full] [--only-look]`."""

    help = (
        "Asks whether every promise is kept: of what changed lately, or of everything. Exit 1 if one is not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """This will take the options."""
        parser.add_argument(
            "--full", action="store_true", help="Ask of everything, not only of what changed."
        )
        parser.add_argument("--only-look", action="store_true", help="Open no incident and tell nobody.")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will ask, act on it, and print the answers."""
        now = database_now(connection)
        if options["only_look"]:
            asked = running.check(since=None, now=now)
        else:
            asked = running.check_and_act(full=options["full"], now=now)
        finish(running.report(asked), self.stdout)
