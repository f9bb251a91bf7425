"""Codes of six digits by which a payee logs in: mailed to the address that Sharetribe has verified, good once.

Whoever asks is told the same whether or not an address is known, and as fast: Sharetribe is asked, and the mail sent,
by a worker. The code belongs to the browser that asked for it, so that guessing takes a browser's five tries, and
nobody can be talked into typing a code into somebody else's page.
"""

from __future__ import annotations

import enum
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation

from accounts import branding, sharetribe
from accounts.errors import NotNow
from accounts.models import CODE_TRIES, EntryCode
from marketplace_payouts.lib import crypto

LASTS: Final = timedelta(minutes=10)
_MINUTES: Final = LASTS // timedelta(minutes=1)
_DIGITS: Final = 6


class WhyNot(enum.Enum):
    """Why a code opens nothing."""

    WRONG = "wrong"
    OVER = "over"
    """Used, too old, or tried too often."""


class CodeRefused(Exception):
    """The code opens nothing."""

    def __init__(self, why: WhyNot) -> None:
        super().__init__(why.value)
        self.why = why


class Message(Protocol):
    """What a worker is handed: that a code was asked for."""

    @property
    def pk(self) -> UUID: ...
    @property
    def subject(self) -> UUID: ...


def ask(address: str, *, language: str, now: datetime) -> EntryCode:
    """This will note that somebody asks for a code for an address; `mail` does the rest."""
    return EntryCode.objects.create(
        address=address.strip().lower(), language=language, asked_at=now, expires_at=now + LASTS
    )


def mail(*, messages: Sequence[Message], now: datetime) -> Mapping[UUID, str | None]:
    """This will mail a new code for each entry that was asked for, where its address is a user's and verified."""
    return {message.pk: _mail(message.subject, now=now) for message in messages}


def _mail(entry_id: UUID, *, now: datetime) -> str | None:
    entry = EntryCode.objects.filter(pk=entry_id, used_at__isnull=True, expires_at__gt=now).first()
    if entry is None:
        return None
    try:
        user = sharetribe.with_address(entry.address)
    except NotNow as error:
        return str(error)
    if user is None:
        return None
    # A mail that may have been sent before is sent with a new code: the former is kept nowhere.
    code = f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}d}"
    EntryCode.objects.filter(pk=entry_id, used_at__isnull=True).update(
        flex_user_id=user.id, digest=_digest(entry_id, code)
    )
    brand = branding.brand()
    with translation.override(entry.language):
        text = render_to_string("payee/letters/code.txt", {"brand": brand, "code": code, "minutes": _MINUTES})
    subject, _, body = text.strip().partition("\n")
    try:
        brand.mail(subject=subject, body=body.strip() + "\n", to=entry.address).send()
    except OSError as error:  # smtplib's errors are OSErrors
        return f"The mail could not be sent: {error}"
    return None


def redeem(entry_id: UUID, code: str, *, now: datetime) -> UUID:
    """This will give the Sharetribe user whose code it is; a try counts whatever becomes of it, a right code once.

    :raises CodeRefused: when it is wrong, or there is no code to be given any more.
    """
    with transaction.atomic():
        # Two at once wait for each other here.
        entry = EntryCode.objects.select_for_update().filter(pk=entry_id).first()
        if entry is None or entry.used_at is not None or entry.expires_at <= now or entry.tries >= CODE_TRIES:
            raise CodeRefused(WhyNot.OVER)
        is_right = crypto.constant_time_equal(entry.digest, _digest(entry.pk, code.strip()))
        entry.tries += 1
        entry.used_at = now if is_right else None
        entry.save(update_fields=["tries", "used_at"])
    if not is_right:
        raise CodeRefused(WhyNot.OVER if entry.tries == CODE_TRIES else WhyNot.WRONG)
    assert entry.flex_user_id is not None  # the database holds that a digest has one
    return entry.flex_user_id


def _digest(entry_id: UUID, code: str) -> str:
    """Keyed: there are so few codes that whoever reads the table could try them all."""
    key = b"code of a payee" + settings.SECRET_KEY.encode()
    return hmac.digest(key, f"{entry_id}:{code}".encode(), "sha256").hex()
