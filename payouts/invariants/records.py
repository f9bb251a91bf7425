"""The record of each payout: unbroken, ending where the payout stands, and going only where the table allows."""

from __future__ import annotations

from typing import Final

from payouts.invariants.base import Invariant
from payouts.lifecycle import MOVES, PATIENCE
from payouts.models import State

INVARIANTS: Final = (
    Invariant(
        "record_is_whole",
        "The record of a payout has gaps, or does not end as the payout says.",
        """SELECT p.number AS subject, p.provider AS provider,
                  coalesce(e.n, 0) || ' events, ' || p.chain_length || ' expected' AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id
           LEFT JOIN LATERAL (SELECT count(*) AS n, min(n) AS first, max(n) AS last, count(DISTINCT n) AS different
                              FROM payouts_payoutevent WHERE payout_id = p.id) e ON true
           LEFT JOIN LATERAL (SELECT hash, to_state FROM payouts_payoutevent WHERE payout_id = p.id
                              ORDER BY n DESC LIMIT 1) l ON true
           WHERE e.n IS DISTINCT FROM p.chain_length OR e.first IS DISTINCT FROM 1
              OR e.last IS DISTINCT FROM p.chain_length OR e.different IS DISTINCT FROM p.chain_length
              OR l.hash IS DISTINCT FROM p.chain_hash""",
    ),
    Invariant(
        "state_is_recorded",
        "A payout stands in a state that its record does not know of.",
        """SELECT p.number AS subject, p.provider AS provider, p.state || ', recorded ' || l.to_state AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id
           LEFT JOIN LATERAL (SELECT to_state FROM payouts_payoutevent WHERE payout_id = p.id
                              ORDER BY n DESC LIMIT 1) l ON true
           WHERE l.to_state IS DISTINCT FROM p.state""",
    ),
    Invariant(
        "moves_are_allowed",
        "A payout went where the table of states does not allow.",
        """SELECT p.number AS subject, p.provider AS provider, e.from_state || ' to ' || e.to_state AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id JOIN payouts_payoutevent e ON e.payout_id = p.id
           WHERE e.from_state <> e.to_state AND NOT (e.from_state || '>' || e.to_state) = ANY(%(moves)s)""",
        values=lambda: {
            "moves": [">pending"] + [f"{here}>{there}" for here, reach in MOVES.items() for there in reach]
        },
    ),
    Invariant(
        "outcome_is_told",
        "A payout reached an outcome, and no message was staged that tells Sharetribe of it.",
        """SELECT p.number AS subject, p.provider AS provider, p.state AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id
           WHERE p.state IN ('submitted', 'paid', 'failed', 'returned', 'cancelled') AND NOT EXISTS (
               SELECT FROM payouts_outboxmessage m WHERE m.subject = p.id AND m.kind = 'write_back'
               AND (m.facts ->> 'state' = p.state OR m.created_at >= p.state_since))""",
    ),
    Invariant(
        "open_payout_reaches_people",
        "A payout is under way, and no moment is set at which it stands before a person.",
        """SELECT p.number AS subject, p.provider AS provider, p.state AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id
           WHERE p.state = ANY(%(impatient)s) AND p.person_after IS NULL""",
        stops=False,
        values=lambda: {"impatient": [str(state) for state in State if PATIENCE[state] is not None]},
    ),
)
