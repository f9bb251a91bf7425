"""Keys of the marketplace's server: made and revoked by staff, and what is signed with one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from accounts import roles
from accounts.errors import InTheWay, NotProven
from accounts.models import ApiSession, ServerKey, User
from marketplace_payouts.lib import crypto, standard_webhooks
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.standard_webhooks import BadSignature, Signed

log = logger(__name__)

_USED_EVERY: Final = timedelta(minutes=1)


def make(*, name: str, by: User, now: datetime) -> tuple[ServerKey, str]:
    """This will make a key and give its secret, which is shown this once.

    :raises NotAllowed: when the person's roles do not cover it.
    """
    roles.require(by, "act_keys")
    pk, secret = uuid7(), standard_webhooks.new_secret()
    key = ServerKey.objects.create(
        id=pk, name=name, sealed=crypto.seal(secret.encode(), aad=pk.bytes), made_by=by, made_at=now
    )
    return key, secret


def revoke(key_id: UUID, *, by: User, now: datetime) -> ServerKey:
    """This will revoke a key, and end the sessions for which it vouched.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises InTheWay: when it is revoked already.
    """
    roles.require(by, "act_keys")
    with transaction.atomic():
        key = ServerKey.objects.select_for_update().get(pk=key_id)
        if key.revoked_at is not None:
            raise InTheWay("key_revoked", f"{key} was revoked already.")
        key.revoked_at, key.revoked_by = now, by
        key.save(update_fields=["revoked_at", "revoked_by"])
        ApiSession.objects.filter(key=key, ended_at__isnull=True, expires_at__gt=now).update(ended_at=now)
    return key


def signer(headers: Mapping[str, str], body: bytes, *, now: datetime) -> ServerKey:
    """This will give the key with which a request was signed; each request counts once, whatever becomes of it.

    :raises NotProven: when it is not signed as it should be, by no key that is good, or was here before.
    """
    try:
        signed = Signed.read(headers, body, now=now)
    except BadSignature as error:
        raise NotProven(error.code, str(error)) from None
    key = _key_of(signed)
    if key is None:
        raise NotProven(
            "signature_wrong",
            "No key fits the signature: sign id, moment and the very bytes of the body, joined by dots, with the secret"
            " of a key that was not revoked.",
        )
    if not _is_new(key, signed.message, now=now):
        raise NotProven(
            "signature_replayed", "This id was used before: give each request its own, also one sent again."
        )
    _note_use(key, now=now)
    return key


def _key_of(signed: Signed) -> ServerKey | None:
    good = ServerKey.objects.filter(revoked_at__isnull=True)
    # All are tried, so that the time does not tell which one it was.
    fitting = [key for key in good if (secret := _secret(key)) and signed.is_by(secret)]
    return fitting[0] if fitting else None


def _secret(key: ServerKey) -> str:
    """One that cannot be opened must not keep those from working that can."""
    try:
        return crypto.open(bytes(key.sealed), aad=key.pk.bytes).decode()
    except crypto.CryptoError as error:
        log.error("server_key_unreadable", key=str(key.pk), reason=str(error))
        return ""


def _is_new(key: ServerKey, message: str, *, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_signedmessage (key_id, message, seen_at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [key.pk, message, now],
        )
        return bool(cursor.rowcount)


def _note_use(key: ServerKey, *, now: datetime) -> None:
    stale = Q(used_at__isnull=True) | Q(used_at__lte=now - _USED_EVERY)
    ServerKey.objects.filter(stale, pk=key.pk).update(used_at=now)
