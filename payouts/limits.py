"""Approvers' limits: how much a person may still approve, per currency, in the rolling window of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from accounts.models import User
from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.money import Money
from payouts.models import Approval, ApproverLimit, Payout


@dataclass(frozen=True, slots=True)
class Room:
    """What of a person's limit in one currency is left at a moment."""

    left: Money
    limit: Money
    window_hours: int


def room(*, by: User, currencies: Iterable[str], now: datetime) -> dict[str, Room]:
    """This will say how much a person may still approve, where they have a limit; another approval may take it up."""
    rows = ApproverLimit.objects.filter(user=by, currency__in=list(currencies))
    budget = Budget.from_limits(rows, by, now=now)
    return {
        code: Room(budget.left(code), Money(int(limit.units), code), limit.window_hours)
        for code, limit in budget.limits.items()
    }


def no_limit(currency: str) -> str:
    """This will say that nothing may be approved in a currency, and what to do about it."""
    return f"You have no approval limit in {currency}; an administrator can set one."


@dataclass(slots=True)
class Budget:
    """How much a person may still approve, per currency, in the rolling window of each limit."""

    limits: dict[str, ApproverLimit]
    used: dict[str, int]

    @classmethod
    def of(cls, user: User, currencies: set[str], *, now: datetime) -> Budget:
        """This will lock the person's limits, so that two approvals at once are counted one after the other."""
        rows = ApproverLimit.objects.filter(user=user, currency__in=currencies).order_by("pk")
        return cls.from_limits(rows.select_for_update(), user, now=now)

    @classmethod
    def from_limits(cls, rows: Iterable[ApproverLimit], user: User, *, now: datetime) -> Budget:
        """This will count what the person approved within the window of each limit."""
        limits = {row.currency: row for row in rows}
        used = {}
        for currency, row in limits.items():
            given = Approval.objects.filter(
                by=user,
                currency=currency,
                result=Approval.Result.GIVEN,
                at__gt=now - timedelta(hours=row.window_hours),
            )
            used[currency] = int(given.aggregate(total=Sum("units"))["total"] or 0)
        return cls(limits, used)

    def why_not(self, payout: Payout) -> str:
        """This will count a payout against its limit, or say why it does not fit."""
        limit = self.limits.get(payout.debt_currency)
        if limit is None:
            return no_limit(payout.debt_currency)
        total = self.used[payout.debt_currency] + int(payout.debt_units)
        if total > limit.units:
            return (
                f"Over your limit: {format_amount(self.left(payout.debt_currency))} left"
                f" of {format_amount(Money(int(limit.units), payout.debt_currency))} in {limit.window_hours} hours."
            )
        self.used[payout.debt_currency] = total
        return ""

    def left(self, currency: str) -> Money:
        """This will give what of a limit is left, never less than nothing."""
        return Money(max(int(self.limits[currency].units) - self.used[currency], 0), currency)

    def snapshot(self, currency: str) -> dict[str, str]:
        """This will give limit and use as they stand, for the approval's row."""
        limit = self.limits.get(currency)
        if limit is None:
            return {}
        return {
            "limit": str(limit.units),
            "used": str(self.used[currency]),
            "window_hours": str(limit.window_hours),
        }
