"""What a transaction means, from all that was stored of it and the table of triggers: the pure rules of stage 2.

Only the newest truth decides, and every part of the answer follows from what the rows say rather than from when they
came: any order of arrival, and any overlap, gives the same result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from flexsync.snapshots import LineItem, Nonsense, Snapshot, Transition, Unclear
from flexsync.truths import Row, Truths
from marketplace_payouts.lib.currencies import UnknownCurrency, convert_exponent, exponent
from marketplace_payouts.lib.money import Money, MoneyError
from marketplace_payouts.lib.sharetribe import FlexMoney

_COMMISSION: Final = "line-item/provider-commission"
_LONGEST_REFERENCE: Final = 120


class CurrencyUnclear(Unclear):
    """How many decimals Sharetribe's amounts in a currency have is not confirmed, or does not fit."""


@dataclass(frozen=True, slots=True)
class TriggerRule:
    """One transition at which the seller is due."""

    id: int
    transition: str
    is_enabled: bool
    payment_transitions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ProcessRules:
    """What we know about one transaction process."""

    triggers: tuple[TriggerRule, ...] = ()
    cancel_transitions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Decimals:
    """How many decimals Sharetribe's amounts have, by currency, and whether staff confirmed it."""

    table: Mapping[str, int]
    confirmed: bool

    def ours(self, money: FlexMoney) -> Money:
        """This will express an amount in our own units.

        :raises CurrencyUnclear: when that is not certain to the last digit.
        """
        places = self.table.get(money.currency)
        if not self.confirmed or places is None:
            raise CurrencyUnclear(
                f"How many decimals {money.currency} has in this marketplace is not confirmed: "
                "confirm the sample prices that check_flex shows."
            )
        try:
            units, rest = convert_exponent(money.amount, places, exponent(money.currency))
            converted = Money(units, money.currency)
        except UnknownCurrency:
            raise CurrencyUnclear(f"The currency {money.currency} is not one that we can pay.") from None
        except MoneyError as error:
            raise Nonsense(str(error)) from None
        if rest:
            raise CurrencyUnclear(
                f"{money.amount} minor units of {money.currency} are finer than money can be paid."
            )
        return converted

    def perhaps(self, money: FlexMoney | None) -> Money | None:
        """This will do the same where nothing depends on it yet; None where it is not certain."""
        if money is None:
            return None
        try:
            return self.ours(money)
        except Unclear:
            return None


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment of the buyer that the marketplace recorded by a transition."""

    reference: str
    amount: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What a transaction means now; `newest` is None when it was deleted before we heard anything of it."""

    newest: Snapshot | None
    is_deleted: bool = False
    shows_stripe: bool = False
    payin: Money | None = None
    payin_then: Money | None = None
    """What the buyer was to pay when it became due."""
    payout: Money | None = None
    trigger: int | None = None
    owed: Money | None = None
    became_due_at: datetime | None = None
    source_event: str = ""
    lines: dict[str, Any] = field(default_factory=dict)
    payments: tuple[Payment, ...] = ()


def interpret(
    rows: Iterable[Row],
    *,
    processes: Mapping[str, ProcessRules],
    decimals: Decimals,
    accrued_by: int | None = None,
) -> Interpretation:
    """This will give what a transaction means by all its stored rows, in whatever order they come.

    `accrued_by` is the trigger that made it due before: it counts even if it was switched off since, so that
    a refund still finds its sale.

    :raises Nonsense: when the newest row cannot be read; a newer readable one heals it.
    :raises CurrencyUnclear: when something is due in a currency whose decimals are not certain.
    """
    truths = Truths(rows)
    newest = truths.newest()
    if newest is None:
        return Interpretation(newest=None, is_deleted=truths.is_deleted)
    rules = processes.get(newest.process, ProcessRules())
    considered = {one.transition: one for one in rules.triggers if one.is_enabled or one.id == accrued_by}
    base = Interpretation(
        newest=newest,
        is_deleted=truths.is_deleted,
        shows_stripe=truths.shows_stripe(),
        payin=decimals.perhaps(newest.payin),
        payout=decimals.perhaps(newest.payout),
        payments=_payments(truths, newest, considered.values(), decimals),
    )
    due = next((index for index, one in enumerate(newest.transitions) if one.name in considered), None)
    if due is None:
        return base
    if newest.payee is None:
        raise Nonsense("The transaction is due but names no seller.")
    trigger = considered[newest.transitions[due].name]
    owed = _owed(newest, newest.transitions[due:], trigger, rules, decimals)
    then = truths.first_with(due + 1)
    return replace(
        base,
        trigger=trigger.id,
        owed=owed,
        became_due_at=newest.transitions[due].at,
        source_event=_source_event(newest, owed),
        payin_then=decimals.perhaps(then.payin),
        lines=_lines_at(then, newest, decimals),
    )


