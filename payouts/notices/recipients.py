"""To which addresses a notice goes: the payee's, or, where it protects them, every one by which they can be reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from accounts.models import Payee
from marketplace_payouts.lib.crypto import CryptoError
from marketplace_payouts.lib.logs import logger
from payouts import methods
from payouts.models import Notice, PayoutMethod
from payouts.notices import kinds
from payouts.notices.loading import Turn

log = logger(__name__)

Contact = Notice.Contact

# Whoever takes over somebody's account at the marketplace changes the address first, and then where the money goes.
_FORMER_FOR: Final = timedelta(days=90)


def of(turns: Mapping[UUID, Turn], *, now: datetime) -> dict[UUID, dict[Contact, str]]:
    """This will give each turn's addresses, each once, by whose they are; none, where none is known."""
    changed = [turn.payee.pk for turn in turns.values() if turn.kind == kinds.METHOD_CHANGED]
    former = _former(changed, now=now) if changed else {}
    return {pk: _once(_contacts(turn, former.get(turn.payee.pk, ()))) for pk, turn in turns.items()}


def _contacts(turn: Turn, former: Collection[str]) -> Iterator[tuple[Contact, str]]:
    if turn.kind == kinds.VERIFY_METHOD:
        yield Contact.METHOD, _own_address(turn.methods[0])
        return
    if turn.kind != kinds.METHOD_CHANGED:
        yield Contact.PAYEE, address(turn.payee)
        return
    yield Contact.PAYEE, turn.payee.email
    yield Contact.LOGIN, _login(turn.payee)
    *before, present = turn.methods
    yield Contact.METHOD, _own_address(present)
    for method in before:
        yield Contact.FORMER_METHOD, _own_address(method)
    for found in former:
        yield Contact.FORMER, found


def address(payee: Payee) -> str:
    """This will give the address to which a payee is written, or nothing."""
    return payee.email or _login(payee)


def _login(payee: Payee) -> str:
    return (payee.user.email or "") if payee.user is not None else ""


def _own_address(method: PayoutMethod) -> str:
    try:
        return methods.destination(method).get("email", "")
    except CryptoError as error:
        # The others must hear of it all the more.
        log.warning("contact_unreadable", method=str(method.pk), reason=str(error))
        return ""


def _once(contacts: Iterator[tuple[Contact, str]]) -> dict[Contact, str]:
    seen: set[str] = set()
    found: dict[Contact, str] = {}
    for contact, found_address in contacts:
        # Of those of one name the first, which was written to last.
        if found_address and found_address.lower() not in seen and contact not in found:
            seen.add(found_address.lower())
            found[contact] = found_address
    return found


def _former(payee_ids: Collection[UUID], *, now: datetime) -> dict[UUID, list[str]]:
    """The addresses to which payees were written lately, the newest first."""
    rows = (
        Notice.objects.filter(
            payee__among=payee_ids,
            outcome=Notice.Outcome.SENT,
            contact__in=(Contact.PAYEE, Contact.LOGIN),
            created_at__gt=now - _FORMER_FOR,
        )
        .order_by("-created_at")
        .values_list("payee_id", "address")
    )
    found: dict[UUID, list[str]] = defaultdict(list)
    for payee_id, sent_to in rows:
        if sent_to not in found[payee_id]:
            found[payee_id].append(sent_to)
    return found
