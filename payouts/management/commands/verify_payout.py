"""Prove one payout from what is stored."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from marketplace_payouts.lib.clock import database_now
from payouts import proofs
from payouts.errors import Refused
from payouts.management.commands._reporting import finish


class Command(BaseCommand):
    """`manage.py verify_payout NUMBER`."""

    help = "Recomputes a payout's record, approvals, bytes and postings. Exit 1 if something does not fit."

    def add_arguments(self, parser: CommandParser) -> None:
        """This will take the number."""
        parser.add_argument("number", help="Such as PO-7K3M9-Q2XVC.")

    def handle(self, *args: Any, **options: Any) -> None:
        """This will prove it, and print the answers."""
        try:
            report = proofs.prove(number=options["number"], now=database_now(connection))
        except Refused as error:
            raise CommandError(str(error), returncode=2) from error
        finish(report, self.stdout)
