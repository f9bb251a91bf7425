"""What is to be told of payout methods: that one was changed, or is to be confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.urls import reverse

from payouts import method_changes, methods, verification
from payouts.models import MethodChange, Notice, OutboxMessage, PayoutMethod
from payouts.notices import kinds
from payouts.notices.turns import Contact, Turn
from payouts.providers import registry


def changes(messages: Sequence[OutboxMessage], now: datetime) -> dict[UUID, Turn]:
    """This will find out what was changed, and who is to hear of it."""
    rows = MethodChange.objects.select_related(
        "payee__user", "payee__marketplace", "before", "after"
    ).in_bulk([message.subject for message in messages])
    found = {}
    for message in messages:
        change = rows.get(message.subject)
        if change is None:
            continue
        after, before = change.after, change.before
        found[message.pk] = Turn(
            kinds.METHOD_CHANGED,
            change.pk,
            str(message.facts.get("turn", "")),
            change.payee,
            {
                "former": shown(before) if before else "",
                "present": shown(after) if after else "",
                "usable_from": after.usable_from if after and after.usable_from > now else None,
                "by_payee": change.login != method_changes.STAFF,
                "at": change.at,
            },
            page=reverse("payee:method"),
            contacts=_contacts(change, message.facts),
        )
    return found


def _contacts(change: MethodChange, facts: Mapping[str, str]) -> Sequence[Contact]:
    """Each message is for one of them, as it was found when it was changed."""
    contact = Notice.Contact
    if which := facts.get("method"):
        is_former = which == "before"
        whose = contact.FORMER_METHOD if is_former else contact.METHOD
        return [(whose, methods.contact(change.before if is_former else change.after))]
    return [(contact(facts.get("whose", contact.PAYEE)), facts["address"])]


def to_verify(messages: Sequence[OutboxMessage], _now: datetime) -> dict[UUID, Turn]:
    """This will find out what is to be confirmed."""
    asked = PayoutMethod.objects.select_related("payee__user", "payee__marketplace").in_bulk(
        [message.subject for message in messages]
    )
    return {
        message.pk: Turn(
            kinds.VERIFY_METHOD,
            method.pk,
            # Asked for once more, it is mailed once more.
            str(message.pk),
            method.payee,
            {"method": shown(method)},
            page=reverse("verify_method", args=[verification.token(method)]),
            is_over=method.retired_at is not None or method.verified_at is not None,
            contacts=[(Notice.Contact.METHOD, methods.contact(method))],
        )
        for message in messages
        if (method := asked.get(message.subject)) is not None
    }


def shown(method: PayoutMethod) -> str:
    """This will name a method to its payee: the service, and the destination masked."""
    return f"{registry.label(method.provider)} {method.masked}"
