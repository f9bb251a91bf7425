"""Approved payouts by the thousand, written with COPY: what the stages before would have left, digests and records too.

The gates hold them as strictly as any others: a digest or a fingerprint that were wrong here would not be paid.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib.auth.models import Group
from django.db import connection, models
from psycopg.types.json import Jsonb

from accounts.models import Marketplace, Payee, User
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.clock import utc_now
from marketplace_payouts.lib.ids import public_number, uuid7
from payouts import digests, facts, ledger, methods
from payouts.facts import Facts
from payouts.lifecycle import chain_hash
from payouts.models import (
    Announcement,
    Approval,
    ApprovalThreshold,
    ApproverLimit,
    Payable,
    Payout,
    PayoutEvent,
    PayoutLine,
    PayoutMethod,
    Posting,
    Rail,
    Source,
    SourceCheck,
    State,
    Trigger,
)

CURRENCY: Final = "EUR"
APPROVER: Final = "approver@bench.example"
_MARKETPLACE: Final = UUID("0191bbbb-0000-7000-8000-000000000001")
_SMALLEST: Final = 1_000
_DIFFERENT: Final = 9_000
_AT_ONCE: Final = 2_000
_DIGEST: Final = b"\x01" * 32


@dataclass(slots=True)
class _Rows:
    """Rows by table, in the order in which they refer to each other."""

    payees: list[Payee] = field(default_factory=list)
    methods: list[PayoutMethod] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    checks: list[SourceCheck] = field(default_factory=list)
    payables: list[Payable] = field(default_factory=list)
    payouts: list[Payout] = field(default_factory=list)
    lines: list[PayoutLine] = field(default_factory=list)
    announcements: list[Announcement] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    events: list[PayoutEvent] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What all payouts have in common."""

    marketplace: Marketplace
    trigger: Trigger
    approver: User
    now: datetime


def approved(count: int) -> None:
    """This will add so many approved payouts, read again and announced, each of a payee of its own."""
    ground = _ground()
    for start in range(0, count, _AT_ONCE):
        rows = _Rows()
        for n in range(start, min(start + _AT_ONCE, count)):
            _add(rows, ground, n)
        for name in _Rows.__slots__:
            copy_in(getattr(rows, name))


def open_for_business(*, process: str) -> Marketplace:
    """This will let the known marketplace pay: triggers on, decimals confirmed, a threshold, an approver."""
    now = utc_now()
    marketplace = Marketplace.objects.get()
    marketplace.go_live_at = now - timedelta(days=365)
    marketplace.exponents = {**marketplace.exponents, CURRENCY: 2}
    marketplace.exponents_confirmed_at = now
    marketplace.save()
    Trigger.objects.filter(process__name=process).update(enabled=True, requires_payment=False)
    ApprovalThreshold.objects.create(currency=CURRENCY, units=10**9)
    approver = User.objects.create_user(APPROVER, is_staff=True)
    approver.groups.set(Group.objects.filter(name="approver"))
    ApproverLimit.objects.create(user=approver, currency=CURRENCY, units=10**15)
    for name in facts.rails_of("paypal", CURRENCY):
        Rail.objects.get_or_create(name=name)
    return marketplace


def give_methods() -> None:
    """This will have every payee paid through PayPal from now on."""
    long_ago = utc_now() - timedelta(days=60)
    copy_in(
        [_method(payee, f"seller{payee.pk.hex}@bench.example", long_ago) for payee in Payee.objects.all()]
    )


def copy_in(rows: Sequence[models.Model]) -> None:
    """This will write unsaved instances of one model by COPY."""
    if not rows:
        return
    meta = type(rows[0])._meta
    fields = [one for one in meta.concrete_fields if getattr(rows[0], one.attname) is not None or one.null]
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(one.column)) for one in fields)
    kinds = [_target(one).get_internal_type() == "JSONField" for one in fields]
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {quote(meta.db_table)} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            values = [getattr(row, one.attname) for one in fields]
            copy.write_row(
                [Jsonb(value) if is_json else value for value, is_json in zip(values, kinds, strict=True)]
            )


def _target(field_: models.Field[Any, Any]) -> models.Field[Any, Any]:
    return field_.target_field if isinstance(field_, models.ForeignKey) else field_


def _ground() -> _Ground:
    if not Marketplace.objects.exists():
        Marketplace.objects.create(id=_MARKETPLACE, name="Bench Market", environment="test")
        open_for_business(process="payout-process")
    trigger = Trigger.objects.select_related("process").filter(enabled=True).order_by("pk")[0]
    approver = User.objects.get(email=APPROVER)
    return _Ground(Marketplace.objects.get(), trigger, approver, utc_now())


