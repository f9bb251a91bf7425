"""To which addresses a notice goes: the payee's, or, where it protects them, every one by which they can be reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from accounts.models import Payee
from payouts.models import Notice
from payouts.notices import kinds
from payouts.notices.turns import Turn

Contact = Notice.Contact

# Whoever takes over somebody's account at the marketplace changes the address first, and then where the money goes.
_FORMER_FOR: Final = timedelta(days=90)


def of(turns: Mapping[UUID, Turn], *, now: datetime) -> dict[UUID, dict[Contact, str]]:
    """This will give each turn's addresses, by whose they are; none, where none is known."""
    changed = {turn.payee.pk: turn.payee for turn in turns.values() if turn.kind == kinds.METHOD_CHANGED}
    former = _former(list(changed.values()), now=now) if changed else {}
    return {pk: dict(_contacts(turn, former)) for pk, turn in turns.items()}


def _contacts(turn: Turn, former: Mapping[UUID, str]) -> Iterator[tuple[Contact, str]]:
    given = [(Contact.PAYEE, address(turn.payee))] if turn.contacts is None else turn.contacts
    yield from ((whose, found) for whose, found in given if found)
    if turn.kind == kinds.METHOD_CHANGED and turn.payee.pk in former:
        yield Contact.FORMER, former[turn.payee.pk]


def address(payee: Payee) -> str:
    """This will give the address to which a payee is written, or nothing."""
    return payee.email or _login(payee)


def _login(payee: Payee) -> str:
    return (payee.user.email or "") if payee.user is not None else ""


def _former(payees: Collection[Payee], *, now: datetime) -> dict[UUID, str]:
    """The address to which each payee was last written, where it is none of the present ones any more."""
    known = {payee.pk: {payee.email.lower(), _login(payee).lower()} for payee in payees}
    rows = (
        Notice.objects.filter(
            payee__among=known,
            outcome=Notice.Outcome.SENT,
            contact__in=(Contact.PAYEE, Contact.LOGIN),
            created_at__gt=now - _FORMER_FOR,
        )
        .order_by("-created_at")
        .values_list("payee_id", "address")
    )
    found: dict[UUID, list[str]] = defaultdict(list)
    for payee_id, sent_to in rows:
        if sent_to.lower() not in known[payee_id]:
            found[payee_id].append(sent_to)
    return {payee_id: addresses[0] for payee_id, addresses in found.items()}
