"""That a payee is paid elsewhere, or nowhere, from now on: kept for ever, and told at the old and the new address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from accounts.models import Payee, User
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts.models import MethodChange, Notice, OutboxMessage, PayoutMethod

KIND: Final = "method_changed"
"""Of the messages; `payouts.notices` mails them, and nobody can switch them off."""
STAFF: Final = "staff"
"""The log-in of changes that members of staff asked for and seconded."""
_TOLD: Final = frozenset({MethodChange.Act.CHOSEN, MethodChange.Act.RETIRED})
# Whoever takes over somebody's account at the marketplace changes the address first, and then where the money goes.
_FORMER_FOR: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Author:
    """Who says where a payee is paid: the person, and by what they are known to be that person."""

    user: User | None
    login: str
    """One of `accounts.models.Login`, or `STAFF`."""


def record(
    *,
    payee: Payee,
    act: MethodChange.Act,
    before: PayoutMethod | None = None,
    after: PayoutMethod | None = None,
    addresses: Mapping[str, str],
    by: Author,
    seconded_by: User | None = None,
    now: datetime,
) -> MethodChange:
    """This will write a change down and stage what is told of it, inside the caller's transaction.

    Told are the addresses of the payee, of their account, of the old and the new method, and those to which they were
    written lately, each once: whoever took over one of them cannot keep the others from hearing of it. `addresses` are
    those of the methods, by `before` and `after`; they are compared and not kept. Of a first method that staff were
    asked to set, and of what was only taken off the list, nobody is told.
    """
    change = MethodChange.objects.create(
        payee=payee,
        act=act,
        before=before,
        before_masked=str(before or ""),
        after=after,
        after_masked=str(after or ""),
        person=None if by.user is None else by.user.pk,
        seconded_by=seconded_by,
        login=by.login,
        at=now,
    )
    is_first_by_staff = by.login == STAFF and before is None
    if act in _TOLD and not is_first_by_staff:
        whom = _whom(payee, addresses, now=now)
        rowsets.insert(OutboxMessage, [_message(change, facts, now=now) for facts in whom])
    return change


def _message(change: MethodChange, facts: Mapping[str, str], *, now: datetime) -> OutboxMessage:
    return OutboxMessage(
        id=uuid7(), kind=KIND, subject=change.pk, facts=dict(facts), created_at=now, next_at=now
    )


def _whom(payee: Payee, addresses: Mapping[str, str], *, now: datetime) -> Sequence[Mapping[str, str]]:
    """Addresses that are known anyway are kept as they are at this moment, since a thief may change them next; those
    of methods stay sealed with the method."""
    login = (payee.user.email or "") if payee.user is not None else ""
    whom: dict[str, Mapping[str, str]] = {}
    for whose, address in ((Notice.Contact.PAYEE, payee.email), (Notice.Contact.LOGIN, login)):
        if address:
            whom.setdefault(address.lower(), {"address": address, "whose": str(whose)})
    for method, address in addresses.items():
        if address:
            whom.setdefault(address.lower(), {"method": method})
    for n, address in enumerate(_former(payee, now=now), start=1):
        former = {"address": address, "whose": str(Notice.Contact.FORMER), "turn": f"former {n}"}
        whom.setdefault(address.lower(), former)
    return list(whom.values())


def _former(payee: Payee, *, now: datetime) -> Sequence[str]:
    """The addresses to which a payee was written lately, all of them: a thief may have had one of their own put in
    between."""
    written = Notice.objects.filter(
        payee=payee,
        outcome=Notice.Outcome.SENT,
        contact__in=(Notice.Contact.PAYEE, Notice.Contact.LOGIN),
        created_at__gt=now - _FORMER_FOR,
    )
    return list(written.order_by("address").values_list("address", flat=True).distinct())
