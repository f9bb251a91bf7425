"""Who is owed money that nobody but they themselves can set going: it is due, and there is no usable payout method."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import connection

from marketplace_payouts.lib.money import Money
from payouts.readiness import REFUSED, USABLE

METHOD: Final = "method"
"""The payee has given no method."""
VERIFY: Final = "verify"
"""The payee has not confirmed the method."""
MEND: Final = "mend"
"""The provider refused the method for a reason that the payee alone can mend."""
_ASKS: Final = (METHOD, VERIFY, MEND)

# Which gate stopped a payable, its gathering notes; that it stands there for want of a method means that it is due.
_DEBTS: Final = f"""
    SELECT b.payee_id, b.currency, b.units, 0 AS ask FROM payouts_payable b
    WHERE b.settled = '' AND b.waits_for = '' AND b.blocked_by = 'method_present'
    UNION ALL
    SELECT p.payee_id, p.debt_currency, p.debt_units, 1
    FROM payouts_payout p JOIN payouts_payoutmethod m ON m.id = p.method_id
    WHERE p.state = 'pending' AND m.verified_at IS NULL AND m.retired_at IS NULL
    UNION ALL
    SELECT p.payee_id, p.debt_currency, p.debt_units, 2
    FROM payouts_payout p JOIN payouts_payoutmethod m ON m.id = p.method_id
    WHERE p.state = 'failed' AND m.retired_at IS NULL AND {REFUSED}
"""  # noqa: S608 - fixed text
WAITING: Final = f"""
    SELECT d.payee_id, d.currency, sum(d.units) AS units, max(d.ask) AS ask
    FROM ({_DEBTS}) d JOIN accounts_payee y ON y.id = d.payee_id
    WHERE NOT y.closed AND y.frozen_at IS NULL
      AND NOT EXISTS (SELECT FROM payouts_payoutmethod m WHERE m.payee_id = y.id AND {USABLE})
    GROUP BY d.payee_id, d.currency HAVING sum(d.units) > 0
"""  # noqa: S608 - fixed text
"""(payee, currency) → how much waits for the payee, and what they are to do."""


@dataclass(slots=True)
class Debt:
    """What a payee is owed and could be paid, if they did what is asked of them."""

    amounts: list[Money] = field(default_factory=list)
    ask: str = METHOD


def of(payee_ids: Collection[UUID]) -> dict[UUID, Debt]:
    """This will give what waits for each of these payees, in one statement; nobody is there for whom nothing does."""
    sql = f"SELECT * FROM ({WAITING}) w WHERE w.payee_id = ANY(%s) ORDER BY w.payee_id, w.currency"  # noqa: S608 - fixed text
    found: dict[UUID, Debt] = defaultdict(Debt)
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(payee_ids)])
        for payee_id, currency, units, ask in cursor.fetchall():
            debt = found[payee_id]
            debt.amounts.append(Money(int(units), currency))
            debt.ask = max(debt.ask, _ASKS[ask], key=_ASKS.index)
    return dict(found)
