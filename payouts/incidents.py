"""Evidence that contradicts our books: it is posted, it stops its provider, and it stands before people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts.alerts import raise_alert
from payouts.holding import hold_by_rule, lift_by_rule
from payouts.models import Attempt, Incident, Payout


@dataclass(frozen=True, slots=True)
class Evidence:
    """What contradicts the books; `subject` is unique among the open ones of its kind."""

    kind: str
    subject: str
    sentence: str
    provider: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    payout: Payout | None = None
    attempt: Attempt | None = None


def open_incidents(found: list[Evidence], *, now: datetime) -> int:
    """This will open an incident for each that is not open already, stop its provider, and alert; gives how many."""
    rows = [
        Incident(
            id=uuid7(),
            kind=one.kind,
            provider=one.provider,
            payout=one.payout,
            attempt=one.attempt,
            subject=one.subject[:200],
            facts=dict(one.facts),
            sentence=one.sentence,
            opened_at=now,
        )
        for one in found
    ]
    made = set(rowsets.insert(Incident, rows, on_conflict="DO NOTHING", returning="id"))
    new = [row for row in rows if row.pk in made]
    for row in new:
        rail = f"provider:{row.provider}" if row.provider else "everything"
        hold_by_rule(rule=f"incident:{row.pk}", reason=row.sentence, rail=rail, now=now)
        raise_alert(subject=row.pk, title="Incident", text=row.sentence, now=now)
    return len(new)


def close(incident: Incident, *, explanation: str, by_id: Any, now: datetime) -> None:
    """This will close an incident and lift its stop; asked for by one person and seconded by another."""
    incident.closed_at, incident.closed_by_id, incident.explanation = now, by_id, explanation
    incident.save(update_fields=["closed_at", "closed_by", "explanation"])
    lift_by_rule(rule=f"incident:{incident.pk}", reason=explanation, now=now)
