"""Questions of payees about their payouts: asked by the payee, answered by staff, the answer mailed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import require
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts.errors import Refused
from payouts.models import Case, CaseKind, CaseMessage, Notice, OutboxMessage, Payout
from payouts.notices import kinds, staging, telling
from payouts.outcomes import Done

LONGEST: Final = 2_000
"""Characters of one message."""
UNANSWERED: Final = 5
"""How many messages a payee may write to a case before somebody answers."""


class Unanswered(Refused):
    """The payee wrote several times already, and nobody answered yet."""

    def __init__(self) -> None:
        super().__init__(_("You have written to us several times already: please wait for our answer."))


def ask(payout: Payout, *, kind: str, text: str, now: datetime) -> Case:
    """This will open a case about a payout of the payee's, or write to the open one of that kind.

    The same text once more changes nothing: somebody pressed twice, or an answer to a request was lost.

    :raises Refused: when nothing is asked, or it is too long.
    :raises Unanswered: when so many messages wait for an answer already.
    """
    text = _clean(text)
    if kind not in CaseKind.values:
        raise Refused(_("Choose what your question is about."))
    with transaction.atomic():
        case = _open(payout, kind, now=now)
        unanswered = _unanswered(case)
        if text in unanswered:
            return case
        if len(unanswered) >= UNANSWERED:
            raise Unanswered
        CaseMessage.objects.create(case=case, text=text, at=now)
    return case


def answer(*, by: User, case_ids: Sequence[UUID], text: str, settles: bool, now: datetime) -> Done:
    """This will answer the payees of these cases, by mail and where they asked, and may close the cases with it.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises Refused: when there is no answer, or it is too long.
    """
    require(by, "act_note")
    text = _clean(text)
    outcome = Done()
    with transaction.atomic():
        rows = Case.objects.filter(pk__in=case_ids).select_related("payout").order_by("pk")
        for case in rows.select_for_update(of=("self",)):
            if case.closed_at is not None:
                outcome.refuse(str(case), "It is settled already; the payee may ask again.")
                continue
            _answer(case, by=by, text=text, settles=settles, now=now)
            outcome.done.append(str(case))
    return outcome


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will mail answers to payees, each once, however often its message is told, and note that it was.

    A payee without an address, or who does not want such mails, reads the answer where they asked.
    """
    results = telling.tell(messages=messages, now=now)
    told = [message.subject for message in messages]
    sent = Notice.objects.filter(kind=kinds.ANSWERED, subject__among=told, outcome=Notice.Outcome.SENT)
    CaseMessage.objects.filter(pk__in=sent.values("subject"), mailed_at__isnull=True).update(mailed_at=now)
    return results


def _clean(text: str) -> str:
    text = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if not text:
        raise Refused(_("Write what you want to say."))
    if len(text) > LONGEST:
        raise Refused(_("That is too long: write at most %(most)s characters.") % {"most": LONGEST})
    return text


def _open(payout: Payout, kind: str, *, now: datetime) -> Case:
    """The open case, locked; two who ask at once find the same one."""
    mine = Case.objects.filter(payout=payout, kind=kind, closed_at__isnull=True)
    found = mine.select_for_update().first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return Case.objects.create(payout=payout, kind=kind, opened_at=now)
    except IntegrityError:
        # Another request opened it a moment ago.
        return mine.select_for_update().get()


def _unanswered(case: Case) -> list[str]:
    """What the payee wrote since the newest answer."""
    texts: list[str] = []
    for message in case.messages.order_by("at", "pk"):
        texts = [] if message.by_id is not None else [*texts, message.text]
    return texts


def _answer(case: Case, *, by: User, text: str, settles: bool, now: datetime) -> None:
    message = CaseMessage.objects.create(case=case, by=by, text=text, at=now)
    if settles:
        case.closed_at, case.closed_by = now, by
        case.save(update_fields=["closed_at", "closed_by"])
    told = OutboxMessage(id=uuid7(), kind=staging.ANSWER, subject=message.pk, created_at=now, next_at=now)
    rowsets.insert(OutboxMessage, [told])
