"""What messages are about, loaded for a whole set in a number of statements that does not grow with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.urls import reverse

from accounts.models import Payee
from marketplace_payouts.lib.money import Money
from payouts import method_changes, methods, verification
from payouts.models import (
    CaseMessage,
    MethodChange,
    Notice,
    OutboxMessage,
    Payable,
    Payout,
    PayoutMethod,
    Reminder,
    State,
)
from payouts.notices import debts, kinds, words
from payouts.notices.staging import MESSAGE
from payouts.providers import registry
from payouts.readiness import FOR_THE_PAYEE

Contact = tuple[Notice.Contact, str]
"""Whose address it is, and the address, which may be empty."""

_PARTLY: Final = "partly_returned"

_LINES: Final = """
    SELECT l.payout_id, b.purpose, b.currency, count(*), sum(l.units)
    FROM payouts_payoutline l JOIN payouts_payable b ON b.id = l.payable_id
    WHERE l.payout_id = ANY(%s) AND l.released_at IS NULL
    GROUP BY l.payout_id, b.purpose, b.currency ORDER BY l.payout_id, min(b.created_at)
"""
_REFUSALS: Final = """
    SELECT DISTINCT ON (a.payout_id) a.payout_id, a.refusal_class FROM payouts_attempt a
    WHERE a.payout_id = ANY(%s) ORDER BY a.payout_id, a.n DESC
"""


@dataclass(slots=True)
class Turn:
    """One turn of events that a payee is to be told of."""

    kind: str
    subject: UUID
    turn: str
    payee: Payee
    facts: dict[str, Any]
    """What fills the subject and the words; amounts are `Money`, or lists of it."""
    page: str = "/payee/"
    """Where the mail leads, under `PUBLIC_URL`."""
    is_over: bool = False
    """Whether there is nothing to tell any more."""
    contacts: Sequence[Contact] | None = None
    """To whom it goes, where that is not simply the payee."""


def load(messages: Sequence[OutboxMessage], *, now: datetime) -> dict[UUID, Turn]:
    """This will find out what each message is about; one about what is not there any more is left out."""
    by_loader: dict[Any, list[OutboxMessage]] = defaultdict(list)
    for message in messages:
        by_loader[_LOADERS[_kind(message)]].append(message)
    found: dict[UUID, Turn] = {}
    for loader, group in by_loader.items():
        found |= loader(group, now)
    return found


def _kind(message: OutboxMessage) -> str:
    if message.kind != MESSAGE:
        return message.kind
    # What the core says of a payout names the state alone.
    return str(message.facts.get("notice", kinds.PAID))


# ------------------------------------------------------------------------------------------------------ payouts


def _payouts(messages: Sequence[OutboxMessage], _now: datetime) -> dict[UUID, Turn]:
    payouts = Payout.objects.select_related("payee__user", "payee__marketplace", "method").in_bulk(
        [message.subject for message in messages]
    )
    lines, refusals = _lines(payouts), _refusals(payouts)
    found = {}
    for message in messages:
        payout = payouts.get(message.subject)
        if payout is None:
            continue
        state = message.facts["state"]
        kind = _kind_of_state(state, refusals.get(payout.pk, ""))
        found[message.pk] = Turn(
            kind,
            payout.pk,
            # Of what was staged before there were turns, the message is the turn.
            str(message.facts.get("turn", message.pk)),
            payout.payee,
            _about(payout, lines.get(payout.pk, []), in_part=state == _PARTLY),
            # An older word after a newer one would be wrong by the time that it is read.
            is_over=state == State.FAILED and payout.state != State.FAILED,
        )
    return found


def _kind_of_state(state: str, refusal: str) -> str:
    if state == State.FAILED:
        return kinds.NEEDS_YOU if refusal in FOR_THE_PAYEE else kinds.FAILED
    return kinds.PAID if state == State.PAID else kinds.RETURNED


def _about(payout: Payout, lines: list[tuple[str, int, Money]], *, in_part: bool) -> dict[str, Any]:
    provider = registry.find(payout.provider)
    whole = Money(int(payout.sent_units), payout.sent_currency)
    return {
        "number": payout.number,
        "amount": whole,
        "returned": Money(int(payout.returned_units), payout.sent_currency) if in_part else whole,
        "in_part": in_part,
        "method": payout.method.masked,
        "provider": provider.label if provider else payout.provider,
        "lines": [(words.PURPOSES[purpose], count, amount) for purpose, count, amount in lines],
    }


def _lines(payout_ids: Collection[UUID]) -> dict[UUID, list[tuple[str, int, Money]]]:
    """What each payout covers: purpose, how many payables, and how much."""
    found: dict[UUID, list[tuple[str, int, Money]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_LINES, [list(payout_ids)])
        for payout_id, purpose, currency, count, units in cursor.fetchall():
            found[payout_id].append((Payable.Purpose(purpose), count, Money(int(units), currency)))
    return found


def _refusals(payout_ids: Collection[UUID]) -> dict[UUID, str]:
    """The class of the newest attempt's refusal."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSALS, [list(payout_ids)])
        return dict(cursor.fetchall())


