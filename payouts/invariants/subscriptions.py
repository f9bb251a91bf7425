"""Subscribers: no news is lost on its way to them, and none waits unseen. What is wrong here stops no money."""

from __future__ import annotations

from typing import Final

from payouts.invariants.base import Invariant

INVARIANTS: Final = (
    Invariant(
        "news_is_captured",
        "Something happened that a subscription hears of, and there is no message of it.",
        """SELECT p.number AS subject, '' AS provider, e.news || ' for ' || s.description AS detail
           FROM touched t JOIN payouts_payoutevent e ON e.payout_id = t.id AND e.news <> ''
                AND e.created_at > %(now)s - interval '25 days'
           JOIN payouts_webhooksubscription s ON s.ended_at IS NULL AND e.news = ANY (s.types)
                AND e.created_at > s.hears_since + interval '10 minutes'
           JOIN payouts_payout p ON p.id = t.id
           WHERE NOT EXISTS (SELECT FROM payouts_webhookmessage m
                             WHERE m.id = payouts_webhook_id(s.id, e.news, e.id, e.payout_id))""",
        stops=False,
    ),
    Invariant(
        "message_has_one_end",
        "A message for a subscriber is neither delivered, nor on its way, nor before a person; or several at once.",
        """SELECT m.id AS subject, '' AS provider, m.type AS detail FROM payouts_webhookmessage m
           WHERE num_nonnulls(m.next_at, m.delivered_at, m.given_up_at) <> 1""",
        stops=False,
    ),
)
