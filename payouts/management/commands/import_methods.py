"""Takes payout methods from a CSV file as requests, which another person seconds in the admin."""

from __future__ import annotations

import csv
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import Marketplace, Payee, User
from accounts.roles import NotAllowed
from marketplace_payouts.lib.clock import utc_now
from payouts import requests
from payouts.errors import DomainError
from payouts.providers import registry

_COLUMNS = ("flex_user_id", "provider")


class Command(BaseCommand):
    """`import_methods FILE --as EMAIL`: all lines or none."""

    help = (
        "Read payout methods from a CSV file with the columns flex_user_id, provider, then what the provider"
        " needs (paypal: email or paypal_id), and optionally name and checked (what was checked; without it the"
        " payee gets a link by e-mail). Each line becomes a request that another person seconds."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--as", dest="email", required=True, help="Who makes the requests: staff's e-mail address."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the requests, or say what is wrong with which line."""
        by = User.objects.filter(email=options["email"].lower(), is_staff=True).first()
        if by is None:
            raise CommandError(f"There is no member of staff {options['email']}.")
        marketplace = Marketplace.objects.first()
        if marketplace is None:
            raise CommandError("No marketplace is known yet: run check_flex, which reads it from Sharetribe.")
        rows = _read(options["file"])
        problems: list[str] = []
        with transaction.atomic():
            for line, row in rows:
                try:
                    with transaction.atomic():
                        _request(row, by=by, marketplace=marketplace)
                except (DomainError, NotAllowed, ValueError) as error:
                    problems.append(f"Line {line}: {error}")
            if problems:
                raise CommandError("\n".join(["Nothing was imported.", *problems]))
        self.stdout.write(f"{len(rows)} requests made; another person seconds them in the admin.")


def _read(path: Path) -> list[tuple[int, Mapping[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise CommandError(f"The file has no column {' and no column '.join(missing)}.")
            return [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None


def _request(row: Mapping[str, str], *, by: User, marketplace: Marketplace) -> None:
    cells = {name: (value or "").strip() for name, value in row.items() if name}
    try:
        user_id = UUID(cells["flex_user_id"])
    except ValueError:
        raise ValueError(f"{cells['flex_user_id']!r} is no Sharetribe user id.") from None
    if cells["provider"] not in {**registry.PROVIDERS, **registry.available()}:
        raise ValueError(f"There is no provider {cells['provider']!r}.")
    payee, _ = Payee.objects.get_or_create(
        marketplace=marketplace, flex_user_id=user_id, defaults={"name": cells.get("name", "")[:200]}
    )
    known = {*_COLUMNS, "name", "checked"}
    requests.make(
        act="method_add",
        by=by,
        payload={
            "payee": str(payee.pk),
            "provider": cells["provider"],
            "checked": cells.get("checked", ""),
        },
        secret={name: value for name, value in cells.items() if name not in known and value},
        reason="Imported from a file.",
        now=utc_now(),
    )