def _add(rows: _Rows, ground: _Ground, n: int) -> None:
    payee, method = _payee(ground)
    source, payable = _payable(ground, payee, units=_SMALLEST + n * 7 % _DIFFERENT)
    payout = _payout(ground, payee, method, int(payable.units))
    line = PayoutLine(id=uuid7(), payout=payout, payable=payable, units=payable.units)
    rows.payees.append(payee)
    rows.methods.append(method)
    rows.sources.append(source)
    rows.checks.append(SourceCheck(source=source, checked_at=ground.now, digest=_DIGEST))
    rows.payables.append(payable)
    rows.payouts.append(payout)
    rows.lines.append(line)
    rows.announcements.append(Announcement(id=uuid7(), payout=payout, source=source, confirmed_at=ground.now))
    one = Facts(now=ground.now, payee=payee, payables=[payable], method=method, payout=payout, lines=[line])
    rows.approvals.append(
        Approval(
            id=uuid7(),
            payout=payout,
            result=Approval.Result.GIVEN,
            digest=digests.digest_of(one),
            units=payout.debt_units,
            currency=CURRENCY,
            by=ground.approver,
            reason="Looks right.",
            at=ground.now,
            expires_at=ground.now + timedelta(days=3650),
        )
    )
    rows.events += _record(ground, payout)
    rows.postings += _postings(ground, payee, payable, payout, line)


def _payee(ground: _Ground) -> tuple[Payee, PayoutMethod]:
    long_ago = ground.now - timedelta(days=60)
    payee = Payee(
        id=uuid7(), marketplace=ground.marketplace, flex_user_id=uuid4(), profile_read_at=ground.now
    )
    payee.name, payee.email = f"Seller {payee.pk.hex[-8:]}", f"seller{payee.pk.hex}@bench.example"
    return payee, _method(payee, payee.email, long_ago)


def _method(payee: Payee, email: str, long_ago: datetime) -> PayoutMethod:
    pk = uuid7()
    details = json.dumps({"email": email}, sort_keys=True).encode()
    return PayoutMethod(
        id=pk,
        payee=payee,
        version=1,
        provider="paypal",
        details=crypto.seal(details, aad=pk.bytes),
        fingerprint=methods.echo_fingerprint("paypal", email),
        masked="s•••@bench.example",
        created_at=long_ago,
        usable_from=long_ago,
        verified_at=long_ago,
        verified_how="Called the payee.",
    )


def _payable(ground: _Ground, payee: Payee, *, units: int) -> tuple[Source, Payable]:
    due = ground.now - timedelta(days=1)
    source = Source(
        id=uuid7(),
        marketplace=ground.marketplace,
        reference=uuid4(),
        heard=1,
        understood=1,
        process_name=ground.trigger.process.name,
        last_transition=ground.trigger.transition,
        last_transitioned_at=due,
        payee_reference=payee.flex_user_id,
        payout_units=units,
        payin_units=units,
        currency=CURRENCY,
        trigger=ground.trigger,
        digest=_DIGEST,
        created_at=due,
    )
    payable = Payable(
        id=uuid7(),
        marketplace=ground.marketplace,
        payee=payee,
        origin=Payable.Origin.SHARETRIBE,
        reference=str(source.reference),
        purpose=Payable.Purpose.SALE,
        source_event="due",
        units=units,
        currency=CURRENCY,
        source=source,
        trigger=ground.trigger,
        lines={"gross": str(units)},
        became_due_at=due,
        hold_until=due,
        due_at=due,
        created_at=due,
        settled=Payable.Settled.GATHERED,
    )
    return source, payable


def _payout(ground: _Ground, payee: Payee, method: PayoutMethod, units: int) -> Payout:
    return Payout(
        id=uuid7(),
        number=public_number(prefix="PO"),
        marketplace=ground.marketplace,
        payee=payee,
        method=method,
        provider="paypal",
        state="",
        version=2,
        state_since=ground.now,
        reason="Looks right.",
        debt_units=units,
        debt_currency=CURRENCY,
        sent_units=units,
        sent_currency=CURRENCY,
        next_at=ground.now,
        person_after=ground.now + timedelta(hours=1),
        created_at=ground.now,
    )


def _record(ground: _Ground, payout: Payout) -> Iterable[PayoutEvent]:
    """The three events of its life so far; the payout ends as approved, with their last hash."""
    steps = (
        ("gathered", State.PENDING, "rule:schedule", "Gathered from what was due."),
        (State.AWAITING_APPROVAL, State.AWAITING_APPROVAL, "rule:gates", "Waiting for approval."),
        (State.APPROVED, State.APPROVED, f"staff:{ground.approver.pk}", "Looks right."),
    )
    events = []
    for n, (kind, to, actor, reason) in enumerate(steps, 1):
        event = PayoutEvent(
            id=uuid7(),
            payout=payout,
            n=n,
            kind=str(kind),
            from_state=payout.state,
            to_state=str(to),
            actor=actor,
            reason=reason,
            created_at=ground.now,
        )
        event.hash = chain_hash(event, bytes(payout.chain_hash))
        payout.state, payout.chain_length, payout.chain_hash = str(to), n, event.hash
        events.append(event)
    return events


def _postings(
    ground: _Ground, payee: Payee, payable: Payable, payout: Payout, line: PayoutLine
) -> Iterable[Posting]:
    owed = ledger.owed(payee.pk)
    common = {"units": payable.units, "currency": CURRENCY, "payable": payable, "at": ground.now}
    yield Posting(entry=uuid7(), kind="accrue", subject=payable.pk, debit=ledger.DUE, credit=owed, **common)
    yield Posting(
        entry=uuid7(),
        kind="allocate",
        subject=line.pk,
        debit=owed,
        credit=ledger.allocated(payout.pk),
        payout=payout,
        **common,
    )
