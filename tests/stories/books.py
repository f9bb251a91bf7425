"""The three books compared to the cent: a provider's ledger, our postings, and what Sharetribe says is owed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from payments.models import PaymentIn
from payouts.models import (
    Attempt,
    AttemptState,
    Payable,
    Payout,
    PayoutLine,
    Posting,
    Source,
    State,
)
from tests.sandbox_services import SandboxService

_COMMITTED = (AttemptState.COMMITTED, AttemptState.UNKNOWN, AttemptState.ACCEPTED)
_SET_ASIDE = (State.PENDING, State.AWAITING_APPROVAL, State.APPROVED, State.FAILED)

Balances = dict[tuple[str, str], int]
"""(account, currency) → debits less credits, in smallest units."""


def balances() -> Balances:
    """Add all postings up."""
    found: Balances = Counter()
    for debit, credit, currency, units in Posting.objects.values_list("debit", "credit", "currency", "units"):
        found[debit, currency] += int(units)
        found[credit, currency] -= int(units)
    return {key: units for key, units in found.items() if units}


def disagreements(*, flex: SandboxService, provider: SandboxService, suspense: int = 0) -> list[str]:
    """Name everything in which the books differ; `provider` is the service through which everybody is paid."""
    booked = balances()
    return [
        *_accounts(booked, expected(), suspense=suspense),
        *_provider(provider, booked, suspense=suspense),
        *_sharetribe(flex),
        *_lines(),
    ]


def expected() -> Balances:
    """Say what each account must hold, from payables, payouts and attempts alone."""
    should: Balances = Counter()
    for row in Payable.objects.all():
        _owe(should, row)
    for payout in Payout.objects.filter(state__in=_SET_ASIDE):
        should[f"allocated:{payout.pk}", payout.debt_currency] -= int(payout.debt_units)
    for attempt in Attempt.objects.all():
        _send(should, attempt)
    return {key: units for key, units in should.items() if units}


def _owe(should: Balances, row: Payable) -> None:
    units = int(row.units)
    is_receivable = row.waits_for == Payable.Waits.CLAWBACK or row.decided.startswith(
        ("net", "write", "repaid")
    )
    if row.purpose != Payable.Purpose.RETURNED:
        should["due_from_marketplace", row.currency] += units
    if row.settled == Payable.Settled.NOT:
        account = f"receivable:{row.payee_id}" if is_receivable else f"owed:{row.payee_id}"
        should[account, row.currency] -= units
    elif row.settled == Payable.Settled.BY_HAND:
        should["due_from_marketplace", row.currency] -= units
    elif row.settled == Payable.Settled.WRITTEN_OFF:
        should["write_off", row.currency] -= units
    elif row.settled == Payable.Settled.REPAID:
        should["provider_cash:manual", row.currency] -= units


def _send(should: Balances, attempt: Attempt) -> None:
    provider, currency, units = attempt.provider, attempt.currency, int(attempt.units)
    if attempt.state in _COMMITTED:
        should[f"committed:{provider}", currency] -= units
        if attempt.debited:
            should[f"in_transit:{provider}", currency] += units
    if attempt.debited:
        should[f"provider_cash:{provider}", currency] -= units
    should[f"provider_cash:{provider}", currency] += int(attempt.returned_units)
    if attempt.state == AttemptState.RETURNED and not attempt.debited:
        # It came back before it counted as paid: the debit was taken back as a whole.
        should[f"provider_cash:{provider}", currency] -= int(attempt.returned_units)
    if attempt.fee_units:
        should[f"provider_cash:{provider}", attempt.fee_currency] -= int(attempt.fee_units)
        should[f"fees:{provider}", attempt.fee_currency] += int(attempt.fee_units)


def _accounts(booked: Balances, should: Balances, *, suspense: int) -> Iterator[str]:
    for account, currency in sorted(booked.keys() | should.keys()):
        if account.startswith("suspense:"):
            if booked[account, currency] != suspense:
                yield f"{account} holds {booked[account, currency]} {currency}, not {suspense}"
            continue
        has, wants = booked.get((account, currency), 0), should.get((account, currency), 0)
        if account.startswith("provider_cash:") and suspense:
            continue  # compared with the provider itself
        if has != wants:
            yield f"{account} holds {has} {currency}, but the rows say {wants}"
    if suspense and not any(account.startswith("suspense:") for account, _ in booked):
        yield f"nothing stands in suspense, not {suspense}"


def _provider(service: SandboxService, booked: Balances, *, suspense: int) -> Iterator[str]:
    """Each attempt against what the provider says it moved, and its account against ours."""
    attempts = {a.key: a for a in Attempt.objects.filter(provider=service.name)}
    # Of these nobody says yet whether they moved anything, and the provider may move it at any moment.
    unknown = {key for key, a in attempts.items() if a.state == AttemptState.UNKNOWN and not a.debited}
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    cash: Counter[str] = Counter()
    for entry in service.ledger():
        units = int(entry["units"])
        sums[entry["reference"]][entry["kind"]] += units
        if entry["reference"] not in unknown:
            cash[entry["currency"]] += units if entry["kind"] == "return" else -units
    for key in sorted(sums.keys() - attempts.keys()):
        yield f"{service.name} moved {dict(sums[key])} for {key}, which is no attempt of ours"
    for key, attempt in attempts.items():
        yield from _attempt(attempt, sums.get(key, Counter()))
    for currency in sorted({c for a, c in booked if a == f"provider_cash:{service.name}"} | cash.keys()):
        ours = booked.get((f"provider_cash:{service.name}", currency), 0)
        if ours != cash[currency]:
            yield f"{service.name}'s account changed by {cash[currency]} {currency}, ours by {ours}"


def _attempt(attempt: Attempt, moved: Mapping[str, int]) -> Iterator[str]:
    name = f"{attempt.payout.number} attempt {attempt.n} ({attempt.state})"
    debited, back = moved.get("debit", 0), moved.get("return", 0)
    if debited > attempt.units:
        yield f"{name} was paid more than once: {debited} instead of {attempt.units}"
    kept = debited - back
    ours = int(attempt.units) - int(attempt.returned_units) if attempt.debited else 0
    if attempt.state == AttemptState.RETURNED:
        ours = int(attempt.units) - int(attempt.returned_units)
    if attempt.state != AttemptState.UNKNOWN and kept != ours:
        yield f"{name} moved {kept}, we say {ours}"
    if attempt.state in (AttemptState.REFUSED, AttemptState.ABSENT) and kept and not attempt.debited:
        yield f"{name} counts as not paid, but {kept} moved"


def _sharetribe(flex: SandboxService) -> Iterator[str]:
    """What each transaction makes us owe is what is accrued for it."""
    accrued: Counter[str] = Counter()
    for reference, units in Payable.objects.filter(
        source__isnull=False, purpose__in=("sale", "change", "loss")
    ).values_list("source__reference", "units"):
        accrued[str(reference)] += int(units)
    for source in Source.objects.all():
        truth = flex.get(f"/_sandbox/transactions/{source.reference}")
        total = truth["payout_total"]
        wants = 0 if total is None else int(total["amount"])
        wants -= _lost(source, wants, truth["payin_total"])
        if str(source.reference) in accrued and accrued[str(source.reference)] != wants:
            yield f"{source.reference} owes {wants}, we accrued {accrued[str(source.reference)]}"


def _lost(source: Source, owed: int, payin: dict[str, Any] | None) -> int:
    """What the buyer's money took with it: the seller's part of what is missing of the total, and had come before."""
    came: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    gone: dict[str, int] = {}
    facts = PaymentIn.objects.filter(transaction_id=source.reference, currency=source.currency)
    for fact in facts.order_by("happened_at"):
        if fact.kind == "received":
            came[fact.origin == "sharetribe"][fact.reference] = int(fact.units)
        elif fact.kind == "regained":
            gone[fact.reference] = max(gone.get(fact.reference, 0) - int(fact.units), 0)
        elif fact.kind != "failed":
            gone[fact.reference] = int(fact.units)
    paid = max(witness.total() for witness in came.values())
    away = min(sum(gone.values()), paid)
    total = 0 if payin is None else int(payin["amount"])
    missing = min(away, max(total - (paid - away), 0))
    return owed * missing // total if total else 0


def _lines() -> Iterator[str]:
    """A payout's live lines add up to it, and no payable is in two that may be, or were, paid."""
    sums: Counter[object] = Counter()
    for payout_id, units in PayoutLine.objects.filter(released_at__isnull=True).values_list(
        "payout_id", "units"
    ):
        sums[payout_id] += int(units)
    for payout in Payout.objects.exclude(state=State.CANCELLED):
        if sums[payout.pk] != payout.debt_units:
            yield f"{payout.number} is {payout.debt_units}, its lines {sums[payout.pk]}"
    for payout in Payout.objects.filter(state=State.CANCELLED):
        if sums[payout.pk]:
            yield f"{payout.number} was let go, but holds {sums[payout.pk]}"
