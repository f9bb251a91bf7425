"""Promise 4: entries balance, and the books hold per payout and payee what states and rows prescribe."""

# ruff: noqa: S608 - the texts are fixed; nothing from outside stands in them
from __future__ import annotations

from typing import Final

from payouts.invariants.base import Invariant
from payouts.ledger import KINDS

_PAYOUT: Final = "p.number AS subject, p.provider AS provider"

# A clawback, waiting or decided to be netted, is what the payee owes us and not what we owe.
_IS_CLAWBACK: Final = "(b.waits_for = 'clawback' OR b.decided LIKE 'net%%')"

INVARIANTS: Final = (
    Invariant(
        "payable_in_one_payout",
        "A payable is in two payouts at once.",
        """SELECT l.payable_id AS subject, '' AS provider, count(DISTINCT l.id) || ' live lines' AS detail
           FROM touched t JOIN payouts_payoutline x ON x.payout_id = t.id AND x.released_at IS NULL
           JOIN payouts_payoutline l ON l.payable_id = x.payable_id AND l.released_at IS NULL
           GROUP BY l.payable_id HAVING count(DISTINCT l.id) > 1""",
    ),
    Invariant(
        "lines_make_the_debt",
        "The live lines of a payout are not its debt.",
        f"""SELECT {_PAYOUT}, coalesce(l.total, 0) || ' in lines, ' || p.debt_units || ' owed, ' || p.state AS detail
            FROM touched t JOIN payouts_payout p ON p.id = t.id
            LEFT JOIN LATERAL (SELECT sum(units) AS total, count(*) AS n FROM payouts_payoutline
                               WHERE payout_id = p.id AND released_at IS NULL) l ON true
            WHERE (p.state = 'cancelled' AND l.n > 0)
               OR (p.state <> 'cancelled' AND coalesce(l.total, 0) <> p.debt_units)""",
    ),
    Invariant(
        "line_is_its_payable",
        "A line differs from its payable in amount, payee or currency.",
        f"""SELECT {_PAYOUT}, 'payable ' || b.id AS detail
            FROM touched t JOIN payouts_payout p ON p.id = t.id
            JOIN payouts_payoutline l ON l.payout_id = p.id JOIN payouts_payable b ON b.id = l.payable_id
            WHERE l.units <> b.units OR b.payee_id <> p.payee_id OR b.currency <> p.debt_currency
               OR b.marketplace_id <> p.marketplace_id""",
    ),
    Invariant(
        "gathered_is_in_a_payout",
        "A payable counts as gathered and is in no payout, or is in one and does not count as gathered.",
        """SELECT b.id AS subject, '' AS provider, 'settled ' || b.settled AS detail
           FROM touched_payees t JOIN payouts_payable b ON b.payee_id = t.id
           WHERE (b.settled = 'gathered') <> EXISTS (SELECT FROM payouts_payoutline l
                                                     WHERE l.payable_id = b.id AND l.released_at IS NULL)""",
    ),
    Invariant(
        "zero_is_zero",
        "What was settled because it summed to zero does not.",
        """SELECT b.payee_id AS subject, '' AS provider, sum(b.units) || ' ' || b.currency AS detail
           FROM touched_payees t JOIN payouts_payable b ON b.payee_id = t.id
           WHERE b.settled = 'zero' GROUP BY b.payee_id, b.currency HAVING sum(b.units) <> 0""",
    ),
    Invariant(
        "books_fit_the_state",
        "What is allocated, committed or in transit for a payout is not what its state prescribes.",
        f"""SELECT {_PAYOUT}, p.state || ': allocated ' || k.allocated || ', committed ' || k.committed
                || ', in transit ' || k.in_transit AS detail
            FROM touched t JOIN payouts_payout p ON p.id = t.id
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(units) FILTER (WHERE credit = 'allocated:' || p.id), 0)
                     - coalesce(sum(units) FILTER (WHERE debit = 'allocated:' || p.id), 0) AS allocated,
                       coalesce(sum(units) FILTER (WHERE credit LIKE 'committed:%%'), 0)
                     - coalesce(sum(units) FILTER (WHERE debit LIKE 'committed:%%'), 0) AS committed,
                       coalesce(sum(units) FILTER (WHERE debit LIKE 'in_transit:%%'), 0)
                     - coalesce(sum(units) FILTER (WHERE credit LIKE 'in_transit:%%'), 0) AS in_transit
                FROM payouts_posting WHERE payout_id = p.id) k
            WHERE k.allocated <> CASE WHEN p.state IN ('pending', 'awaiting_approval', 'approved', 'failed')
                                      THEN p.debt_units ELSE 0 END
               OR k.committed <> CASE WHEN p.state IN ('submitting', 'submitted', 'unknown')
                                      THEN p.sent_units ELSE 0 END
               OR k.in_transit <> CASE WHEN p.state IN ('submitting', 'submitted', 'unknown') AND EXISTS (
                                             SELECT FROM payouts_attempt a WHERE a.payout_id = p.id AND a.debited
                                             AND a.state IN ('committed', 'unknown', 'accepted'))
                                       THEN p.sent_units ELSE 0 END""",
    ),
    Invariant(
        "paid_is_posted_once",
        "A payout that is paid has no posting of it, or several.",
        f"""SELECT {_PAYOUT}, count(g.id) || ' postings' AS detail
            FROM touched t JOIN payouts_payout p ON p.id = t.id AND p.state = 'paid'
            LEFT JOIN payouts_posting g ON g.payout_id = p.id AND g.kind = 'pay' AND g.units = p.sent_units
                                       AND g.currency = p.sent_currency
            GROUP BY p.id HAVING count(g.id) <> 1""",
    ),
    Invariant(
        "debit_is_posted",
        "Whether the provider debited us stands differently on the attempt and in the books.",
        f"""SELECT {_PAYOUT}, 'attempt ' || a.n || ' ' || a.state || ', posted ' || k.net AS detail
            FROM touched t JOIN payouts_payout p ON p.id = t.id JOIN payouts_attempt a ON a.payout_id = p.id
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(units) FILTER (WHERE kind IN ('debit', 'suspense')
                                                   AND credit LIKE 'provider_cash:%%'), 0)
                     - coalesce(sum(units) FILTER (WHERE kind IN ('undebit', 'suspense')
                                                   AND debit LIKE 'provider_cash:%%'), 0) AS net
                FROM payouts_posting WHERE attempt_id = a.id) k
            WHERE a.state <> 'returned' AND k.net <> CASE WHEN a.debited THEN a.units ELSE 0 END""",
    ),
    Invariant(
        "owed_is_the_open_payables",
        "What the books say we owe a payee is not what is open for them.",
        f"""SELECT x.payee_id AS subject, '' AS provider,
                  sum(x.booked) || ' in the books, ' || sum(x.open) || ' open, ' || x.currency AS detail
            FROM (SELECT t.id AS payee_id, g.currency, sum(g.units) AS booked, 0 AS open
                  FROM touched_payees t JOIN payouts_posting g ON g.credit = 'owed:' || t.id GROUP BY 1, 2
                  UNION ALL SELECT t.id, g.currency, -sum(g.units), 0
                  FROM touched_payees t JOIN payouts_posting g ON g.debit = 'owed:' || t.id GROUP BY 1, 2
                  UNION ALL SELECT t.id, b.currency, 0, sum(b.units)
                  FROM touched_payees t JOIN payouts_payable b ON b.payee_id = t.id
                  WHERE b.settled = '' AND NOT {_IS_CLAWBACK} GROUP BY 1, 2) x
            GROUP BY x.payee_id, x.currency HAVING sum(x.booked) <> sum(x.open)""",
    ),
    Invariant(
        "receivable_is_the_open_clawbacks",
        "What the books say a payee owes us is not what is open as clawbacks.",
        f"""SELECT x.payee_id AS subject, '' AS provider,
                  sum(x.booked) || ' in the books, ' || sum(x.open) || ' open, ' || x.currency AS detail
            FROM (SELECT t.id AS payee_id, g.currency, sum(g.units) AS booked, 0 AS open
                  FROM touched_payees t JOIN payouts_posting g ON g.debit = 'receivable:' || t.id GROUP BY 1, 2
                  UNION ALL SELECT t.id, g.currency, -sum(g.units), 0
                  FROM touched_payees t JOIN payouts_posting g ON g.credit = 'receivable:' || t.id GROUP BY 1, 2
                  UNION ALL SELECT t.id, b.currency, 0, -sum(b.units)
                  FROM touched_payees t JOIN payouts_payable b ON b.payee_id = t.id
                  WHERE b.settled = '' AND {_IS_CLAWBACK} GROUP BY 1, 2) x
            GROUP BY x.payee_id, x.currency HAVING sum(x.booked) <> sum(x.open)""",
    ),
    Invariant(
        "payable_is_posted",
        "A payable was never posted, or with another amount.",
        """SELECT b.id AS subject, '' AS provider, b.units || ' ' || b.currency AS detail
           FROM touched_payees t JOIN payouts_payable b ON b.payee_id = t.id
           WHERE b.origin IN ('sharetribe', 'staff') AND NOT EXISTS (
               SELECT FROM payouts_posting g WHERE g.subject = b.id
               AND g.kind IN ('accrue', 'compensate', 'clawback', 'recover')
               AND g.units = abs(b.units) AND g.currency = b.currency AND (g.kind <> 'accrue' OR b.units > 0))""",
    ),
    Invariant(
        "posting_is_known",
        "A posting has a kind or an account that the books do not know.",
        """SELECT g.id AS subject, '' AS provider, g.kind || ': ' || g.debit || ' / ' || g.credit AS detail
           FROM payouts_posting g WHERE g.id >= %(since_id)s
             AND (g.kind <> ALL(%(kinds)s) OR g.debit !~ %(account)s OR g.credit !~ %(account)s
                  OR g.units <= 0 OR g.debit = g.credit)""",
        values=lambda: {
            "kinds": list(KINDS),
            "account": "^(due_from_marketplace|owner_funding|write_off|(owed|receivable|allocated):[0-9a-f-]{36}"
            "|(committed|in_transit|provider_cash|fees|fx|suspense):[a-z0-9_]+)$",
        },
    ),
    Invariant(
        "entry_in_one_currency",
        "An entry mixes currencies without an exchange.",
        """SELECT g.entry AS subject, '' AS provider, string_agg(DISTINCT g.currency, ', ') AS detail
           FROM payouts_posting g WHERE g.id >= %(since_id)s
           GROUP BY g.entry HAVING count(DISTINCT g.currency) > 1
              AND bool_and(g.debit NOT LIKE 'fx:%%' AND g.credit NOT LIKE 'fx:%%')""",
    ),
    Invariant(
        "returned_is_owed_again",
        "What came back is not owed again to the unit.",
        f"""SELECT {_PAYOUT}, 'attempt ' || a.n || ': ' || a.returned_units || ' back, ' || coalesce(o.total, 0)
                || ' owed again' AS detail
            FROM touched t JOIN payouts_payout p ON p.id = t.id JOIN payouts_attempt a ON a.payout_id = p.id
            LEFT JOIN LATERAL (SELECT sum(units) AS total FROM payouts_payable b
                               WHERE b.marketplace_id = p.marketplace_id AND b.origin = 'provider'
                                 AND b.reference = a.key AND b.purpose = 'returned') o ON true
            WHERE coalesce(o.total, 0) <> a.returned_units""",
    ),
    Invariant(
        "payout_knows_what_came_back",
        "A payout says that another amount came back than its attempts do.",
        f"""SELECT {_PAYOUT}, p.returned_units || ' on the payout, ' || coalesce(o.total, 0) || ' on attempts' AS detail
            FROM touched t JOIN payouts_payout p ON p.id = t.id
            LEFT JOIN LATERAL (SELECT sum(returned_units) AS total FROM payouts_attempt
                               WHERE payout_id = p.id) o ON true
            WHERE coalesce(o.total, 0) <> p.returned_units""",
    ),
)
