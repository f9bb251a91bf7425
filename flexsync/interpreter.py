"""Stage 2, understand: all stored rows of a Sharetribe transaction become what it makes us owe now, a set at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import DataError, IntegrityError, connection, transaction

from accounts.models import Marketplace
from flexsync.models import FlexCursor
from flexsync.snapshots import Unclear
from flexsync.translation import (
    CurrencyUnclear,
    Decimals,
    Interpretation,
    ProcessRules,
    TriggerRule,
    interpret,
)
from flexsync.truths import Row
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.logs import logger
from payouts import accrual
from payouts.errors import DomainError
from payouts.models import Source, Trigger
from payouts.understanding import PaymentSeen, Understanding

log = logger(__name__)

TRIES_BEFORE_PARKING: Final = 5
_FIRST_WAIT: Final = timedelta(seconds=15)
# What one transaction's rows may do to us without it being anybody's outage: everything else ends the stage.
_POISON: Final = (
    Unclear,
    DomainError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    IntegrityError,
    DataError,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The table of triggers, and the marketplace's decimals, as they are at the moment."""

    processes: Mapping[str, ProcessRules]
    triggers: Mapping[int, Trigger]
    decimals: Decimals


def understand(*, limit: int, now: datetime) -> int:
    """This will interpret up to `limit` transactions of which something new was heard, and give how many.

    One that cannot be understood is put aside alone: tried again later, and parked for a person in the end.
    """
    rules = load_rules()
    if rules is None:
        return 0
    _unpark(now=now)
    _look_again_after_changes(rules, now=now)
    try:
        with transaction.atomic():
            rules = _keep_rules()
            sources = _claim(limit=limit, now=now)
            _understand(sources, rules, now=now)
            crash_point("understand.before_commit")
        crash_point("understand.after_commit")
        return len(sources)
    except _POISON as error:
        log.warning("understanding_one_by_one", reason=str(error))
        return _one_by_one([source.pk for source in _peek(limit=limit, now=now)], now=now)


def understand_these(ids: Sequence[UUID], *, now: datetime) -> int:
    """This will interpret these transactions now, each alone, where something new was heard of them."""
    return _one_by_one(ids, now=now) if Marketplace.objects.exists() else 0


def load_rules() -> Rules | None:
    """This will load the triggers and decimals; None before the marketplace is known."""
    marketplace = Marketplace.objects.first()
    if marketplace is None:
        return None
    triggers = {one.pk: one for one in Trigger.objects.select_related("process", "schedule")}
    by_process: dict[str, list[Trigger]] = defaultdict(list)
    for one in triggers.values():
        by_process[one.process.name].append(one)
    return Rules(
        processes={name: _process_rules(rows) for name, rows in by_process.items()},
        triggers=triggers,
        decimals=Decimals(
            table={code: int(places) for code, places in marketplace.exponents.items()},
            confirmed=marketplace.exponents_confirmed_at is not None,
        ),
    )


