"""Everything that is known of one payout, gathered for its page with a bounded number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.backoffice import cells
from accounts.models import User
from payouts import chains, gates
from payouts.admin import bodies, dashboards, payments_shown, questions
from payouts.ledger import KINDS
from payouts.models import (
    BEFORE_SENDING,
    Announcement,
    Attempt,
    Batch,
    Hold,
    Incident,
    Observation,
    Payout,
    PayoutEvent,
    PayoutLine,
    Posting,
    Request,
    Source,
    Step,
    StepBody,
)

_LATEST = 200


def of(payout: Payout, *, request: HttpRequest, now: datetime) -> dict[str, Any]:
    """This will gather the page's parts: summary, gates, lines, decisions, sending, books, timeline."""
    answers = gates.explain([payout.pk], now=now).get(payout.pk, [])
    lines = list(_lines(payout))
    events = list(PayoutEvent.objects.filter(payout=payout).order_by("n"))
    return {
        "summary": _summary(payout),
        "answers": answers,
        "gates_matter": payout.state in BEFORE_SENDING,
        "blocking": next((answer for answer in answers if not answer.passed), None),
        "lines": [_line(line) for line in lines],
        "payments": payments_shown.of(list(_sources(lines).values())),
        "approvals": [
            _approval(row) for row in payout.approvals.select_related("by", "policy").order_by("-at")
        ],
        "holds": [_hold(row) for row in _holds(payout)],
        "attempts": _attempts(payout),
        "postings": [
            _posting(row) for row in Posting.objects.filter(payout=payout).order_by("at", "id")[:_LATEST]
        ],
        "timeline": _timeline(events),
        "chain": _chain(payout, events),
        "questions": questions.of(payout),
        "notes": list(payout.notes.select_related("by").order_by("-at")),
        "incidents": list(Incident.objects.filter(payout=payout).order_by("-opened_at")),
        "requests": list(
            Request.objects.filter(subject=str(payout.pk)).select_related("made_by", "closed_by")
        ),
        "write_backs": _write_backs(payout, lines),
    }


def _summary(payout: Payout) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = [
        ("State", cells.state(payout)),
        ("Since", cells.moment(payout.state_since)),
        ("Why", payout.reason or cells.EMPTY),
        ("Owed", cells.amount(payout.debt_units, payout.debt_currency)),
    ]
    if payout.sent_currency != payout.debt_currency:
        rows.append(("Sent as", cells.amount(payout.sent_units, payout.sent_currency)))
        rows.append(("Rate", f"{payout.rate} ({payout.rate_source})"))
    if payout.returned_units:
        rows.append(("Came back", cells.amount(payout.returned_units, payout.sent_currency)))
    rows += [
        ("Payee", cells.page_of(payout.payee)),
        ("To", cells.page_of(payout.method)),
        ("Method since", cells.moment(payout.method.created_at)),
        ("Verified", payout.method.verified_how or "not verified"),
        ("Created", cells.moment(payout.created_at)),
        ("Next look", cells.moment(payout.next_at)),
        ("Before a person", cells.moment(payout.person_after)),
        ("Paid", cells.moment(payout.paid_at)),
        ("Id", cells.code(payout.pk)),
    ]
    return rows


def _lines(payout: Payout) -> QuerySet[PayoutLine]:
    return (
        PayoutLine.objects.filter(payout=payout)
        .select_related("payable__source", "payable__trigger__process", "payable__made_by")
        .order_by("payable__became_due_at", "id")
    )


def _line(line: PayoutLine) -> dict[str, Any]:
    payable = line.payable
    return {
        "payable": cells.page_of(payable, payable.get_purpose_display()),
        "source": cells.page_of(payable.source) if payable.source else payable.get_origin_display(),
        "trigger": str(payable.trigger) if payable.trigger else payable.reason or cells.EMPTY,
        "due": cells.moment(payable.became_due_at),
        "amount": cells.amount(line.units, payable.currency),
        "released": cells.moment(line.released_at) if line.released_at else "",
        "detail": cells.pretty(payable.lines) if payable.lines else "",
    }


