"""dj-stripe's tables come from a dump where a database is made again and again, and are the very same."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from payments.stripe import schema
from tests import djstripe_schema
from tests.chaos.backups import printed_by


def test_the_dump_stands_for_the_migrations_that_are_installed():
    """If not: `python -m tests.djstripe_schema`."""
    installed = [name for app, name in MigrationLoader(None).disk_migrations if app == schema.APP]
    assert list(schema.stands_for()) == sorted(installed)


@pytest.mark.django_db
def test_a_migrated_database_is_left_alone():
    assert not schema.load_where_missing(connection)


def test_real_money_is_migrated_for_real(settings):
    settings.ENVIRONMENT = "live"
    with pytest.raises(CommandError, match="run migrate"):
        call_command("quick_migrate")


@pytest.mark.slow
def test_the_dump_is_what_the_migrations_make(superuser_url):
    with (
        djstripe_schema.migrated(superuser_url, command="migrate") as real,
        djstripe_schema.migrated(superuser_url, command="quick_migrate") as quick,
    ):
        assert djstripe_schema.dump(real) == schema.FILE.read_text(encoding="utf-8")
        schemas = [
            printed_by("pg_dump", "--schema-only", "--restrict-key", "x", url) for url in (real, quick)
        ]
        assert schemas[0] == schemas[1]
        for table, columns in {
            "django_migrations": "app, name",
            "django_content_type": "app_label, model",
            "auth_permission": "codename, name",
        }.items():
            assert djstripe_schema.rows(real, table, columns) == djstripe_schema.rows(quick, table, columns)
