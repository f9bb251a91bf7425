"""To which addresses a notice goes: the payee's, or, where it protects them, those that it was staged for."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from accounts.models import Payee
from payouts.models import Notice
from payouts.notices.turns import Turn

Contact = Notice.Contact


def of(turns: Mapping[UUID, Turn]) -> dict[UUID, dict[Contact, str]]:
    """This will give each turn's addresses, by whose they are; none, where none is known."""
    return {pk: _contacts(turn) for pk, turn in turns.items()}


def _contacts(turn: Turn) -> dict[Contact, str]:
    given = [(Contact.PAYEE, address(turn.payee))] if turn.contacts is None else turn.contacts
    return {whose: found for whose, found in given if found}


def address(payee: Payee) -> str:
    """This will give the address to which a payee is written, or nothing."""
    return payee.email or ((payee.user.email or "") if payee.user is not None else "")
