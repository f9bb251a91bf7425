"""Find out what a restored database has forgotten, before it may send again."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.utils.dateparse import parse_datetime

from flexsync.restoring import find_strangers
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.sharetribe import FlexError
from payouts.errors import DomainError
from payouts.providers.base import ProviderError
from payouts.restore import after_restore


class Command(BaseCommand):
    """`manage.py after_restore [--stopped-at ISO]`."""

    help = (
        "After a restore or failover: reads every provider's own list since a day before the last known commit and"
        " every open transaction, puts before people what this database does not know, and accepts it for sending."
        " Stop every process that still works on the lost database first. Exit 1 while it is not accepted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """This will take the options."""
        parser.add_argument(
            "--stopped-at",
            help="When the lost database certainly sent nothing any more (ISO time with zone); without it, when the"
            " change was first noticed.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """This will do it, and say what was found."""
        stopped = None
        if options["stopped_at"]:
            stopped = parse_datetime(options["stopped_at"])
            if stopped is None or stopped.tzinfo is None:
                raise CommandError(
                    "--stopped-at is an ISO time with its zone, such as 2026-01-31T00:00:00+00:00."
                )
        try:
            outcome = after_restore(
                by=f"after_restore by {getpass.getuser()}",
                witness=find_strangers,
                stopped_at=stopped,
                now=database_now(connection),
            )
        except (ProviderError, DomainError, FlexError) as error:
            raise CommandError(str(error), returncode=2) from error
        for sentence in outcome.sentences:
            self.stdout.write(sentence)
        sys.exit(0 if outcome.accepted else 1)
