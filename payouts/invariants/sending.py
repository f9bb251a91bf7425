"""Promises 1, 3 and 6: paid at most once, exactly what was approved, to where it was approved, by whom it may be."""

# ruff: noqa: S608 - the texts are fixed; nothing from outside stands in them
from __future__ import annotations

from typing import Final

from payouts.invariants.base import Invariant

_PAYOUT: Final = "p.number AS subject, a.provider AS provider"
_ATTEMPTS: Final = (
    """touched t JOIN payouts_payout p ON p.id = t.id JOIN payouts_attempt a ON a.payout_id = p.id"""
)
# When money was committed to a provider, in business time: the posting stands in the same transaction as the attempt.
# Locks decide who came first; whoever waited for one carries a moment that is a little older than the deed.
COMMITS: Final = f"""{_ATTEMPTS}
    JOIN payouts_posting c ON c.attempt_id = a.id AND c.kind = 'commit' AND c.ordinal = 0"""
SLACK: Final = "interval '1 minute'"

INVARIANTS: Final = (
    Invariant(
        "one_open_attempt",
        "A payout has two attempts that may both have moved money.",
        """SELECT p.number AS subject, p.provider AS provider, count(*) || ' open attempts' AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id
           JOIN payouts_attempt a ON a.payout_id = p.id
            AND a.state IN ('committed', 'deferred', 'unknown', 'accepted', 'settled')
           GROUP BY p.id HAVING count(*) > 1""",
    ),
    Invariant(
        "one_attempt_per_reference",
        "One item at a provider belongs to two attempts.",
        f"""SELECT a.reference AS subject, a.provider AS provider, p.number || ' and another' AS detail
            FROM {_ATTEMPTS} JOIN payouts_attempt b ON b.provider = a.provider AND b.reference = a.reference
                 AND b.reference <> '' AND b.id <> a.id""",
    ),
    Invariant(
        "one_batch_per_reference",
        "One batch at a provider belongs to two of ours.",
        """SELECT h.reference AS subject, h.provider AS provider, 'batch ' || h.key AS detail
           FROM payouts_batch h JOIN payouts_batch o ON o.provider = h.provider AND o.reference = h.reference
                AND o.reference <> '' AND o.id <> h.id
           WHERE h.id IN (SELECT batch_id FROM payouts_attempt a JOIN touched t ON t.id = a.payout_id)
              OR h.id >= %(since_id)s""",
    ),
    Invariant(
        "keys_are_unique",
        "A key was used twice.",
        """SELECT a.key AS subject, a.provider AS provider, 'an attempt and a batch' AS detail
           FROM payouts_attempt a JOIN payouts_batch h ON h.provider = a.provider AND h.key = a.key
           WHERE a.id >= %(since_id)s OR h.id >= %(since_id)s""",
    ),
    Invariant(
        "dead_before_the_next",
        "A new attempt was committed while an earlier one was not certainly dead.",
        f"""SELECT {_PAYOUT}, 'attempt ' || a.n || ' while ' || b.n || ' was ' || b.state AS detail
            FROM {_ATTEMPTS} JOIN payouts_attempt b ON b.payout_id = p.id AND b.n < a.n
            JOIN payouts_posting c ON c.attempt_id = a.id AND c.kind = 'commit' AND c.ordinal = 0
            LEFT JOIN LATERAL (SELECT kind FROM payouts_posting g WHERE g.attempt_id = b.id AND g.at <= c.at + {SLACK}
                               AND g.kind IN ('commit', 'uncommit') ORDER BY g.ordinal DESC LIMIT 1) g ON true
            WHERE b.state NOT IN ('refused', 'absent', 'returned') OR b.closed_at IS NULL
               OR g.kind IS DISTINCT FROM 'uncommit'""",
    ),
    Invariant(
        "attempt_is_the_payout",
        "An attempt carries another amount, currency, provider, method or destination than its payout.",
        f"""SELECT {_PAYOUT}, 'attempt ' || a.n || ': ' || a.units || ' ' || a.currency AS detail
            FROM {_ATTEMPTS} JOIN payouts_payoutmethod m ON m.id = a.method_id
            JOIN payouts_batch h ON h.id = a.batch_id
            WHERE a.units <> p.sent_units OR a.currency <> p.sent_currency OR a.method_id <> p.method_id
               OR a.provider NOT IN (p.provider, 'manual') OR h.provider <> a.provider OR h.currency <> a.currency
               OR a.destination <> m.fingerprint OR m.provider <> p.provider""",
    ),
    Invariant(
        "method_of_the_payee",
        "A payout goes to the payout method of somebody else.",
        """SELECT p.number AS subject, p.provider AS provider, 'method ' || m.id AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id JOIN payouts_payoutmethod m ON m.id = p.method_id
           WHERE m.payee_id <> p.payee_id""",
    ),
    Invariant(
        "attempt_is_approved",
        "An attempt was committed without live approvals, by as many people as needed, for exactly its digest.",
        f"""SELECT {_PAYOUT}, 'attempt ' || a.n || ': ' || v.n || ' of ' || k.needed || ' approvals' AS detail
            FROM {COMMITS}
            LEFT JOIN payouts_approvalthreshold h ON h.currency = p.debt_currency
            CROSS JOIN LATERAL (SELECT CASE WHEN h.id IS NULL OR (p.debt_units > h.units AND h.changed_at <= c.at)
                                       THEN 2 ELSE 1 END AS needed) k
            CROSS JOIN LATERAL (
                SELECT count(DISTINCT coalesce(v.by_id, v.policy_id)) AS n FROM payouts_approval v
                WHERE v.payout_id = p.id AND v.result = 'given' AND v.digest = a.digest
                  AND v.units = p.debt_units AND v.currency = p.debt_currency
                  AND v.at <= c.at + {SLACK} AND v.expires_at > c.at
                  AND (v.revoked_at IS NULL OR v.revoked_at >= c.at - {SLACK})) v
            WHERE v.n < k.needed""",
    ),
    Invariant(
        "approver_made_nothing",
        "Somebody approved what they made: the method, a line, a hold, the trigger, or the record of a payment.",
        """SELECT p.number AS subject, p.provider AS provider, 'approved by ' || u.email AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id
           JOIN payouts_approval v ON v.payout_id = p.id AND v.result = 'given' AND v.by_id IS NOT NULL
           JOIN accounts_user u ON u.id = v.by_id
           JOIN payouts_payoutmethod m ON m.id = p.method_id
           WHERE v.by_id = m.made_by_id OR (v.by_id = m.verified_by_id AND m.verified_at <= v.at)
              OR EXISTS (SELECT FROM payouts_payoutline l JOIN payouts_payable b ON b.id = l.payable_id
                         LEFT JOIN payouts_trigger g ON g.id = b.trigger_id
                         WHERE l.payout_id = p.id AND (b.made_by_id = v.by_id OR b.decided_by_id = v.by_id
                               OR (g.changed_by_id = v.by_id AND g.changed_at <= v.at)))
              OR EXISTS (SELECT FROM payouts_payoutline l JOIN payouts_payable b ON b.id = l.payable_id
                         JOIN payouts_source s ON s.id = b.source_id
                         JOIN payments_paymentin i ON i.transaction_id = s.reference
                         WHERE l.payout_id = p.id AND i.made_by_id = v.by_id AND i.recorded_at <= v.at)
              OR EXISTS (SELECT FROM (SELECT DISTINCT ON (h.payout_id, h.payee_id, h.method_id) * FROM payouts_hold h
                                      WHERE (h.payout_id = p.id OR h.payee_id = p.payee_id OR h.method_id = p.method_id)
                                        AND h.set_at <= v.at
                                      ORDER BY h.payout_id, h.payee_id, h.method_id, h.set_at DESC) h
                         WHERE h.set_by_id = v.by_id OR (h.lifted_by_id = v.by_id AND h.lifted_at <= v.at))""",
    ),
    Invariant(
        "method_fit_when_sent",
        "Money was committed to a method that was not verified, in its cool-down, or retired.",
        f"""SELECT {_PAYOUT}, 'method ' || m.masked AS detail
            FROM {COMMITS} JOIN payouts_payoutmethod m ON m.id = a.method_id
            WHERE a.provider <> 'manual' AND (m.verified_at IS NULL OR m.verified_at > c.at OR m.usable_from > c.at
               OR m.retired_at < c.at - {SLACK})""",
    ),
    Invariant(
        "nothing_sent_while_held",
        "Money was committed while a hold was open.",
        f"""SELECT {_PAYOUT}, 'attempt ' || a.n || ' in spite of: ' || h.reason AS detail
            FROM {COMMITS} JOIN payouts_hold h ON h.payout_id = p.id OR h.payee_id = p.payee_id
                 OR h.method_id = p.method_id
                 OR h.rail_id IN ('everything', 'provider:' || a.provider, 'currency:' || a.currency)
            WHERE a.provider <> 'manual' AND h.set_at < c.at - {SLACK}
              AND (h.lifted_at IS NULL OR h.lifted_at > c.at + {SLACK})""",
    ),
    Invariant(
        "state_fits_the_attempts",
        "A payout's state and its attempts contradict each other.",
        """SELECT p.number AS subject, p.provider AS provider, p.state || ', open: ' || coalesce(o.states, 'none')
               || ', newest: ' || coalesce(n.state, 'none') AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id
           LEFT JOIN LATERAL (SELECT string_agg(state, ', ') AS states FROM payouts_attempt WHERE payout_id = p.id
                AND state IN ('committed', 'deferred', 'unknown', 'accepted', 'settled')) o ON true
           LEFT JOIN LATERAL (SELECT state FROM payouts_attempt WHERE payout_id = p.id
                              ORDER BY n DESC LIMIT 1) n ON true
           WHERE CASE p.state
                 WHEN 'submitting' THEN o.states IS DISTINCT FROM 'committed'
                 WHEN 'submitted' THEN o.states IS DISTINCT FROM 'accepted'
                 WHEN 'unknown' THEN o.states IS NULL OR o.states NOT IN ('unknown', 'accepted')
                 WHEN 'paid' THEN o.states IS DISTINCT FROM 'settled'
                 WHEN 'returned' THEN o.states IS NOT NULL OR n.state IS DISTINCT FROM 'returned'
                 WHEN 'approved' THEN o.states IS NOT NULL AND o.states <> 'deferred'
                 -- Its approval was taken back while it was put off: the sender withdraws what cannot go out as it is.
                 WHEN 'awaiting_approval' THEN o.states IS NOT NULL AND o.states <> 'deferred'
                 ELSE o.states IS NOT NULL END""",
    ),
    Invariant(
        "deferred_can_go_again",
        "An attempt was put off, and its batch does not stand ready to be sent again.",
        f"""SELECT {_PAYOUT}, 'attempt ' || a.n || ' in a batch that is ' || h.state AS detail
            FROM {_ATTEMPTS} JOIN payouts_batch h ON h.id = a.batch_id
            WHERE a.state = 'deferred' AND h.state <> 'committed'""",
    ),
    Invariant(
        "batch_adds_up",
        "A batch is not the sum of its attempts.",
        """SELECT h.key AS subject, h.provider AS provider, h.item_count || ' items, ' || h.total_units AS detail
           FROM payouts_batch h LEFT JOIN LATERAL (SELECT count(*) AS n, sum(units) AS total FROM payouts_attempt
                                                   WHERE batch_id = h.id) a ON true
           WHERE h.id IN (SELECT batch_id FROM payouts_attempt x JOIN touched t ON t.id = x.payout_id)
             AND (a.n <> h.item_count OR coalesce(a.total, 0) <> h.total_units)""",
    ),
    Invariant(
        "right_environment",
        "A batch was made for another environment than this one.",
        """SELECT h.key AS subject, h.provider AS provider, h.environment AS detail FROM payouts_batch h
           WHERE h.id >= %(since_id)s AND h.environment <> %(environment)s""",
    ),
    Invariant(
        "step_stands_before_the_call",
        "A batch was transmitted whose step was not committed before.",
        """SELECT h.key AS subject, h.provider AS provider, h.transmissions || ' transmissions' AS detail
           FROM payouts_batch h
           WHERE h.id >= %(since_id)s AND h.provider <> 'manual' AND h.transmissions > 0 AND (
               h.first_sent_at IS NULL OR h.answers > h.transmissions OR NOT EXISTS (
                   SELECT FROM payouts_step s WHERE s.batch_id = h.id AND length(s.digest) = 32
                   AND s.created_at <= h.first_sent_at))""",
    ),
    Invariant(
        "settled_by_a_word",
        "An attempt counts as paid or returned, and neither the provider nor two people said so.",
        f"""SELECT {_PAYOUT}, 'attempt ' || a.n || ' ' || a.state AS detail FROM {_ATTEMPTS}
            WHERE a.state IN ('settled', 'returned') AND a.provider <> 'manual'
              AND NOT EXISTS (SELECT FROM payouts_observation o WHERE o.attempt_id = a.id
                              AND o.status IN ('paid', 'returned'))
              AND NOT EXISTS (SELECT FROM payouts_request r WHERE r.act = 'resolve_unknown' AND r.state = 'seconded'
                              AND (r.subject = p.id::text OR r.payload ->> 'payout' = p.id::text))
              AND NOT EXISTS (SELECT FROM payouts_payoutevent e WHERE e.payout_id = p.id AND e.to_state = 'paid'
                              AND e.reason = 'Accepted by the provider.')""",
    ),
    Invariant(
        "webhook_is_ours",
        "A webhook counts as applied and points at nothing of ours.",
        """SELECT w.event_id AS subject, w.provider AS provider, w.kind AS detail FROM payouts_webhookdelivery w
           WHERE w.id >= %(since_id)s AND w.state = 'applied'
             AND NOT EXISTS (SELECT FROM payouts_batch h WHERE h.provider = w.provider
                 AND (h.key = w.hint ->> 'batch_key'
                      OR (h.reference <> '' AND h.reference = w.hint ->> 'batch_reference')))
             AND NOT EXISTS (SELECT FROM payouts_attempt a WHERE a.provider = w.provider
                 AND (a.key = w.hint ->> 'item_key'
                      OR (a.reference <> '' AND a.reference = w.hint ->> 'item_reference')))""",
    ),
)
