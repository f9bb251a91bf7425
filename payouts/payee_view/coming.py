"""The next payout of a payee, by currency: when it is to be made, and what will be in it as far as is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from accounts.models import Payee
from marketplace_payouts.lib.money import Money
from payouts import gates
from payouts.blocks import Reason
from payouts.gates import GateAnswer
from payouts.models import Payable
from payouts.payee_view.reasons import Reasoned, reasoned, told
from payouts.payee_view.shapes import Next

MOST: Final = 2_000
"""Of how many open payables the next payout is worked out, those that are due first before the others."""

_OF_TIME: Final = frozenset({"due", "minimum"})
_OF_THE_PAYEE: Final = frozenset(
    {"payee_active", "method_present", "method_verified", "stripe_verified", "method_cooled", "held"}
)
"""What stops all that a payee is owed alike; any other gate leaves something out of the payout."""


@dataclass(frozen=True, slots=True)
class _Family:
    """A payable with its open compensations, which are gathered together or not at all."""

    units: int
    least: int
    ready_at: datetime
    why: Sequence[Reasoned]


def next_payouts(*, payee_id: UUID, now: datetime) -> list[Next]:
    """This will give the next payout in each currency in which something is owed and nothing stands against it."""
    payee = Payee.objects.get(pk=payee_id)
    opened = Payable.objects.filter(payee=payee_id, settled=Payable.Settled.NOT)
    rows = list(opened.order_by("due_at", "pk")[:MOST])
    answers = gates.explain_payables([row.pk for row in rows], now=now)
    found: dict[str, list[_Family]] = defaultdict(list)
    for family in _families(rows):
        failing = [one for row in family for one in answers[row.pk] if not one.passed]
        if all(one.gate in _OF_TIME | _OF_THE_PAYEE for one in failing):
            found[family[0].currency].append(_family(family, failing, payee, now=now))
    return [_next(currency, families, now=now) for currency, families in sorted(found.items())]


def _families(rows: Iterable[Payable]) -> Iterable[list[Payable]]:
    families: dict[UUID, list[Payable]] = defaultdict(list)
    for row in rows:
        families[row.original_id or row.pk].append(row)
    return families.values()


def _family(
    rows: Sequence[Payable], failing: Iterable[GateAnswer], payee: Payee, *, now: datetime
) -> _Family:
    pay_now = payee.pay_now_at is not None
    moments = [max(row.hold_until, now if pay_now else row.due_at) for row in rows]
    return _Family(
        units=sum(int(row.units) for row in rows),
        least=0 if pay_now else max(int(row.minimum_units) for row in rows),
        ready_at=max(*moments, now),
        why=[reasoned(one) for one in failing if one.gate in _OF_THE_PAYEE],
    )


def _next(currency: str, families: Sequence[_Family], *, now: datetime) -> Next:
    """The first moment at which all that is ready by then is enough."""
    units = least = 0
    why: list[Reasoned] = []
    by_moment: dict[datetime, list[_Family]] = defaultdict(list)
    for family in families:
        by_moment[family.ready_at].append(family)
    for at, ready in sorted(by_moment.items()):
        units += sum(family.units for family in ready)
        least = max(least, *(family.least for family in ready))
        why += [one for family in ready for one in family.why]
        if units >= max(least, 1):
            return _ready(Money(units, currency), at, why, now=now)
    why.append(
        (Reason.MINIMUM, None, Money(least, currency)) if units > 0 else (Reason.DEDUCTIONS, None, None)
    )
    return Next(amount=Money(units, currency), at=None, why=told(why))


def _ready(amount: Money, ready_at: datetime, why: Iterable[Reasoned], *, now: datetime) -> Next:
    """When it is made: after whatever ends by itself; nobody knows when, where something must be done first.

    The usual checks change neither the day nor what is told before it: a hold must not show in either.
    """
    others = [one for one in why if one[0] is not Reason.CHECKS]
    moments = [until for _, until, _ in others if until is not None]
    at = max([ready_at, *moments])
    if len(moments) < len(others) or at <= now:
        return Next(amount=amount, at=None, why=told(others or [(Reason.CHECKS, None, None)]))
    return Next(amount=amount, at=at, why=told(others))
