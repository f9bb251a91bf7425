"""Which notices a payee gets: all but what the marketplace, or they themselves, have switched off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import Payee
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts.errors import Refused
from payouts.models import NoticeSwitch
from payouts.notices import kinds
from payouts.notices.kinds import Kind


@dataclass(frozen=True, slots=True)
class Switch:
    """One kind of notice, as a payee has it."""

    kind: Kind
    is_wanted: bool
    """By the payee."""
    is_offered: bool
    """By the marketplace: false where it sends none of them to anybody."""

    @property
    def is_on(self) -> bool:
        """Whether the payee gets it."""
        return self.is_wanted and self.is_offered


class NotSwitchable(Refused):
    """There is no such kind of notice, or it cannot be switched off."""


def of(payee: Payee) -> list[Switch]:
    """This will give every kind of notice and whether the payee gets it."""
    unwanted = off([payee.pk])[payee.pk]
    closed = kinds.off_by_marketplace()
    return [
        Switch(kind, is_wanted=name not in unwanted, is_offered=name not in closed)
        for name, kind in kinds.KINDS.items()
    ]


def off(payee_ids: Collection[UUID]) -> dict[UUID, set[str]]:
    """This will give the kinds that each payee does not want, in one statement."""
    found: dict[UUID, set[str]] = defaultdict(set)
    rows = NoticeSwitch.objects.filter(payee__among=payee_ids, kind__in=kinds.SWITCHES)
    for payee_id, kind in rows.values_list("payee_id", "kind"):
        found[payee_id].add(kind)
    return found


def set_off(payee: Payee, unwanted: Iterable[str], *, now: datetime) -> None:
    """This will have the payee get every notice but these.

    :raises NotSwitchable: when one of them cannot be switched off.
    """
    names = {checked(name) for name in unwanted}
    with transaction.atomic():
        # Of two at once the later one says what holds.
        Payee.objects.select_for_update(no_key=True).get(pk=payee.pk)
        NoticeSwitch.objects.filter(payee=payee).exclude(kind__in=names).delete()
        _insert(payee, names, now=now)


def switch(payee: Payee, kind: str, *, on: bool, now: datetime) -> None:
    """This will switch one kind of notice on or off; doing so twice changes nothing.

    :raises NotSwitchable: when it cannot be switched off.
    """
    name = checked(kind)
    if on:
        NoticeSwitch.objects.filter(payee=payee, kind=name).delete()
    else:
        _insert(payee, {name}, now=now)


def checked(kind: str) -> str:
    """This will give the kind back, if it can be switched off.

    :raises NotSwitchable: when it cannot.
    """
    if kind in kinds.SWITCHES:
        return kind
    known = ", ".join(kinds.SWITCHES)
    if kind in kinds.KINDS:
        raise NotSwitchable(f"{kind} protects the payee and cannot be switched off; these can: {known}.")
    raise NotSwitchable(f"There is no such notice; there are: {known}.")


def _insert(payee: Payee, names: Collection[str], *, now: datetime) -> None:
    rows = [NoticeSwitch(id=uuid7(), payee=payee, kind=name, off_at=now) for name in sorted(names)]
    rowsets.insert(NoticeSwitch, rows, on_conflict="DO NOTHING")
