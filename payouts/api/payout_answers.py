"""What a payee's view looks like as JSON: plain dictionaries, since a list of payouts is asked for often."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marketplace_payouts.lib.money import Money
from payouts.payee_view.shapes import (
    Line,
    Listed,
    Next,
    Obstacle,
    Page,
    Question,
    Shown,
    Waiting,
)

Json = dict[str, Any]


def page(found: Page) -> Json:
    """This will give a page of the list."""
    return {"payouts": [listed(one) for one in found.payouts], "next": found.cursor or None}


def listed(one: Listed) -> Json:
    """This will give a payout as a list has it."""
    return {
        "id": one.id,
        "number": one.number,
        "state": one.phase.value,
        "since": one.since,
        "amount": one.amount.shown_json(),
        "sent": one.sent.shown_json(),
        "returned": one.returned.shown_json() if one.returned.units else None,
        "provider": one.provider,
        "method": one.method,
        "created_at": one.created_at,
        "paid_at": one.paid_at,
    }


def shown(one: Shown) -> Json:
    """This will give a payout with everything about it."""
    return listed(one.listed) | {
        "fee": perhaps(one.fee),
        "lines": [line(row) for row in one.lines],
        "timeline": [{"at": row.at, "sentence": row.sentence} for row in one.timeline],
        "why": obstacles(one.why),
        "questions": [question(row) for row in one.questions],
    }


def upcoming(found: Iterable[Next]) -> Json:
    """This will give the next payouts."""
    shown = [{"amount": one.amount.shown_json(), "at": one.at, "why": obstacles(one.why)} for one in found]
    return {"payouts": shown}


def waiting(found: Iterable[Waiting]) -> Json:
    """This will give what is in no payout yet."""
    return {
        "waiting": [
            {
                "total": one.total.shown_json(),
                "why": obstacles(one.why),
                "lines": [line(row.line) | {"why": obstacles(row.why)} for row in one.lines],
                "more": one.more,
            }
            for one in found
        ]
    }


def obstacles(found: Iterable[Obstacle]) -> list[Json]:
    """This will give reasons."""
    return [{"code": one.code, "sentence": one.sentence, "until": one.until} for one in found]


def question(one: Question) -> Json:
    """This will give a question with what was written about it."""
    return {
        "id": one.id,
        "kind": one.kind,
        "asked_at": one.asked_at,
        "closed_at": one.closed_at,
        "messages": [
            {"at": row.at, "by": "you" if row.by_payee else "marketplace", "text": row.text}
            for row in one.messages
        ],
    }


def line(one: Line) -> Json:
    """This will give a line."""
    return {
        "what": one.what,
        "transaction": one.transaction,
        "amount": one.amount.shown_json(),
        "gross": perhaps(one.gross),
        "commission": perhaps(one.commission),
        "due_since": one.due_since,
    }


def perhaps(money: Money | None) -> Json | None:
    """This will give an amount, where there is one."""
    return None if money is None else money.shown_json()