def _keep_rules() -> Rules:
    """Load the rules, and have whoever changes them wait until what is understood by them is committed.

    A change is looked for among what counts as understood: what was still in work, by the rules from before, would be
    put back afterwards and never be looked at again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM accounts_marketplace ORDER BY id FOR SHARE")
    rules = load_rules()
    assert rules is not None, "a marketplace was there before"
    return rules


def _process_rules(triggers: Sequence[Trigger]) -> ProcessRules:
    return ProcessRules(
        triggers=tuple(
            TriggerRule(
                id=one.pk,
                transition=one.transition,
                is_enabled=one.enabled,
                payment_transitions=frozenset(one.payment_transitions),
            )
            for one in triggers
        ),
        cancel_transitions=frozenset(triggers[0].process.cancel_transitions),
    )


def _due_for_reading(*, now: datetime) -> Any:
    return Source.objects.filter(next_at__lte=now, parked_at__isnull=True).order_by("next_at", "id")


def _claim(*, limit: int, now: datetime) -> list[Source]:
    return list(_due_for_reading(now=now).select_for_update(skip_locked=True, no_key=True)[:limit])


def _peek(*, limit: int, now: datetime) -> list[Source]:
    return list(_due_for_reading(now=now)[:limit])


def _one_by_one(ids: Sequence[UUID], *, now: datetime) -> int:
    """The slow path: each transaction alone, so that the one which fails takes no other with it."""
    moved = 0
    for pk in ids:
        try:
            with transaction.atomic():
                rules = _keep_rules()
                sources = list(
                    _due_for_reading(now=now).filter(pk=pk).select_for_update(skip_locked=True, no_key=True)
                )
                _understand(sources, rules, now=now)
                crash_point("understand_one.before_commit")
            crash_point("understand_one.after_commit")
            moved += len(sources)
        except _POISON as error:
            log.warning("transaction_put_aside", source=str(pk), reason=str(error))
            with transaction.atomic():
                for source in _due_for_reading(now=now).filter(pk=pk).select_for_update(no_key=True):
                    rowsets.update(Source, [_aside(source, error, now=now)])
                    moved += 1
    return moved


def _understand(sources: Sequence[Source], rules: Rules, *, now: datetime) -> None:
    rows = _load_rows(sources)
    understood: list[tuple[Source, Interpretation]] = []
    aside: list[dict[str, Any]] = []
    for source in sources:
        try:
            meaning = interpret(
                rows[source.reference],
                processes=rules.processes,
                decimals=rules.decimals,
                accrued_by=source.trigger_id,
            )
        except Unclear as error:
            aside.append(_aside(source, error, now=now))
        else:
            understood.append((source, meaning))
    rowsets.update(Source, aside)
    rowsets.update(Source, [_facts(source, meaning) for source, meaning in understood])
    accrual.accrue([one for pair in understood if (one := _understanding(*pair, rules)) is not None], now=now)


def _load_rows(sources: Sequence[Source]) -> dict[UUID, list[Row]]:
    rows: dict[UUID, list[Row]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT resource_id, sequence_id, event_type, (payload #> '{attributes,resource}')::text,"
            " extract(epoch FROM received_at)::float8"
            " FROM flexsync_flexevent WHERE resource_id = ANY(%s)",
            [[source.reference for source in sources]],
        )
        for reference, sequence_id, event_type, resource, read_at in cursor.fetchall():
            parsed = None if resource is None else json.loads(resource)
            rows[reference].append(Row(sequence_id, event_type, parsed, read_at))
    return rows


def _facts(source: Source, meaning: Interpretation) -> dict[str, Any]:
    """Set what is known on the instance, and give it as the row to write."""
    newest = meaning.newest
    if newest is not None:
        source.process_name = newest.process
        source.process_version = newest.process_version
        source.last_transition = newest.last_transition
        source.last_transitioned_at = newest.last_transitioned_at
        source.state = newest.state
        source.payee_reference = newest.payee
        source.digest = newest.digest
        totals = [money for money in (meaning.payout, meaning.payin) if money is not None]
        source.currency = totals[0].currency if totals else ""
    source.payin_units = meaning.payin.units if meaning.payin else None
    source.payout_units = meaning.payout.units if meaning.payout else None
    source.stripe_payment = meaning.shows_stripe
    source.deleted = meaning.is_deleted
    source.trigger_id = meaning.trigger or source.trigger_id
    source.understood, source.next_at, source.tries, source.parked_at, source.error = (
        source.heard,
        None,
        0,
        None,
        "",
    )
    return {name: getattr(source, name) for name in _WRITTEN}


_WRITTEN: Final = (
    "id",
    "process_name",
    "process_version",
    "last_transition",
    "last_transitioned_at",
    "state",
    "payee_reference",
    "payin_units",
    "payout_units",
    "currency",
    "stripe_payment",
    "deleted",
    "trigger_id",
    "digest",
    "understood",
    "next_at",
    "tries",
    "parked_at",
    "error",
)


def _understanding(source: Source, meaning: Interpretation, rules: Rules) -> Understanding | None:
    newest = meaning.newest
    if newest is None or newest.payee is None or (meaning.owed is None and not meaning.payments):
        return None
    return Understanding(
        source=source,
        payee_reference=newest.payee,
        payee_name="",
        trigger=rules.triggers[meaning.trigger] if meaning.trigger is not None else None,
        owed=meaning.owed,
        became_due_at=meaning.became_due_at,
        source_event=meaning.source_event,
        lines=meaning.lines,
        payments=[
            PaymentSeen(reference=one.reference, amount=one.amount, at=one.at) for one in meaning.payments
        ],
        payin=meaning.payin,
        payin_then=meaning.payin_then,
    )


def _aside(source: Source, error: BaseException, *, now: datetime) -> dict[str, Any]:
    """Give the row of a transaction that was not understood. What only staff can clear up is not tried again."""
    tries = source.tries + 1
    is_parked = tries >= TRIES_BEFORE_PARKING or isinstance(error, CurrencyUnclear)
    return {
        "id": source.pk,
        "tries": tries,
        "next_at": now + _FIRST_WAIT * 2 ** (tries - 1),
        "parked_at": now if is_parked else None,
        "error": str(error)[:2000] or type(error).__name__,
    }


def _look_again_after_changes(rules: Rules, *, now: datetime) -> None:
    """Have the transactions of a process looked at again once its triggers were changed."""
    newest = max((one.changed_at for one in rules.triggers.values()), default=None)
    if newest is None or not FlexCursor.objects.exclude(rules_at__gte=newest).exists():
        return
    with transaction.atomic():
        cursor = FlexCursor.objects.select_for_update(no_key=True).first()
        if cursor is None:
            return
        # Before the first look there is nothing that was understood by other rules.
        known = cursor.rules_at or newest
        processes = {one.process.name for one in rules.triggers.values() if one.changed_at > known}
        with connection.cursor() as sql:
            sql.execute(
                "WITH locked AS (SELECT id FROM payouts_source WHERE process_name = ANY(%s) AND next_at IS NULL"
                " ORDER BY reference FOR NO KEY UPDATE)"
                " UPDATE payouts_source AS s SET next_at = %s FROM locked WHERE s.id = locked.id",
                [sorted(processes), now],
            )
        cursor.rules_at = newest
        cursor.save(update_fields=["rules_at"])
        crash_point("rules.before_commit")
    crash_point("rules.after_commit")


def _unpark(*, now: datetime) -> None:
    """Take up again what was parked before staff confirmed the decimals of the currencies."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH parked AS (SELECT s.id FROM payouts_source s JOIN accounts_marketplace m ON m.id = s.marketplace_id"
            " WHERE s.parked_at IS NOT NULL AND s.parked_at < m.exponents_confirmed_at"
            " FOR NO KEY UPDATE OF s SKIP LOCKED)"
            " UPDATE payouts_source AS s SET parked_at = NULL, tries = 0, next_at = %s FROM parked"
            " WHERE s.id = parked.id",
            [now],
        )
    crash_point("unpark.after_commit")
