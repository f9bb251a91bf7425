"""A statement of the bank: uploaded by one person, and counting once another has seconded it.

A statement decides about money in both directions. A debit that never was would leave a payee unpaid, a return that
never was would pay them twice; and a CSV is typed in a minute. So no statement counts by one person's word.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime

from django.db import transaction

from accounts.models import User
from accounts.roles import require
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.clock import local_day
from marketplace_payouts.lib.ids import uuid7
from payouts import requests
from payouts.bank_files import importing
from payouts.bank_files.desk import account_mark
from payouts.bank_files.handing_out import NEEDS
from payouts.errors import Refused
from payouts.models import BankStatement, Request
from payouts.providers.bank_file.bank_statements import BankStatement as Read


def upload(
    *,
    by: User,
    name: str,
    body: bytes,
    reason: str,
    first_day: date | None = None,
    last_day: date | None = None,
    now: datetime,
) -> Request:
    """This will keep a statement and ask for it to be seconded; until then it changes nothing.

    Days are named where a CSV covers more of them than its entries show.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises Refused: when it cannot be read, is of another account, or was taken already.
    """
    require(by, NEEDS)
    statement = importing.read(body, first_day, last_day)
    if statement.last_day > local_day(moment=now, zone=importing.provider().settings.zone):
        raise Refused(f"The statement ends on {statement.last_day}, a day that is not over, or has not come.")
    digest = hashlib.sha256(body).digest()
    with transaction.atomic():
        row = BankStatement.objects.select_for_update().filter(sha256=digest).first()
        if row is None:
            row = _keep(statement, digest, by=by, name=name, body=body, now=now)
            row.save()
        elif row.taken_at is not None:
            raise Refused(f"This very file was taken on {row.taken_at:%Y-%m-%d}: {row}.")
        elif importing.waits(row):
            raise Refused("This very file waits to be seconded already.")
        row.imported_by, row.imported_at, row.name = by, now, name[:200]
        row.first_day, row.last_day = statement.first_day, statement.last_day
        row.save(update_fields=["imported_by", "imported_at", "name", "first_day", "last_day"])
        return requests.make(
            act=importing.ACT,
            by=by,
            subject=str(row.pk),
            payload={"statement": str(row.pk)},
            reason=reason,
            now=now,
        )


def _keep(
    statement: Read, digest: bytes, *, by: User, name: str, body: bytes, now: datetime
) -> BankStatement:
    pk = uuid7()
    return BankStatement(
        id=pk,
        name=name[:200],
        sha256=digest,
        sealed=crypto.seal(body, aad=pk.bytes),
        format=statement.format,
        account=account_mark(statement.account),
        first_day=statement.first_day,
        last_day=statement.last_day,
        currency=importing.provider().settings.currency,
        opening_units=None if statement.opening is None else statement.opening.units,
        closing_units=None if statement.closing is None else statement.closing.units,
        imported_by=by,
        imported_at=now,
    )
