"""Requests: every act that needs two people is made by one and seconded by another, who then makes it happen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.models import User
from accounts.roles import require
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payouts.acts import ACTS, Act, Asked
from payouts.errors import Refused, SelfSeconded
from payouts.models import Request

__all__ = ["ACTS", "Act", "amount_of", "decline", "make", "second", "withdraw"]


def make(
    *,
    act: str,
    by: User,
    subject: str = "",
    payload: Mapping[str, Any],
    reason: str,
    now: datetime,
    secret: Mapping[str, str] | None = None,
) -> Request:
    """This will write a request down; nothing happens until another person seconds it.

    `secret` holds payout details and is sealed.

    :raises NotAllowed: when the person's roles do not cover making it.
    :raises Refused: when a field is missing or wrong, with a sentence that says which.
    """
    kind = ACTS.get(act)
    if kind is None:
        raise Refused(f"There is no act {act!r}; known are {', '.join(sorted(ACTS))}.")
    require(by, kind.needs)
    if not reason.strip():
        raise Refused("Say why.")
    pk = uuid7()
    asked = Asked(pk, subject, dict(payload), dict(secret or {}), reason.strip(), by, None, now)
    kind.check(asked)
    return Request.objects.create(
        id=pk,
        act=act,
        subject=subject,
        payload=dict(payload),
        sealed=crypto.seal(json.dumps(dict(secret)).encode(), aad=pk.bytes) if secret else None,
        summary=kind.summary(asked),
        reason=reason.strip(),
        made_by=by,
        made_at=now,
    )


def second(*, request_id: UUID, by: User, note: str = "", now: datetime) -> Request:
    """This will do what the request asks for, in one transaction with its closing.

    :raises NotAllowed: when the person's roles do not cover seconding.
    :raises SelfSeconded: when they made the request themselves.
    :raises Refused: when it is closed already, or can no longer be done.
    """
    with transaction.atomic():
        request = _open(request_id)
        require(by, ACTS[request.act].seconds)
        if request.made_by_id == by.pk:
            raise SelfSeconded("You made this request; another person must second it.")
        secret = (
            json.loads(crypto.open(bytes(request.sealed), aad=request.pk.bytes)) if request.sealed else {}
        )
        asked = Asked(
            request.pk, request.subject, request.payload, secret, request.reason, request.made_by, by, now
        )
        act = ACTS[request.act]
        act.check(asked)
        act.apply(asked)
        return _close(request, Request.State.SECONDED, by=by, note=note, now=now)


def decline(*, request_id: UUID, by: User, note: str, now: datetime) -> Request:
    """This will decline a request that another person made.

    :raises NotAllowed: when the person's roles do not cover seconding.
    """
    require(by, "act_second")
    with transaction.atomic():
        return _close(_open(request_id), Request.State.DECLINED, by=by, note=note, now=now)


def withdraw(*, request_id: UUID, by: User, note: str = "", now: datetime) -> Request:
    """This will take back one's own request.

    :raises Refused: when another person made it.
    """
    with transaction.atomic():
        request = _open(request_id)
        if request.made_by_id != by.pk:
            raise Refused("Only its maker can withdraw a request; you can decline it.")
        return _close(request, Request.State.WITHDRAWN, by=by, note=note, now=now)


def amount_of(request: Request) -> Money | None:
    """This will give the amount that a request is about; None where there is none, or what it was about is gone."""
    act = ACTS.get(request.act)
    if act is None:
        return None
    asked = Asked(
        request.pk,
        request.subject,
        request.payload,
        {},
        request.reason,
        request.made_by,
        None,
        request.made_at,
    )
    try:
        return act.amount(asked)
    except Refused:
        return None


def _open(request_id: UUID) -> Request:
    request = Request.objects.select_for_update(of=("self",)).select_related("made_by").get(pk=request_id)
    if request.state != Request.State.OPEN:
        raise Refused(f"The request is {request.get_state_display().lower()} already.")
    return request


def _close(request: Request, state: str, *, by: User, note: str, now: datetime) -> Request:
    request.state, request.closed_by, request.closed_at, request.closing_note = state, by, now, note
    # Payout details are kept only while somebody must still decide about them.
    request.sealed = None
    request.save(update_fields=["state", "closed_by", "closed_at", "closing_note", "sealed"])
    return request
