"""Draws the go-live line for the first time."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from flexsync import identity
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.sharetribe import FlexError
from payouts import opening
from payouts.errors import DomainError


class Command(BaseCommand):
    help = "Choose the moment from which on what becomes due is paid; what is older waits as opening items."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will declare the options."""
        parser.add_argument(
            "--at", required=True, metavar="ISO|now", help="The moment, with its time zone, or: now."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """This will draw the line."""
        now = utc_now()
        at = now if options["at"] == "now" else _moment(options["at"])
        try:
            identity.confirm()
            released = opening.choose_go_live(at=at, now=now)
        except (DomainError, FlexError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"What becomes due from {at:%Y-%m-%d %H:%M:%S %Z} on is paid.")
        if released:
            self.stdout.write(f"{released} items that were heard before are no opening items any more.")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text} is not an ISO time such as 2026-01-31T00:00:00+00:00.") from None
    if moment.tzinfo is None:
        raise CommandError("The moment needs its time zone, such as 2026-01-31T00:00:00+00:00.")
    return moment
