"""Evidence that contradicts our books: it is posted, it stops its provider, and it stands before people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts.alerts import raise_alert
from payouts.holding import hold_by_rule, lift_by_rule, since
from payouts.models import Attempt, Hold, Incident, Payout


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
    payee_id: UUID | None = None
    """Who may have been paid already what our books still want to pay; held until a person says otherwise."""


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
    _hold_payees([one for one in found if one.payee_id is not None], now=now)
    return len(new)


def _hold_payees(found: Sequence[Evidence], *, now: datetime) -> None:
    """Closing the incident lets the provider go on; what may be paid already must not go out with the rest."""
    moment = since(now)
    rows = [
        Hold(
            id=uuid7(),
            payee_id=one.payee_id,
            rule="paid_already",
            reason=f"{one.sentence} Make sure that nothing is paid twice.",
            set_at=moment,
        )
        for one in found
    ]
    rowsets.insert(Hold, rows, on_conflict="DO NOTHING")


def close(incident: Incident, *, explanation: str, by_id: Any, now: datetime) -> None:
    """This will close an incident and lift its stop; asked for by one person and seconded by another."""
    incident.closed_at, incident.closed_by_id, incident.explanation = now, by_id, explanation
    incident.save(update_fields=["closed_at", "closed_by", "explanation"])
    lift_by_rule(rule=f"incident:{incident.pk}", reason=explanation, now=now)