def _approval(row: Any) -> dict[str, Any]:
    return {
        "result": cells.badge(row.result, row.get_result_display()),
        "who": str(row.by or row.policy or cells.EMPTY),
        "amount": cells.amount(row.units, row.currency),
        "at": cells.moment(row.at),
        "until": cells.moment(row.expires_at),
        "revoked": row.revoked_reason or ("revoked" if row.revoked_at else ""),
        "reason": row.reason,
        "digest": bytes(row.digest).hex(),
    }


def _holds(payout: Payout) -> QuerySet[Hold]:
    rails = ["everything", f"provider:{payout.provider}", f"currency:{payout.sent_currency}"]
    wider = Q(payee=payout.payee_id) | Q(method=payout.method_id) | Q(rail__in=rails)
    covered = Q(payout=payout) | (wider & Q(lifted_at__isnull=True))
    return (
        Hold.objects.filter(covered)
        .select_related("set_by", "lifted_by", "payee", "method")
        .order_by("-set_at")
    )


def _hold(row: Hold) -> dict[str, Any]:
    on = "this payout" if row.payout_id else row.payee or row.method or row.rail_id
    return {
        "on": str(on),
        "rule": row.rule,
        "reason": row.reason,
        "by": str(row.set_by or row.rule),
        "at": cells.moment(row.set_at),
        "lifted": cells.moment(row.lifted_at) if row.lifted_at else "",
        "lifted_by": str(row.lifted_by or ""),
        "lift_reason": row.lift_reason,
        "page": cells.page_of(row, "open" if row.lifted_at is None else "lifted"),
    }


def _attempts(payout: Payout) -> list[dict[str, Any]]:
    attempts = list(Attempt.objects.filter(payout=payout).select_related("batch", "method").order_by("-n"))
    by_batch = _steps({attempt.batch_id for attempt in attempts})
    heard: dict[UUID, list[Observation]] = {attempt.pk: [] for attempt in attempts}
    for row in Observation.objects.filter(attempt__in=attempts).order_by("seq"):
        heard[row.attempt_id].append(row)
    return [_attempt(attempt, by_batch.get(attempt.batch_id, []), heard[attempt.pk]) for attempt in attempts]


def _steps(batch_ids: Iterable[UUID]) -> dict[UUID, list[tuple[Step, list[StepBody]]]]:
    found: dict[UUID, list[tuple[Step, list[StepBody]]]] = {}
    steps = list(Step.objects.filter(batch_id__in=list(batch_ids)).order_by("batch_id", "n"))
    kept: dict[UUID, list[StepBody]] = {step.pk: [] for step in steps}
    for body in StepBody.objects.filter(step_id__in=list(kept)).order_by("created_at", "id")[:_LATEST]:
        kept[body.step_id].append(body)
    for step in steps:
        found.setdefault(step.batch_id, []).append((step, kept[step.pk]))
    return found


def _attempt(
    attempt: Attempt, steps: Sequence[tuple[Step, list[StepBody]]], heard: Sequence[Observation]
) -> dict[str, Any]:
    batch = attempt.batch
    keys = frozenset(filter(None, (attempt.key, attempt.key.replace("-", ""), attempt.reference)))
    return {
        "attempt": attempt,
        "state": cells.state(attempt),
        "page": cells.page_of(attempt, f"Attempt {attempt.n}"),
        "facts": [
            ("Amount", cells.amount(attempt.units, attempt.currency)),
            ("To", cells.page_of(attempt.method)),
            ("Made", cells.moment(attempt.created_at)),
            ("Our key", cells.code(attempt.key)),
            ("Provider's reference", cells.code(attempt.reference)),
            ("In the payee's own list", cells.code(attempt.movement_reference)),
            ("Provider's word", attempt.raw_status or cells.EMPTY),
            ("On to the payee's bank", _onward(attempt)),
            ("Refusal", _refusal(attempt)),
            ("Fee", cells.amount(attempt.fee_units, attempt.fee_currency)),
            ("Closed", cells.moment(attempt.closed_at)),
            ("Watched until", cells.moment(attempt.watch_until)),
            ("Batch", cells.page_of(batch, _batch_told(batch))),
            ("Newest word about the batch", batch.reason or cells.EMPTY),
            ("Batch key", cells.code(batch.key)),
            ("Batch reference", dashboards.batch(batch)),
            ("Transmissions and answers", f"{batch.transmissions} and {batch.answers}"),
            ("Asked again", cells.moment(batch.next_at)),
        ],
        "steps": [_step(step, some, keys) for step, some in steps],
        "heard": [_observation(row) for row in heard],
    }


