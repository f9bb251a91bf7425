"""Take in what Stripe's webhooks did not bring."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from marketplace_payouts.lib.clock import database_now
from payments.stripe import catching_up
from payments.stripe.config import config
from payments.stripe.errors import StripeOff, StripeProblem


class Command(BaseCommand):
    """`manage.py catch_up_stripe [--days N]`."""

    help = "Asks Stripe for events that its webhooks did not bring, of our own account and of connected ones."

    def add_arguments(self, parser: CommandParser) -> None:
        """This will take how far back to ask."""
        parser.add_argument(
            "--days", type=int, default=3, help="How many days back, up to 30; 3 if not given."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """This will store what is missing; the stage works it off."""
        if not 1 <= options["days"] <= 30:
            raise CommandError("--days is from 1 to 30: Stripe keeps events no longer.", returncode=2)
        now = database_now(connection)
        try:
            config()
            new = catching_up.catch_up(since=now - timedelta(days=options["days"]), now=now, everybody=True)
        except StripeOff as error:
            raise CommandError(str(error), returncode=2) from None
        except StripeProblem as error:
            raise CommandError(f"{error} What was listed before stays; run this again.") from error
        told = "1 event was missing; it is" if new == 1 else f"{new:,} events were missing; they are"
        self.stdout.write(f"{told} worked off within a minute.")
