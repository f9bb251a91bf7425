"""A provider's own list against our attempts, both ways; nothing is written here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.money import Money
from payouts import methods
from payouts.models import Attempt, AttemptState
from payouts.providers.base import PayoutProvider, Statement, StatementLine

# How far the provider's time of a debit may lie from our sending, where only destination and amount can match it.
_NEAR: Final = timedelta(days=3)
DEAD: Final = (AttemptState.REFUSED, AttemptState.ABSENT)
_OUT, _BACK = "debit", "return"


@dataclass(slots=True)
class Account:
    """What the provider lists about one of our attempts."""

    attempt: Attempt
    debits: list[StatementLine] = field(default_factory=list)
    returns: list[StatementLine] = field(default_factory=list)

    @property
    def out(self) -> int:
        """What was debited, in smallest units."""
        return sum(line.amount.units for line in self.debits)

    @property
    def back(self) -> int:
        """What came back, in smallest units."""
        return sum(line.amount.units for line in self.returns)

    @property
    def excess(self) -> int:
        """What was debited beyond what we sent: a second payment."""
        return max(0, self.out - int(self.attempt.units))


@dataclass(frozen=True, slots=True)
class Difference:
    """Something in which the provider's list and our attempts contradict each other."""

    kind: str
    sentence: str
    line: StatementLine | None = None
    attempt: Attempt | None = None


@dataclass(slots=True)
class Comparison:
    """The whole: what matched, what did not, and how far it goes."""

    provider: str
    since: datetime
    complete_until: datetime
    accounts: dict[UUID, Account] = field(default_factory=dict)
    unmatched: list[StatementLine] = field(default_factory=list)
    """Debits, returns and what is unexplained that belong to none of our attempts."""
    top_ups: list[StatementLine] = field(default_factory=list)
    withdrawals: list[StatementLine] = field(default_factory=list)
    conversions: list[StatementLine] = field(default_factory=list)
    fees: list[StatementLine] = field(default_factory=list)
    account_fees: list[StatementLine] = field(default_factory=list)


def compare(provider: PayoutProvider, statement: Statement, *, since: datetime) -> Comparison:
    """This will match each line with an attempt: by our keys, by the provider's ids, else by destination and amount."""
    comparison = Comparison(provider.name, since, statement.complete_until)
    moving = [line for line in statement.lines if line.kind in (_OUT, _BACK, "other")]
    comparison.top_ups = [line for line in statement.lines if line.kind == "top_up"]
    comparison.withdrawals = [line for line in statement.lines if line.kind == "withdrawal"]
    comparison.conversions = [line for line in statement.lines if line.kind == "conversion"]
    comparison.fees = [line for line in statement.lines if line.kind == "fee"]
    comparison.account_fees = [line for line in statement.lines if line.kind == "account_fee"]
    found = _by_ids(provider.name, moving)
    later = []
    for line in moving:
        attempt = found.get((line.item_key, line.item_reference, line.reference))
        if attempt is not None and line.kind in (_OUT, _BACK):
            _enter(comparison, attempt, line)
        else:
            later.append(line)
    _by_destination(provider.name, later, comparison)
    return comparison


def _by_ids(provider: str, lines: Sequence[StatementLine]) -> dict[tuple[str, str, str], Attempt]:
    keys = {line.item_key for line in lines if line.item_key}
    references = {text for line in lines for text in (line.item_reference, line.reference) if text}
    attempts = Attempt.objects.filter(provider=provider).select_related("payout", "batch")
    by_key = {a.key: a for a in attempts.filter(key__in=keys)}
    by_reference = {a.reference: a for a in attempts.filter(reference__in=references)}
    found = {}
    for line in lines:
        attempt = (
            by_key.get(line.item_key)
            or by_reference.get(line.item_reference)
            or by_reference.get(line.reference)
        )
        if attempt is not None:
            found[line.item_key, line.item_reference, line.reference] = attempt
    return found


def _enter(comparison: Comparison, attempt: Attempt, line: StatementLine) -> None:
    account = comparison.accounts.setdefault(attempt.pk, Account(attempt))
    (account.debits if line.kind == _OUT else account.returns).append(line)


