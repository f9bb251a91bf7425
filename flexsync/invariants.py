"""Promise 5, and what Sharetribe was told: no event is skipped, every outcome is written back and read back."""

from __future__ import annotations

from typing import Final

from payouts.invariants.base import Invariant

INVARIANTS: Final = (
    Invariant(
        "cursor_behind_the_events",
        "The cursor is ahead of what is stored: events were skipped.",
        """SELECT c.marketplace_id AS subject, '' AS provider, 'cursor at ' || c.last_sequence_id AS detail
           FROM flexsync_flexcursor c
           WHERE c.last_sequence_id > coalesce((SELECT e.sequence_id FROM flexsync_flexevent e
               WHERE e.marketplace_id = c.marketplace_id ORDER BY e.sequence_id DESC LIMIT 1), 0)""",
    ),
    Invariant(
        "stored_event_is_heard",
        "An event is stored, and its transaction does not know of it.",
        """SELECT e.resource_id AS subject, '' AS provider, 'event ' || e.sequence_id || ' ' || e.event_type AS detail
           FROM flexsync_flexevent e
           LEFT JOIN payouts_source s ON s.reference = e.resource_id AND s.marketplace_id = e.marketplace_id
           WHERE e.id >= %(since_id)s AND e.event_type LIKE 'transaction%%'
             AND (s.id IS NULL OR s.heard < e.sequence_id)""",
    ),
    Invariant(
        "heard_is_understood_or_will_be",
        "Something was heard of a transaction, and nobody will look at it.",
        """SELECT s.reference AS subject, '' AS provider, s.heard || ' heard, ' || s.understood || ' understood'
               AS detail
           FROM payouts_source s WHERE s.heard > s.understood AND s.next_at IS NULL AND s.parked_at IS NULL""",
        stops=False,
    ),
    Invariant(
        "poller_is_alive",
        "Sharetribe has not been asked for events for half an hour.",
        """SELECT c.marketplace_id AS subject, '' AS provider, 'last at ' || c.polled_at::text || ' ' || c.error
               AS detail
           FROM flexsync_flexcursor c WHERE c.polled_at < %(now)s - interval '30 minutes'""",
        stops=False,
    ),
    Invariant(
        "told_is_read_back",
        "Sharetribe was told an outcome, and did not repeat it to us.",
        """SELECT p.number AS subject, p.provider AS provider, 'transaction ' || s.reference AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id
           JOIN payouts_outboxmessage m ON m.subject = p.id AND m.kind = 'write_back' AND m.done_at IS NOT NULL
           JOIN payouts_payoutline l ON l.payout_id = p.id JOIN payouts_payable b ON b.id = l.payable_id
           JOIN payouts_source s ON s.id = b.source_id
           LEFT JOIN flexsync_writeback w ON w.source_id = s.id
           WHERE p.state IN ('submitted', 'paid', 'failed', 'returned') AND l.released_at IS NULL
             AND w.confirmed_at IS NULL AND w.conflict_at IS NULL""",
        stops=False,
    ),
    Invariant(
        "payment_told_is_read_back",
        "Sharetribe was told of a buyer's payment, and did not repeat it to us.",
        """SELECT s.reference AS subject, '' AS provider, 'told at ' || m.done_at AS detail
           FROM payouts_outboxmessage m JOIN payouts_source s ON s.id = m.subject
           JOIN flexsync_paymenttold w ON w.source_id = s.id
           WHERE m.kind = 'tell_payment' AND m.done_at IS NOT NULL AND w.lease_until IS NULL
             AND w.confirmed_at IS NULL AND w.conflict_at IS NULL""",
        stops=False,
    ),
)