def _batch_told(batch: Batch) -> str:
    items = "1 item" if batch.item_count == 1 else f"{batch.item_count:,} items"
    return f"{items}, {batch.get_state_display().lower()}"


def _onward(attempt: Attempt) -> str:
    words = [attempt.onward.replace("_", " "), attempt.onward_message]
    return ": ".join(word for word in words if word) or cells.EMPTY


def _refusal(attempt: Attempt) -> str:
    words = [attempt.refusal_code, attempt.refusal_class and f"({attempt.refusal_class})", attempt.message]
    return " ".join(word for word in words if word) or cells.EMPTY


def _step(step: Step, some: Sequence[StepBody], keys: frozenset[str]) -> dict[str, Any]:
    return {
        "step": step,
        "outcome": cells.badge(step.outcome or "open", step.outcome or "no answer yet"),
        "made": cells.moment(step.created_at),
        "answered": cells.moment(step.answered_at),
        "digest": bytes(step.digest).hex(),
        "bodies": [
            {
                "kind": body.get_kind_display(),
                "at": cells.moment(body.created_at),
                "text": bodies.readable(body, keys=keys),
            }
            for body in some
        ],
        "purged": not some,
    }


def _observation(row: Observation) -> dict[str, Any]:
    return {
        "at": cells.moment(row.created_at),
        "provider_time": cells.moment(row.provider_time),
        "status": cells.badge(row.status),
        "raw": row.raw_status,
        "amount": cells.amount(row.units, row.currency),
        "fee": cells.amount(row.fee_units, row.fee_currency),
        "returned": cells.amount(row.returned_units, row.currency) if row.returned_units else "",
        "message": " ".join(filter(None, (row.refusal_code, row.message))),
        "seq": row.seq,
    }


def _posting(row: Posting) -> dict[str, Any]:
    return {
        "at": cells.moment(row.at),
        "kind": KINDS.get(row.kind, row.kind),
        "debit": row.debit,
        "credit": row.credit,
        "amount": cells.amount(row.units, row.currency),
        "entry": str(row.entry),
    }


def _timeline(events: Sequence[PayoutEvent]) -> list[dict[str, Any]]:
    names = _actors(events)
    return [
        {
            "n": event.n,
            "at": cells.moment(event.created_at),
            "kind": event.kind.replace("_", " "),
            "from_state": cells.badge(event.from_state) if event.from_state != event.to_state else "",
            "to_state": cells.badge(event.to_state) if event.from_state != event.to_state else "",
            "actor": names.get(event.actor, event.actor),
            "reason": event.reason,
            "facts": cells.pretty(event.facts) if event.facts else "",
            "hash": bytes(event.hash).hex(),
        }
        for event in events
    ]


def _actors(events: Iterable[PayoutEvent]) -> dict[str, str]:
    staff = {
        event.actor: event.actor.partition(":")[2] for event in events if event.actor.startswith("staff:")
    }
    names = {str(user.pk): str(user) for user in User.objects.filter(pk__in=set(staff.values()))}
    return {actor: names.get(pk, actor) for actor, pk in staff.items()}


def _chain(payout: Payout, events: Sequence[PayoutEvent]) -> dict[str, Any]:
    newest = bytes(events[-1].hash) if events else b""
    ends = len(events) == payout.chain_length and newest == bytes(payout.chain_hash)
    whole = ends and not chains.first_wrong(events)
    return {"whole": whole, "length": payout.chain_length, "head": bytes(payout.chain_hash).hex()}


def _sources(lines: Sequence[PayoutLine]) -> dict[UUID, Source]:
    return {source.pk: source for line in lines if (source := line.payable.source) is not None}


def _write_backs(payout: Payout, lines: Sequence[PayoutLine]) -> list[dict[str, Any]]:
    sources = _sources(lines)
    announced = dict(
        Announcement.objects.filter(payout=payout, source_id__in=list(sources)).values_list(
            "source_id", "confirmed_at"
        )
    )
    return [
        {
            "source": cells.page_of(source),
            "announced": cells.moment(announced.get(pk)),
            # The row belongs to the app of Sharetribe's border, which stands above this one.
            "told": getattr(source, "write_back_row", None),
        }
        for pk, source in sources.items()
    ]
