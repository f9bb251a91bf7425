"""Everything the gates look at, loaded for a whole set with a number of statements that does not grow with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model, Q

from accounts.models import Marketplace, Payee
from payments import sellers, standing
from payments.standing import Payments
from payouts import marks
from payouts.models import (
    Announcement,
    Approval,
    ApprovalPolicy,
    ApprovalThreshold,
    Hold,
    Payable,
    Payout,
    PayoutLine,
    PayoutMethod,
    ProviderFunds,
    Rail,
    Source,
    SourceCheck,
    Trigger,
)

Row = TypeVar("Row", bound=Model)


@dataclass(slots=True)
class Facts:
    """What is known about one payout, or about one payable that is in none."""

    now: datetime
    payee: Payee
    payables: list[Payable]
    method: PayoutMethod | None = None
    payout: Payout | None = None
    lines: list[PayoutLine] = field(default_factory=list)
    """The live lines, by payable id."""
    loose: list[Payable] = field(default_factory=list)
    """Open compensations of these payables that are in no payout."""
    holds: list[Hold] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    checks: dict[UUID, SourceCheck] = field(default_factory=dict)
    announced: set[UUID] = field(default_factory=set)
    payments: dict[UUID, Payments] = field(default_factory=dict)
    """Transaction id → how its buyer's payment stands; what has none is missing."""
    is_verified_at_stripe: bool = True
    """Of a method by Stripe: whether it is the payee's present account, which Stripe has verified; of any other it
    says nothing."""
    two_people_above: int | None = None
    """Threshold of the payout's currency; None means that two people are always needed."""
    policy_version: int = 0
    """Version of the approval policy in force for the currency; 0 for none."""
    digest: bytes = b""
    """What an approval of it binds, once `digests.digest_of` was asked."""
    has_funds: bool = True
    funds_sentence: str = ""

    @property
    def sources(self) -> list[Source]:
        """The transactions behind the payables."""
        return [row.source for row in self.payables if row.source is not None]


def rails_of(provider: str, currency: str) -> tuple[str, str, str]:
    """This will name the rails that a payout runs on; a hold on any of them stops it."""
    return "everything", f"provider:{provider}", f"currency:{currency}"


def for_payouts(payouts: Sequence[Payout], *, now: datetime, lock: bool = False) -> dict[UUID, Facts]:
    """This will load the facts of payouts; with `lock`, payees, methods, approvals, holds and rails `FOR SHARE`.

    Without `lock` the payouts must carry `payee` and `method`; with it they are read here, after the wait for their
    locks, and the payouts must be locked by the caller.
    """
    if lock:
        _share(Payee, {payout.payee_id for payout in payouts})
        _share(PayoutMethod, {payout.method_id for payout in payouts})
        _read_again(payouts)
        _share(Rail, {name for p in payouts for name in rails_of(p.provider, p.sent_currency)})
    lines = _lines(payouts)
    facts = {
        payout.pk: Facts(
            now=now,
            payee=payout.payee,
            method=payout.method,
            payout=payout,
            payables=[line.payable for line in lines[payout.pk]],
            lines=lines[payout.pk],
        )
        for payout in payouts
    }
    _add_verified(facts.values())
    _add_holds(facts.values(), lock=lock)
    _add_approvals(facts, lock=lock)
    _add_sources(facts.values())
    _add_loose(facts.values(), beside=Q())
    _add_announcements(facts)
    _add_thresholds(facts.values())
    _add_funds(facts.values())
    return facts


def for_payables(payables: Sequence[Payable], *, now: datetime) -> dict[UUID, Facts]:
    """This will load the facts of payables that are in no payout; they must carry payee, source and trigger."""
    methods = {
        method.payee_id: method
        for method in PayoutMethod.objects.filter(
            payee__among={row.payee_id for row in payables}, retired_at__isnull=True
        )
    }
    facts = {
        row.pk: Facts(now=now, payee=row.payee, payables=[row], method=methods.get(row.payee_id))
        for row in payables
    }
    _add_verified(facts.values())
    _add_holds(facts.values(), lock=False)
    _add_sources(facts.values())
    # What waits for nobody is gathered together with them.
    _add_loose(facts.values(), beside=~Q(waits_for=Payable.Waits.NOTHING))
    return facts