# ------------------------------------------------------------------------------------------------------ methods


def _changes(messages: Sequence[OutboxMessage], now: datetime) -> dict[UUID, Turn]:
    changes = MethodChange.objects.select_related(
        "payee__user", "payee__marketplace", "before", "after"
    ).in_bulk([message.subject for message in messages])
    found = {}
    for message in messages:
        change = changes.get(message.subject)
        if change is None:
            continue
        after, before = change.after, change.before
        found[message.pk] = Turn(
            kinds.METHOD_CHANGED,
            change.pk,
            "",
            change.payee,
            {
                "former": _shown(before) if before else "",
                "present": _shown(after) if after else "",
                "usable_from": after.usable_from if after and after.usable_from > now else None,
                "by_payee": change.login != method_changes.STAFF,
                "at": change.at,
            },
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
    address = facts["address"]
    is_own = address.lower() == change.payee.email.lower() or change.payee.user is None
    return [(contact.PAYEE if is_own else contact.LOGIN, address)]


def _to_verify(messages: Sequence[OutboxMessage], _now: datetime) -> dict[UUID, Turn]:
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
            {"method": _shown(method)},
            page=reverse("verify_method", args=[verification.token(method)]),
            is_over=method.retired_at is not None or method.verified_at is not None,
            contacts=[(Notice.Contact.METHOD, methods.contact(method))],
        )
        for message in messages
        if (method := asked.get(message.subject)) is not None
    }


def _shown(method: PayoutMethod) -> str:
    provider = registry.find(method.provider)
    return f"{provider.label if provider else method.provider} {method.masked}"


# -------------------------------------------------------------------------------------------------------- debts


def _reminders(messages: Sequence[OutboxMessage], _now: datetime) -> dict[UUID, Turn]:
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
            "method": _shown(method) if method else "",
        }
        is_over = debt is None or row.ended_at is not None
        found[message.pk] = Turn(
            message.facts["notice"], row.pk, message.facts["turn"], row.payee, facts, is_over=is_over
        )
    return found


def _earned(messages: Sequence[OutboxMessage], _now: datetime) -> dict[UUID, Turn]:
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


def _answers(messages: Sequence[OutboxMessage], _now: datetime) -> dict[UUID, Turn]:
    answers = CaseMessage.objects.select_related(
        "case__payout__payee__user", "case__payout__payee__marketplace"
    ).in_bulk([message.subject for message in messages])
    return {
        message.pk: Turn(
            kinds.ANSWERED,
            answer.pk,
            "",
            answer.case.payout.payee,
            {"number": answer.case.payout.number, "text": answer.text},
        )
        for message in messages
        if (answer := answers.get(message.subject)) is not None
    }


def _payees(messages: Sequence[OutboxMessage]) -> Mapping[UUID, Payee]:
    ids = {UUID(message.facts["payee"]) for message in messages}
    rows = Payee.objects.select_related("user", "marketplace").filter(pk__among=ids)
    return {payee.pk: payee for payee in rows}


_LOADERS: Final = {
    kinds.PAID: _payouts,
    kinds.METHOD_CHANGED: _changes,
    kinds.VERIFY_METHOD: _to_verify,
    kinds.INVITED: _reminders,
    kinds.REMINDED: _reminders,
    kinds.OWED: _earned,
    "answer": _answers,
}
