"""Telling people by e-mail that a payee is paid elsewhere now: a notice of security, which nobody switches off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from payouts import methods
from payouts.method_changes import STAFF
from payouts.models import MethodChange, OutboxMessage

_SUBJECTS = {
    MethodChange.Act.CHOSEN: "Where you are paid has changed",
    MethodChange.Act.RETIRED: "You have no payout method any more",
}


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will mail what was changed, to each address by itself."""
    changes = MethodChange.objects.select_related("payee", "before", "after").in_bulk(
        [message.subject for message in messages]
    )
    return {message.pk: _mail(changes[message.subject], message.facts) for message in messages}


def _mail(change: MethodChange, facts: Mapping[str, str]) -> str | None:
    address = facts.get("address") or methods.contact(
        change.before if facts["method"] == "before" else change.after
    )
    if not address:
        return "The address cannot be opened: its key, or its provider's settings, are missing."
    body = render_to_string(
        "notices/method_changed.txt",
        {
            "payee": change.payee,
            "change": change,
            "by_payee": change.login != STAFF,
            "cools_down": change.after is not None and change.after.usable_from > change.at,
        },
    )
    subject = _SUBJECTS[MethodChange.Act(change.act)]
    try:
        EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [address]).send()
    except OSError as error:  # smtplib's errors are OSErrors
        return f"The mail could not be sent: {error}"
    return None