def _share(model: type[Model], keys: set[UUID] | set[str]) -> None:
    """FOR SHARE in the order of the key, so that two claims cannot deadlock; the rows themselves are not needed."""
    quote, key = connection.ops.quote_name, model._meta.pk.column
    assert key is not None
    column = quote(key)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM {quote(model._meta.db_table)} WHERE {column} = ANY(%s) ORDER BY {column} FOR SHARE",  # noqa: S608 - names are quoted
            [list(keys)],
        )


def _read_again(payouts: Sequence[Payout]) -> None:
    """What came along with the payouts was read before the wait for its locks: it may have been frozen or retired."""
    payees = {row.pk: row for row in Payee.objects.filter(pk__among={payout.payee_id for payout in payouts})}
    methods = {row.pk: row for row in PayoutMethod.objects.filter(pk__among={p.method_id for p in payouts})}
    marketplaces = Marketplace.objects.in_bulk({payee.marketplace_id for payee in payees.values()})
    for payee in payees.values():
        payee.marketplace = marketplaces[payee.marketplace_id]
    for payout in payouts:
        payout.payee, payout.method = payees[payout.payee_id], methods[payout.method_id]


def _lines(payouts: Sequence[Payout]) -> dict[UUID, list[PayoutLine]]:
    found: dict[UUID, list[PayoutLine]] = defaultdict(list)
    rows = PayoutLine.objects.filter(payout__among=payouts, released_at__isnull=True).select_related(
        "payable__source"
    )
    triggers = Trigger.objects.select_related("process").in_bulk(
        {line.payable.trigger_id for line in rows} - {None}
    )
    for line in rows:
        # A handful of triggers stands behind them all: made once each, and not once for each line.
        if line.payable.trigger_id is not None:
            line.payable.trigger = triggers[line.payable.trigger_id]
        found[line.payout_id].append(line)
    for lines in found.values():
        lines.sort(key=lambda line: line.payable_id)
    return found


def _add_verified(facts: Iterable[Facts]) -> None:
    """Whom Stripe takes its verification away from is no danger to the money: it refuses to be paid to. So no lock."""
    by_stripe = [
        (one, one.method)
        for one in facts
        if one.method is not None and one.method.provider == sellers.PROVIDER
    ]
    accounts = sellers.verified_accounts([one.payee.pk for one, _ in by_stripe]) if by_stripe else {}
    for one, method in by_stripe:
        # Theirs now: a former account, or one that somebody typed, is not what Stripe has verified.
        account = accounts.get(one.payee.pk, "")
        mark = marks.of_echo(sellers.PROVIDER, account) if account else ""
        one.is_verified_at_stripe = mark == method.fingerprint


def _add_holds(facts: Iterable[Facts], *, lock: bool) -> None:
    facts = list(facts)
    by_target: dict[object, list[Facts]] = defaultdict(list)
    for one in facts:
        by_target[one.payee.pk].append(one)
        if one.method is not None:
            by_target[one.method.pk].append(one)
        if one.payout is not None:
            by_target[one.payout.pk].append(one)
        for name in _rails(one):
            by_target[name].append(one)
    wanted = Q(payee__among={one.payee.pk for one in facts})
    wanted |= Q(method__among={one.method.pk for one in facts if one.method is not None})
    wanted |= Q(payout__among={one.payout.pk for one in facts if one.payout is not None})
    wanted |= Q(rail__in=[key for key in by_target if isinstance(key, str)])
    holds = Hold.objects.filter(wanted, lifted_at__isnull=True).order_by("set_at")
    if lock:
        _share(Hold, {hold.pk for hold in holds})
    for hold in holds:
        target = hold.payee_id or hold.method_id or hold.payout_id or hold.rail_id
        for one in by_target[target]:
            one.holds.append(hold)


