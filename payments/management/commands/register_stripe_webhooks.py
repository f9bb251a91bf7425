"""Have Stripe deliver its events to us: two endpoints, of our own account and of connected ones."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.shared_state import NotGranted
from payments.stripe import endpoints
from payments.stripe.errors import StripeOff, StripeProblem


class Command(BaseCommand):
    """`manage.py register_stripe_webhooks [--rotate [--at-once]]`."""

    help = "Makes both webhook endpoints at Stripe and keeps their secrets; run again it puts right what differs."

    def add_arguments(self, parser: CommandParser) -> None:
        """This will take how to replace them."""
        parser.add_argument(
            "--rotate",
            action="store_true",
            help="Replace both, for new secrets; the old ones go on for four days, until this is run again.",
        )
        parser.add_argument(
            "--at-once", action="store_true", help="Remove what is replaced at once: a secret got out."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """This will say of each endpoint what was done."""
        if options["at_once"] and not options["rotate"]:
            raise CommandError("--at-once goes with --rotate.", returncode=2)
        try:
            for done in endpoints.register(
                now=database_now(connection), rotate=options["rotate"], at_once=options["at_once"]
            ):
                self.stdout.write(f"{done.kind:<9} {done.id}  {done.sentence}.")
        except StripeOff as error:
            raise CommandError(str(error), returncode=2) from None
        except NotGranted:
            raise CommandError("Somebody else is at it: run this again later.", returncode=2) from None
        except StripeProblem as error:
            raise CommandError(f"{error} What stands above was done; run this again.") from error
