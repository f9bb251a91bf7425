"""Seals every payout method's details anew under the newest of DETAILS_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from marketplace_payouts.lib import crypto, rowsets
from marketplace_payouts.lib.crypto import CryptoError
from payouts.models import PayoutMethod

_AT_ONCE = 500


class Command(BaseCommand):
    """`rotate_details_keys`: put the new key first in DETAILS_KEYS, run this, then take the old one away."""

    help = "Seal payout details anew under the first of DETAILS_KEYS. May be interrupted and run again."

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through all methods, those already under the newest key left alone."""
        newest = crypto.sealed_under(crypto.seal(b"", aad=b""))
        done, last = 0, None
        while True:
            rows = PayoutMethod.objects.order_by("pk")
            rows = rows.filter(pk__gt=last) if last else rows
            with transaction.atomic():
                chunk = list(rows.select_for_update()[:_AT_ONCE])
                if not chunk:
                    break
                last = chunk[-1].pk
                stale = [row for row in chunk if crypto.sealed_under(bytes(row.details)) != newest]
                rowsets.update(PayoutMethod, [{"id": row.pk, "details": _anew(row)} for row in stale])
                done += len(stale)
        self.stdout.write(f"{done} payout methods sealed under {newest}.")


def _anew(row: PayoutMethod) -> bytes:
    try:
        return crypto.seal(crypto.open(bytes(row.details), aad=row.pk.bytes), aad=row.pk.bytes)
    except CryptoError as error:
        raise CommandError(f"The details of method {row.pk} cannot be opened: {error}") from error