def _owed(
    newest: Snapshot,
    since_due: Sequence[Transition],
    trigger: TriggerRule,
    rules: ProcessRules,
    decimals: Decimals,
) -> Money:
    if newest.payout is None:
        raise Nonsense("The transaction is due but has no payoutTotal.")
    if newest.payin is not None and newest.payin.currency != newest.payout.currency:
        raise Nonsense("The transaction's payinTotal and payoutTotal are in different currencies.")
    total = decimals.ours(newest.payout)
    if total.units < 0:
        raise Nonsense("The transaction's payoutTotal is negative.")
    last_due = max(index for index, one in enumerate(since_due) if one.name == trigger.transition)
    was_cancelled = any(one.name in rules.cancel_transitions for one in since_due[last_due:])
    # A process that refunds says so in its lines, and then payoutTotal is what remains. One that only moves on to
    # a cancelled state leaves payoutTotal as it was, though nothing is owed any more.
    if was_cancelled and not any(line.is_reversal for line in newest.lines):
        return Money(0, total.currency)
    return total


def _source_event(newest: Snapshot, owed: Money) -> str:
    """Name the change by its content, so that hearing it as an event or reading it ourselves is the same change."""
    step = f"{len(newest.transitions)} {newest.last_transition.removeprefix('transition/')}"
    return f"{step[:60]} {newest.digest.hex()[:16]} {owed.units}"


def _payments(
    truths: Truths, newest: Snapshot, triggers: Iterable[TriggerRule], decimals: Decimals
) -> tuple[Payment, ...]:
    confirming = frozenset[str]().union(*(one.payment_transitions for one in triggers))
    found = []
    for index, one in enumerate(newest.transitions):
        if one.name not in confirming:
            continue
        amount = decimals.perhaps(truths.first_with(index + 1).payin)
        if amount is not None and amount.units > 0:
            found.append(
                Payment(f"{newest.reference}:{index}:{one.name}"[:_LONGEST_REFERENCE], amount, one.at)
            )
    return tuple(found)


def _lines_at(then: Snapshot, newest: Snapshot, decimals: Decimals) -> dict[str, Any]:
    """Give the seller's lines as of the trigger and, where they changed since, as they are now."""
    lines = _lines(then, decimals)
    if then.lines != newest.lines:
        lines["now"] = _lines(newest, decimals)
    return lines


def _lines(snapshot: Snapshot, decimals: Decimals) -> dict[str, Any]:
    sellers = [line for line in snapshot.lines if "provider" in line.counts_for]
    gross = sum(line.total.amount for line in sellers if line.code != _COMMISSION)
    commission = sum(line.total.amount for line in sellers if line.code == _COMMISSION)
    currency = snapshot.payout.currency if snapshot.payout else ""
    return {
        "gross": _text(FlexMoney(gross, currency), decimals),
        "commission": _text(FlexMoney(commission, currency), decimals),
        "net": _text(snapshot.payout, decimals),
        "currency": currency,
        "items": [_item(line, decimals) for line in snapshot.lines],
    }


def _item(line: LineItem, decimals: Decimals) -> dict[str, Any]:
    return {
        "code": line.code,
        "quantity": line.quantity,
        "unit_price": _text(line.unit_price, decimals),
        "total": _text(line.total, decimals),
        "reversal": line.is_reversal,
        "counts_for": list(line.counts_for),
    }


def _text(money: FlexMoney | None, decimals: Decimals) -> str:
    converted = decimals.perhaps(money)
    return "" if converted is None else str(converted.units)
