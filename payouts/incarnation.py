"""Which database this is: one that was restored, copied or failed over sends nothing until it is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection

from marketplace_payouts.lib.crash_points import crash_point
from payouts.models import Incarnation


@dataclass(frozen=True, slots=True)
class Identity:
    """What changes when a database is restored, copied, or promoted."""

    system_identifier: str
    timeline: int
    database_oid: int
    table_oid: int
    environment: str


# The control file learns a new timeline only with the first checkpoint after a failover, minutes later; the name of
# the file that is being written tells it at once.
IDENTITY: Final = """
    SELECT (SELECT system_identifier::text FROM pg_control_system()),
           CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
                ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END,
           (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),
           'payouts_incarnation'::regclass::oid::bigint
"""


def present() -> Identity:
    """This will read the identity of the database that we are connected to."""
    with connection.cursor() as cursor:
        cursor.execute(IDENTITY)
        system, timeline, database, table = cursor.fetchone()
    return Identity(system, timeline, database, table, settings.ENVIRONMENT)


def accepted() -> Identity | None:
    """This will give the identity that was accepted last, or None on a database that never sent."""
    row = Incarnation.objects.order_by("-accepted_at").first()
    if row is None:
        return None
    return Identity(row.system_identifier, row.timeline, row.database_oid, row.table_oid, row.environment)


def is_accepted() -> bool:
    """This will tell whether this database may send; a new one, with no payout sent, is accepted on first use."""
    known = accepted()
    if known is None:
        return _accept_new()
    return known == present()


def was_restored_since(row_id: UUID) -> bool:
    """This will tell whether the database was accepted anew after a row was made; ids rise with time."""
    return Incarnation.objects.filter(pk__gt=row_id).exists()


def begin() -> None:
    """This will make a new database known before it holds anything that may be sent.

    A backup of one that was to send for the first time would otherwise look new once more, wherever it is put back.
    """
    if accepted() is None:
        _accept_new()


def accept(*, by: str) -> Incarnation:
    """This will accept the database as it is; `after_restore` calls it when everything is accounted for."""
    now = present()
    return Incarnation.objects.create(
        system_identifier=now.system_identifier,
        timeline=now.timeline,
        database_oid=now.database_oid,
        table_oid=now.table_oid,
        environment=now.environment,
        accepted_by=by,
    )


def _accept_new() -> bool:
    """A database with attempts but without an incarnation has lost its record, and must be looked at."""
    from payouts.models import Attempt

    if Attempt.objects.exists():
        return False
    accept(by="rule:first use")
    crash_point("accept.after_commit")
    return True
