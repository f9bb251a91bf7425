"""Subscribers: no news is lost on its way to them, and none waits unseen. What is wrong here stops no money."""

# ruff: noqa: S608 - the texts are fixed; nothing from outside stands in them
from __future__ import annotations

from typing import Final

from payouts.invariants.base import Invariant


def _uncaptured(*, news: str, about: str, source: str, subject: str, at: str) -> str:
    """Write what finds news that there should be a message of; recent enough for it not to be purged yet.

    Whoever began before a subscription was made may commit after it: those minutes prove nothing.
    """
    return f"""
        SELECT {subject}::text AS subject, '' AS provider, {news} || ' for ' || s.description AS detail
        FROM {about}
        JOIN payouts_webhooksubscription s ON s.ended_at IS NULL AND s.types ? {news}
             AND {at} > greatest(s.hears_since + interval '10 minutes', %(now)s - interval '25 days')
        WHERE NOT EXISTS (SELECT FROM payouts_webhookmessage m
                          WHERE m.id = payouts_webhook_id(s.id, {news}, {source}, {subject}))"""


INVARIANTS: Final = (
    Invariant(
        "news_is_captured",
        "Something happened that a subscription hears of, and there is no message of it.",
        " UNION ALL ".join(
            (
                _uncaptured(
                    news="e.news",
                    about="touched t JOIN payouts_payoutevent e ON e.payout_id = t.id AND e.news <> ''",
                    source="e.id",
                    subject="e.payout_id",
                    at="e.created_at",
                ),
                _uncaptured(
                    news="'payable.owed'",
                    about="touched_payees t JOIN payouts_payable b ON b.payee_id = t.id AND b.purpose <> 'carry'",
                    source="b.id",
                    subject="b.id",
                    at="b.created_at",
                ),
                _uncaptured(
                    news="'payout_method.changed'",
                    about="touched_payees t JOIN payouts_payoutmethod d ON d.payee_id = t.id",
                    source="d.id",
                    subject="d.id",
                    at="d.created_at",
                ),
                _uncaptured(
                    news="'payout_method.changed'",
                    about="touched_payees t JOIN payouts_methodchange g ON g.payee_id = t.id AND g.act = 'retired'",
                    source="g.id",
                    subject="g.before_id",
                    at="g.at",
                ),
            )
        ),
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
