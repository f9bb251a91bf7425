"""Marks opening items as paid by hand, from a file."""

from __future__ import annotations

import io
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.roles import NotAllowed
from marketplace_payouts.lib.clock import utc_now
from payouts import opening
from payouts.errors import DomainError

_LARGEST = 20 * 1024 * 1024


class Command(BaseCommand):
    help = "Mark the opening items of transactions as paid by hand: a CSV transaction_id[,paid_at,reference]."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """This will declare the options."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--as",
            dest="who",
            required=True,
            metavar="EMAIL",
            help="The member of staff who says that it was paid.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """This will take over the whole file, or nothing of it."""
        by = User.objects.filter(email=options["who"].strip().lower()).first()
        if by is None:
            raise CommandError(f"There is no member of staff {options['who']}.")
        try:
            paid = opening.read_paid(_lines(options["file"]))
            outcome = opening.mark_paid(by=by, paid=paid, now=utc_now())
        except NotAllowed as error:
            raise CommandError(str(error)) from None
        except DomainError as error:
            raise CommandError(f"Nothing was marked.\n{error}") from None
        for name, sentence in outcome.refused:
            self.stdout.write(f"{name}: {sentence}")
        self.stdout.write(f"{len(outcome.done)} transactions are marked as paid by hand.")


def _lines(path: Path) -> Iterable[str]:
    try:
        if path.stat().st_size > _LARGEST:
            raise CommandError(f"{path} is larger than {_LARGEST // 1024 // 1024} MB.")
        return io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
