"""Migrate a database that is made again and again: of the demo, of the tests, of a measurement."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections

from payments.stripe import schema


class Command(migrate.Command):
    """`manage.py quick_migrate`: as `migrate`, and dj-stripe's tables come from a dump."""

    help = (
        "As migrate, with dj-stripe's tables from a dump: for the demo and the tests, never for real money."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """This will load the dump where dj-stripe has no tables yet, and migrate whatever is left."""
        if settings.ENVIRONMENT == "live":
            raise CommandError("Where ENVIRONMENT is live, run migrate.", returncode=2)
        schema.load_where_missing(connections[options["database"]])
        super().handle(*args, **options)