def _rails(one: Facts) -> Sequence[str]:
    if one.payout is not None:
        return rails_of(one.payout.provider, one.payout.sent_currency)
    if one.method is not None:
        return rails_of(one.method.provider, one.payables[0].currency)
    return ("everything",)


def _add_approvals(facts: dict[UUID, Facts], *, lock: bool) -> None:
    approvals = Approval.objects.filter(
        payout__among=facts, result=Approval.Result.GIVEN, revoked_at__isnull=True
    ).order_by("at")
    if lock:
        _share(Approval, {approval.pk for approval in approvals})
    for approval in approvals:
        facts[approval.payout_id].approvals.append(approval)


def _add_sources(facts: Iterable[Facts]) -> None:
    facts = list(facts)
    sources = {source.pk: source for one in facts for source in one.sources}
    checks = {check.pk: check for check in SourceCheck.objects.filter(pk__among=sources)}
    payments = standing.load([source.reference for source in sources.values()])
    for one in facts:
        for source in one.sources:
            if source.reference in payments:
                one.payments[source.reference] = payments[source.reference]
            if source.pk in checks:
                one.checks[source.pk] = checks[source.pk]


def _add_loose(facts: Iterable[Facts], *, beside: Q) -> None:
    """What a transaction takes back of these payables, or of what came back of it, and is not paid with them.

    Also what waits for a decision: it was heard while the payout was on its way, which then did not go after all.
    """
    facts = list(facts)
    by_payable = {row.pk: one for one in facts for row in one.payables}
    by_source: dict[UUID, list[Facts]] = defaultdict(list)
    for one in facts:
        for row in one.payables:
            if row.purpose == Payable.Purpose.RETURNED and row.source_id is not None:
                by_source[row.source_id].append(one)
    of_the_returned = Q(source__among=by_source, waits_for=Payable.Waits.CLAWBACK)
    taken_back = Payable.objects.filter(Q(original__among=by_payable) | of_the_returned, settled="")
    # A carried rest is owed beside the payout that it was rounded off from.
    taken_back = taken_back.exclude(purpose=Payable.Purpose.CARRY)
    for row in taken_back.filter(beside):
        if row.original_id in by_payable:
            by_payable[row.original_id].loose.append(row)
        elif row.source_id is not None:
            for one in by_source[row.source_id]:
                one.loose.append(row)


def _add_announcements(facts: dict[UUID, Facts]) -> None:
    for payout_id, source_id in Announcement.objects.filter(payout__among=facts).values_list(
        "payout_id", "source_id"
    ):
        facts[payout_id].announced.add(source_id)


def _add_thresholds(facts: Iterable[Facts]) -> None:
    thresholds = {row.currency: int(row.units) for row in ApprovalThreshold.objects.all()}
    policies = dict(
        ApprovalPolicy.objects.filter(retired_at__isnull=True, enabled=True).values_list(
            "currency", "version"
        )
    )
    for one in facts:
        assert one.payout is not None
        one.two_people_above = thresholds.get(one.payout.debt_currency)
        one.policy_version = policies.get(one.payout.debt_currency, 0)


def _add_funds(facts: Iterable[Facts]) -> None:
    known = {
        (row.provider, row.currency): row
        for row in ProviderFunds.objects.exclude(available_units__isnull=True).select_related(None)
    }
    for one in facts:
        assert one.payout is not None
        row = known.get((one.payout.provider, one.payout.sent_currency))
        if (
            row is not None
            and row.available_units is not None
            and row.available_units < one.payout.sent_units
        ):
            one.has_funds = False
            one.funds_sentence = f"{row.provider} holds too little {row.currency}."
