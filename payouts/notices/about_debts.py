"""What is to be told of what payees are owed: that it waits for them, or that it was earned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from django.urls import reverse

from accounts.models import Payee
from marketplace_payouts.lib.money import Money
from payouts.models import OutboxMessage, PayoutMethod, Reminder
from payouts.notices import debts, kinds
from payouts.notices.about_methods import shown
from payouts.notices.turns import Turn


def reminders(messages: Sequence[OutboxMessage], _now: datetime) -> dict[UUID, Turn]:
    """This will find out what waits for payees, and what they are asked to do."""
    rows = Reminder.objects.select_related("payee__user", "payee__marketplace").in_bulk(
        [message.subject for message in messages]
    )
    waiting = debts.of({row.payee_id for row in rows.values()})
    present = {
        method.payee_id: method
        for method in PayoutMethod.objects.filter(
            payee__among=[row.payee_id for row in rows.values()], retired_at__isnull=True
        )
    }
    found = {}
    for message in messages:
        row = rows.get(message.subject)
        if row is None:
            continue
        debt = waiting.get(row.payee_id)
        method = present.get(row.payee_id)
        facts = {
            "amount": debt.amounts if debt else [],
            "ask": debt.ask if debt else "",
            "method": shown(method) if method else "",
        }
        is_over = debt is None or row.ended_at is not None
        found[message.pk] = Turn(
            message.facts["notice"],
            row.pk,
            message.facts["turn"],
            row.payee,
            facts,
            page=reverse("payee:method"),
            is_over=is_over,
        )
    return found


def earned(messages: Sequence[OutboxMessage], _now: datetime) -> dict[UUID, Turn]:
    """This will find out what payees earned on a day."""
    payees = _payees(messages)
    found = {}
    for message in messages:
        facts = message.facts
        found[message.pk] = Turn(
            kinds.OWED,
            message.subject,
            facts["turn"],
            payees[message.subject],
            {
                "amount": [Money(int(units), currency) for currency, units in facts["amounts"]],
                "day": date.fromisoformat(facts["turn"]),
                "due_at": datetime.fromisoformat(facts["due_at"]),
            },
        )
    return found


def _payees(messages: Sequence[OutboxMessage]) -> Mapping[UUID, Payee]:
    ids = {UUID(message.facts["payee"]) for message in messages}
    rows = Payee.objects.select_related("user", "marketplace").filter(pk__among=ids)
    return {payee.pk: payee for payee in rows}
