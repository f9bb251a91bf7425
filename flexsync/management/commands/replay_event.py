"""Interprets a transaction once more, or takes back one that was put aside."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flexsync import replaying, resync
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.sharetribe import FlexError
from payouts.errors import DomainError


class Command(BaseCommand):
    help = "Interpret a transaction again from all that is stored of it; put aside or not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will declare the options."""
        parser.add_argument("id", help="A transaction's id, an event's id, or an event's sequence id.")
        parser.add_argument(
            "--read",
            action="store_true",
            help="Read the transaction in Sharetribe first: heals an unreadable event.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """This will replay and say how the transaction stands."""
        now = utc_now()
        try:
            source = replaying.find(options["id"])
            if options["read"]:
                resync.resync_one(reference=source.reference, now=now)
            source = replaying.replay(source_id=source.pk, now=now)
        except (FlexError, DomainError) as error:
            raise CommandError(str(error)) from None
        if source.error:
            raise CommandError(f"{source.reference}: {source.error}")
        due = f"due by {source.trigger}" if source.trigger else "not due"
        self.stdout.write(f"{source.reference}: {source.last_transition}, {due}.")
