"""Compare the three books."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils.dateparse import parse_datetime

from marketplace_payouts.lib.clock import database_now
from payouts import three_books
from payouts.management.commands._reporting import finish


class Command(BaseCommand):
    """`manage.py check_ledger [--offline] [--since ISO]`."""

    help = "Compares what is owed, what the ledger says and what the providers list. Exit 1 if they disagree."

    def add_arguments(self, parser: CommandParser) -> None:
        """This will take the options."""
        parser.add_argument("--offline", action="store_true", help="Leave out the providers' own lists.")
        parser.add_argument("--since", help="Compare the providers' lists from this ISO time on.")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will compare, and print the answers."""
        since = parse_datetime(options["since"]) if options["since"] else None
        if options["since"] and (since is None or since.tzinfo is None):
            raise CommandError("--since is an ISO time with its zone, such as 2026-01-31T00:00:00+00:00.")
        finish(
            three_books.check(now=database_now(connection), since=since, offline=options["offline"]),
            self.stdout,
        )
