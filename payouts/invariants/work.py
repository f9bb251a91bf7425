"""Promise 2: nothing is lost, nothing stuck unseen. What is late here is told to people and stops nothing."""

from __future__ import annotations

from typing import Final

from payouts import outbox
from payouts.invariants.base import Invariant

INVARIANTS: Final = (
    Invariant(
        "submitting_under_a_lease",
        "A payout is being submitted, and the lease of its sender is long over.",
        """SELECT p.number AS subject, p.provider AS provider, 'lease until ' || coalesce(h.lease_until::text, 'never')
               AS detail
           FROM payouts_payout p LEFT JOIN payouts_attempt a ON a.payout_id = p.id AND a.state = 'committed'
           LEFT JOIN payouts_batch h ON h.id = a.batch_id
           WHERE p.state = 'submitting'
             AND coalesce(h.lease_until, p.state_since) < clock_timestamp() - interval '15 minutes'
             AND p.state_since < %(now)s - interval '15 minutes'""",
        stops=False,
    ),
    Invariant(
        "unknown_stands_before_people",
        "The outcome of a payout is unknown, and it does not stand before a person.",
        """SELECT p.number AS subject, p.provider AS provider, p.reason AS detail FROM payouts_payout p
           WHERE p.state = 'unknown' AND (p.person_after IS NULL
              OR p.person_after > greatest(%(now)s, p.state_since) + interval '1 hour')""",
        stops=False,
    ),
    Invariant(
        "under_way_is_asked_about",
        "A payout is on its way, and nothing says when its provider is asked again.",
        """SELECT p.number AS subject, p.provider AS provider, p.state || ', batch ' || coalesce(h.state, 'none')
               AS detail
           FROM payouts_payout p
           LEFT JOIN payouts_attempt a ON a.payout_id = p.id AND a.state IN ('committed', 'unknown', 'accepted')
           LEFT JOIN payouts_batch h ON h.id = a.batch_id
           WHERE p.state IN ('submitting', 'submitted', 'unknown') AND h.next_at IS NULL
             AND NOT (p.state = 'unknown' AND h.id IS NOT NULL)""",
        stops=False,
    ),
    Invariant(
        "open_payable_is_looked_at",
        "A payable is open and waits for nobody, and its payee will never be looked at.",
        """SELECT b.id AS subject, '' AS provider, 'payee ' || b.payee_id || ', ' || b.units || ' ' || b.currency
               AS detail
           FROM payouts_payable b JOIN accounts_payee y ON y.id = b.payee_id
           WHERE b.settled = '' AND b.waits_for = '' AND y.next_gather_at IS NULL""",
        stops=False,
    ),
    Invariant(
        "nothing_is_overdue",
        "Work is ready, and nobody has taken it for a long time.",
        """SELECT x.stage AS subject, '' AS provider, count(*) || ' since ' || min(x.at)::text AS detail FROM (
               SELECT 'count' AS stage, next_at AS at FROM payments_paymentin
                   WHERE next_at < %(now)s - interval '15 minutes'
               UNION ALL SELECT 'count', next_at FROM payments_intent
                   WHERE next_at < %(now)s - interval '15 minutes'
               UNION ALL SELECT 'understand', next_at FROM payouts_source
                   WHERE next_at < %(now)s - interval '15 minutes' AND parked_at IS NULL
               UNION ALL SELECT 'gather', next_gather_at FROM accounts_payee
                   WHERE next_gather_at < %(now)s - interval '1 hour'
               UNION ALL SELECT 'decide', next_at FROM payouts_payout
                   WHERE state IN ('pending', 'awaiting_approval') AND next_at < %(now)s - interval '1 hour'
               UNION ALL SELECT 'send', p.next_at FROM payouts_payout p
                   WHERE p.state = 'approved' AND p.next_at < %(now)s - interval '1 hour'
                   AND NOT EXISTS (SELECT FROM payouts_heartbeat WHERE name = 'not accepted')
                   AND NOT EXISTS (SELECT FROM payouts_attempt a WHERE a.payout_id = p.id AND a.state = 'deferred')
               UNION ALL SELECT 'hear back', next_at FROM payouts_batch WHERE next_at < %(now)s - interval '1 hour'
               UNION ALL SELECT 'webhooks', next_at FROM payouts_webhookdelivery
                   WHERE state = 'new' AND next_at < %(now)s - interval '15 minutes'
               UNION ALL SELECT 'stripe', next_at FROM payments_stripedelivery
                   WHERE state = 'new' AND next_at < %(now)s - interval '1 hour'
               UNION ALL SELECT 'settle', max(o.created_at) FROM payouts_attempt a
                   JOIN payouts_observation o ON o.attempt_id = a.id AND o.seq = a.observed
                   WHERE a.observed > a.folded GROUP BY a.id
                   HAVING max(o.created_at) < %(now)s - interval '15 minutes'
               UNION ALL SELECT 'tell', next_at FROM payouts_outboxmessage
                   WHERE next_at < %(now)s - interval '15 minutes' AND (kind <> ALL(%(kept_back)s)
                   OR NOT EXISTS (SELECT FROM payouts_heartbeat WHERE name = 'not accepted'))
               UNION ALL SELECT 'deliver', m.next_at FROM payouts_webhooksubscription s
                   JOIN payouts_webhookmessage m ON m.subscription_id = s.id
                   WHERE m.next_at < %(now)s - interval '1 hour' AND s.off_at IS NULL AND s.ended_at IS NULL
                   AND s.failures = 0 AND s.environment = %(environment)s
                   AND NOT EXISTS (SELECT FROM payouts_heartbeat WHERE name = 'not accepted')) x
           GROUP BY x.stage""",
        stops=False,
        values=lambda: {"kept_back": list(outbox.KEPT_BACK)},
    ),
)
