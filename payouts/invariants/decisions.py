"""Promise 6: what needs two people had two, policies kept to their word, holds and incidents do what they say."""

from __future__ import annotations

from typing import Final

from payouts.invariants.base import Invariant

INVARIANTS: Final = (
    Invariant(
        "approved_has_an_approval",
        "A payout stands approved, and no live approval says so.",
        """SELECT p.number AS subject, p.provider AS provider, 'no live approval' AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id
           WHERE p.state = 'approved' AND NOT EXISTS (
               SELECT FROM payouts_approval v WHERE v.payout_id = p.id AND v.result = 'given'
               AND v.revoked_at IS NULL AND v.units = p.debt_units AND v.currency = p.debt_currency)""",
    ),
    Invariant(
        "approval_has_an_author",
        "An approval was given by nobody, or by a person and a policy at once.",
        """SELECT p.number AS subject, p.provider AS provider, 'approval ' || v.id AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id JOIN payouts_approval v ON v.payout_id = p.id
           WHERE v.result = 'given' AND (v.by_id IS NULL) = (v.policy_id IS NULL)""",
    ),
    Invariant(
        "policy_kept_to_its_word",
        "A policy approved that was off, not made by two people, or not for that much.",
        """SELECT p.number AS subject, p.provider AS provider, y.currency || ' version ' || y.version AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id
           JOIN payouts_approval v ON v.payout_id = p.id AND v.result = 'given'
           JOIN payouts_approvalpolicy y ON y.id = v.policy_id
           WHERE NOT y.enabled OR y.seconded_by_id IS NULL OR y.made_by_id IS NULL OR y.made_by_id = y.seconded_by_id
              OR v.units > y.maximum_units OR v.currency <> y.currency
              OR y.retired_at < v.at - interval '1 minute'""",
    ),
    Invariant(
        "approval_within_the_limit",
        "Somebody approved more than their limit allowed then.",
        """SELECT p.number AS subject, p.provider AS provider, v.limit_snapshot::text AS detail
           FROM touched t JOIN payouts_payout p ON p.id = t.id JOIN payouts_approval v ON v.payout_id = p.id
           WHERE v.result = 'given' AND v.by_id IS NOT NULL AND coalesce(
               (v.limit_snapshot ->> 'used')::numeric > (v.limit_snapshot ->> 'limit')::numeric, true)""",
    ),
    Invariant(
        "request_by_two",
        "A request was done that only one person stood behind.",
        """SELECT r.id AS subject, '' AS provider, r.act AS detail FROM payouts_request r
           WHERE r.state = 'seconded' AND (r.closed_by_id IS NULL OR r.closed_by_id = r.made_by_id)""",
    ),
    Invariant(
        "method_by_two",
        "Staff gave a payout method that no other person seconded.",
        """SELECT m.payee_id AS subject, m.provider AS provider, m.masked AS detail
           FROM touched_payees t JOIN payouts_payoutmethod m ON m.payee_id = t.id
           WHERE m.made_by_id IS NOT NULL AND (m.seconded_by_id IS NULL OR m.seconded_by_id = m.made_by_id)""",
    ),
    Invariant(
        "hold_says_why",
        "A hold gives no reason, or was lifted without saying when and by what.",
        """SELECT h.id AS subject, '' AS provider, h.rule AS detail FROM payouts_hold h
           WHERE btrim(h.reason) = '' OR (h.rule = 'staff' AND h.set_by_id IS NULL)
              OR (h.rule = 'staff' AND h.lifted_at IS NOT NULL AND h.lifted_by_id IS NULL)""",
    ),
    Invariant(
        "incident_stops_its_provider",
        "An incident is open, and what it must stop is not stopped.",
        """SELECT i.id AS subject, i.provider AS provider, i.sentence AS detail FROM payouts_incident i
           WHERE i.closed_at IS NULL AND NOT EXISTS (
               SELECT FROM payouts_hold h WHERE h.rule = 'incident:' || i.id AND h.lifted_at IS NULL
               AND h.rail_id = CASE WHEN i.provider = '' THEN 'everything' ELSE 'provider:' || i.provider END)""",
    ),
    Invariant(
        "incident_was_explained",
        "An incident was closed without an explanation.",
        """SELECT i.id AS subject, i.provider AS provider, i.sentence AS detail FROM payouts_incident i
           WHERE i.closed_at IS NOT NULL AND (i.closed_by_id IS NULL OR btrim(i.explanation) = '')""",
    ),
)