def _by_destination(provider: str, lines: Sequence[StatementLine], comparison: Comparison) -> None:
    """Only a debit without any id of ours, and only where exactly one attempt fits that has no debit yet."""
    nameless = [line for line in lines if line.kind == _OUT and line.destination and not line.item_key]
    candidates = _candidates(provider, nameless)
    for line in lines:
        fitting = [
            attempt
            for attempt in candidates.get(place_of(provider, line), ())
            if line in nameless
            and attempt.pk not in comparison.accounts
            and abs(attempt.created_at - line.at) <= _NEAR
        ]
        if len(fitting) == 1:
            _enter(comparison, fitting[0], line)
        else:
            comparison.unmatched.append(line)


def place_of(provider: str, line: StatementLine) -> tuple[str, int, str]:
    """This will give what a line and an attempt without a common id must share: mark, amount, currency."""
    mark = methods.echo_fingerprint(provider, line.destination) if line.destination else ""
    return mark, line.amount.units, line.amount.currency


def _candidates(
    provider: str, lines: Iterable[StatementLine]
) -> Mapping[tuple[str, int, str], list[Attempt]]:
    marks = {place_of(provider, line)[0] for line in lines}
    found: dict[tuple[str, int, str], list[Attempt]] = defaultdict(list)
    attempts = Attempt.objects.filter(provider=provider, destination__in=marks).select_related(
        "payout", "batch"
    )
    for attempt in attempts:
        found[attempt.destination, int(attempt.units), attempt.currency].append(attempt)
    return found


def differences(comparison: Comparison, *, settle_time: timedelta) -> list[Difference]:
    """This will say in what the two lists contradict each other."""
    found = [_stranger(comparison.provider, line) for line in comparison.unmatched]
    for account in comparison.accounts.values():
        found += _judge(account)
    return found + _missing(comparison, settle_time=settle_time)


def _stranger(provider: str, line: StatementLine) -> Difference:
    amount = format_amount(line.amount)
    if line.kind == _OUT:
        sentence = f"{provider} lists a payment of {amount} that we did not send: {line.reference}."
        return Difference("foreign_debit", sentence, line=line)
    return Difference(
        "unexplained_movement",
        f"{provider} lists {amount} that we cannot explain: {line.reference}.",
        line=line,
    )


def _judge(account: Account) -> list[Difference]:
    attempt = account.attempt
    number, units = attempt.payout.number, int(attempt.units)
    sent = format_amount(Money(units, attempt.currency))
    if any(line.amount.currency != attempt.currency for line in (*account.debits, *account.returns)):
        return [
            Difference("other_currency", f"{number}: {sent} was moved in another currency.", attempt=attempt)
        ]
    if len(account.debits) > 1 and account.out - account.back > units:
        return [
            Difference(
                "second_payment", f"{number}: {sent} was debited more than once.", line=line, attempt=attempt
            )
            for line in account.debits[1:]
        ]
    if account.debits and account.debits[0].amount.units != units:
        listed = format_amount(account.debits[0].amount)
        return [
            Difference("wrong_amount", f"{number}: we sent {sent}, {listed} was debited.", attempt=attempt)
        ]
    if attempt.state in DEAD and account.out > account.back:
        return [
            Difference(
                "debit_of_the_dead",
                f"{number}: {sent} was debited for what counts as refused.",
                attempt=attempt,
            )
        ]
    return []


def _missing(comparison: Comparison, *, settle_time: timedelta) -> list[Difference]:
    """Attempts that count as paid long enough before the list ends, and that it does not show."""
    settled = Attempt.objects.filter(
        provider=comparison.provider,
        state=AttemptState.SETTLED,
        batch__first_sent_at__gte=comparison.since,
        batch__last_sent_at__lte=comparison.complete_until - settle_time,
        closed_at__lte=comparison.complete_until - settle_time,
    ).select_related("payout", "batch")
    return [
        Difference(
            "missing_debit",
            f"{attempt.payout.number} counts as paid, and {comparison.provider} does not list it.",
            attempt=attempt,
        )
        for attempt in settled
        if attempt.pk not in comparison.accounts or not comparison.accounts[attempt.pk].debits
    ]
