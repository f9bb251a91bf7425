"""Finds in Sharetribe's transactions what events did not bring."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from flexsync import resync
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.sharetribe import FlexError
from payouts.errors import DomainError


class Command(BaseCommand):
    help = "Read transactions again and store those that differ from what we know; interpreting them follows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will declare the options."""
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--transaction", type=UUID, metavar="ID", help="One transaction.")
        which.add_argument("--since", type=_moment, metavar="ISO", help="All that changed since this moment.")
        which.add_argument("--all", action="store_true", help="All that there are.")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will walk."""
        now = utc_now()
        try:
            if options["transaction"]:
                found = resync.resync_one(reference=options["transaction"], now=now)
            else:
                found = resync.resync(since=options["since"], now=now)
        except (FlexError, DomainError) as error:
            raise CommandError(str(error)) from None
        unreadable = f", {found.unreadable} cannot be read" if found.unreadable else ""
        self.stdout.write(f"{found.seen} transactions seen, {found.stored} stored{unreadable}.")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ArgumentTypeError(
            f"{text} is not an ISO time with its zone, such as 2026-01-31T00:00:00+00:00."
        )
    return moment
