"""Seals everything that is sealed under DETAILS_KEYS anew under the newest of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Model

from accounts.allauth_adapter import SECOND_FACTOR
from accounts.models import ServerKey
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.crypto import CryptoError
from payments.stripe import endpoints
from payouts.models import (
    BankEntry,
    BankStatement,
    PayoutMethod,
    Request,
    StepBody,
    WebhookDelivery,
    WebhookSubscription,
)

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Sealed:
    """Where sealed bytes stand, and what they are bound to."""

    model: type[Model]
    column: str
    aad: Callable[[Any], bytes]


SEALED = (
    Sealed(PayoutMethod, "details", lambda row: row.pk.bytes),
    Sealed(Request, "sealed", lambda row: row.pk.bytes),
    Sealed(StepBody, "sealed", lambda row: row.step_id.bytes + row.kind.encode()),
    Sealed(WebhookDelivery, "body", lambda row: row.pk.bytes),
    Sealed(ServerKey, "sealed", lambda row: row.pk.bytes),
    Sealed(BankStatement, "sealed", lambda row: row.pk.bytes),
    Sealed(BankEntry, "details", lambda row: row.pk.bytes),
    Sealed(WebhookSubscription, "secret", lambda row: row.pk.bytes),
    Sealed(WebhookSubscription, "former_secret", lambda row: row.pk.bytes),
)


class Command(BaseCommand):
    """`rotate_details_keys`: put the new key first in DETAILS_KEYS, run this, then take the old one away."""

    help = "Seal what is sealed anew under the first of DETAILS_KEYS. May be interrupted and run again."

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through all tables; what is under the newest key already is left alone."""
        newest = crypto.sealed_under(crypto.seal(b"", aad=b""))
        for sealed in SEALED:
            done = sum(iter(_Walk(sealed, newest).next_chunk, -1))
            self.stdout.write(f"{sealed.model._meta.verbose_name_plural}: {done} sealed under {newest}.")
        self.stdout.write(f"second factors: {_factors(newest)} sealed under {newest}.")
        self.stdout.write(f"secrets of Stripe's webhooks: {_endpoints(newest)} sealed under {newest}.")


@dataclass(slots=True)
class _Walk:
    """One pass over a table, in the order of its keys."""

    sealed: Sealed
    newest: str
    last: Any = None

    def next_chunk(self) -> int:
        """Seal the next rows anew and give how many were stale; -1 when none are left."""
        rows = self.sealed.model._default_manager.exclude(**{self.sealed.column: None}).order_by("pk")
        rows = rows.filter(pk__gt=self.last) if self.last else rows
        with transaction.atomic():
            chunk = list(rows.select_for_update()[:_AT_ONCE])
            if not chunk:
                return -1
            self.last = chunk[-1].pk
            stale = [row for row in chunk if crypto.sealed_under(self._bytes(row)) != self.newest]
            for row in stale:
                fresh = _anew(
                    self._bytes(row), self.sealed.aad(row), name=f"{row._meta.verbose_name} {row.pk}"
                )
                self.sealed.model._default_manager.filter(pk=row.pk).update(**{self.sealed.column: fresh})
        return len(stale)

    def _bytes(self, row: Model) -> bytes:
        return bytes(getattr(row, self.sealed.column))


def _factors(newest: str) -> int:
    done = 0
    with transaction.atomic():
        for row in Authenticator.objects.select_for_update().order_by("pk"):
            stale = {name: text for name, text in row.data.items() if _is_stale(text, newest)}
            for name, text in stale.items():
                row.data[name] = _anew(
                    bytes.fromhex(text), SECOND_FACTOR, name=f"second factor {row.pk}"
                ).hex()
            if stale:
                row.save(update_fields=["data"])
                done += 1
    return done


def _endpoints(newest: str) -> int:
    try:
        return endpoints.seal_secrets_anew(newest)
    except CryptoError as error:
        raise CommandError(f"The secret of a webhook endpoint cannot be opened: {error}") from error


def _is_stale(text: object, newest: str) -> bool:
    try:
        return isinstance(text, str) and crypto.sealed_under(bytes.fromhex(text)) != newest
    except (ValueError, CryptoError):
        return False  # not sealed: a counter or a name


def _anew(sealed: bytes, aad: bytes, *, name: str) -> bytes:
    try:
        return crypto.seal(crypto.open(sealed, aad=aad), aad=aad)
    except CryptoError as error:
        raise CommandError(f"The {name} cannot be opened: {error}") from error
