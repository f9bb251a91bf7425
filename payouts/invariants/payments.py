"""What buyers paid: nothing went out before it, and what went back is booked. A second reckoning, in SQL."""

# ruff: noqa: S608 - the texts are fixed; nothing from outside stands in them
from __future__ import annotations

from typing import Final

from payouts.invariants.base import Invariant
from payouts.invariants.sending import COMMITS, SLACK

_CAME: Final = """
    SELECT greatest(coalesce(sum(x.units) FILTER (WHERE x.by_sharetribe), 0),
                    coalesce(sum(x.units) FILTER (WHERE NOT x.by_sharetribe), 0)) AS units
    FROM (SELECT i.origin = 'sharetribe' AS by_sharetribe, i.reference, max(i.units) AS units
          FROM payments_paymentin i
          WHERE i.transaction_id = s.reference AND i.currency = s.currency AND i.kind = 'received' {until}
          GROUP BY 1, 2) x
"""
"""What came for the transaction `s`: Sharetribe and everybody else are two witnesses of the same money."""

_WENT_BACK: Final = """
    SELECT coalesce(sum(CASE WHEN x.again_at IS NULL OR x.lost_at >= x.again_at THEN x.taken
                             ELSE greatest(x.taken - x.again, 0) END), 0) AS units
    FROM (SELECT max(i.units) FILTER (WHERE i.kind <> 'regained') AS taken,
                 max(i.units) FILTER (WHERE i.kind = 'regained') AS again,
                 max(i.happened_at) FILTER (WHERE i.kind = 'regained') AS again_at,
                 max(i.happened_at) FILTER (WHERE i.kind = 'charged_back') AS lost_at
          FROM payments_paymentin i
          WHERE i.transaction_id = s.reference AND i.currency = s.currency AND i.next_at IS NULL
            AND i.kind IN ('refunded', 'disputed', 'charged_back', 'regained')
          GROUP BY i.reference) x
"""
"""What of it went back and is not with us again, refund by refund and dispute by dispute."""

INVARIANTS: Final = (
    Invariant(
        "buyer_paid_before_it_was_sent",
        "Money was committed for a sale whose trigger waits for the buyer's payment, and less than its total had come.",
        f"""SELECT p.number AS subject, a.provider AS provider,
                   'transaction ' || s.reference || ': ' || r.units || ' of '
                   || coalesce(s.payin_units::text, 'no total') AS detail
            FROM {COMMITS} JOIN payouts_payoutline l ON l.payout_id = p.id
                 AND (l.released_at IS NULL OR l.released_at > c.at)
            JOIN payouts_payable b ON b.id = l.payable_id AND b.units > 0
            -- What the trigger asked, and what the total was, is known only where neither changed since.
            JOIN payouts_trigger g ON g.id = b.trigger_id AND g.requires_payment AND g.changed_at <= c.at
            JOIN payouts_source s ON s.id = b.source_id AND s.last_transitioned_at <= c.at
            CROSS JOIN LATERAL ({_CAME.format(until=f"AND i.recorded_at <= c.at + {SLACK}")}) r
            WHERE a.provider <> 'manual' AND (coalesce(s.payin_units, 0) = 0 OR r.units < s.payin_units)""",
    ),
    Invariant(
        "loss_is_booked",
        "Money of a buyer went back, and the seller's part of it is not in our books.",
        f"""SELECT s.reference AS subject, '' AS provider, 'lost ' || k.part || ', booked ' || k.booked AS detail
            FROM payouts_source s
            CROSS JOIN LATERAL ({_CAME.format(until="")}) came
            CROSS JOIN LATERAL ({_WENT_BACK}) gone
            CROSS JOIN LATERAL (
                SELECT least(coalesce(sum(units) FILTER (WHERE purpose IN ('sale', 'change')), 0),
                             coalesce(s.payout_units, 0)) AS owed,
                       -coalesce(sum(units) FILTER (WHERE purpose = 'loss'), 0) AS booked
                FROM payouts_payable WHERE source_id = s.id) b
            CROSS JOIN LATERAL (
                SELECT b.booked, div(greatest(b.owed, 0) * least(
                    least(gone.units, came.units),
                    greatest(s.payin_units - greatest(came.units - gone.units, 0), 0)), s.payin_units) AS part) k
            WHERE s.reference IN (SELECT transaction_id FROM payments_paymentin WHERE id >= %(since_id)s
                                  AND kind IN ('refunded', 'disputed', 'charged_back'))
              AND s.payin_units > 0 AND s.next_at IS NULL AND s.parked_at IS NULL AND s.understood >= s.heard
              AND k.booked < k.part""",
        stops=False,
    ),
)
