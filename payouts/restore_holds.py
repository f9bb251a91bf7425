"""What is held after a restore: whatever may have been paid in the time that was lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.ids import uuid7
from payouts import dissolving
from payouts.holding import RESTORED
from payouts.models import Attempt, AttemptState, Hold, Payable, Payout, PayoutLine, PayoutMethod
from payouts.providers.base import StatementLine
from payouts.statements import place_of

UNSENT: Final = tuple(sorted(dissolving.DISSOLVABLE))
_UNLISTED: Final = (
    "After the restore nothing tells whether {} has paid this already: it gives no list, and no transaction in"
    " Sharetribe bears witness. Look for it on its own pages."
)


def set_holds(rows: Iterable[Hold], *, now: datetime) -> None:
    """This will set holds that a person lifts; one that stands already stays."""
    rows = list(rows)
    for row in rows:
        row.id, row.rule, row.set_at = uuid7(), RESTORED, now
    rowsets.insert(Hold, rows, on_conflict="DO NOTHING")


def hold_unwitnessed(provider: str, *, now: datetime) -> int:
    """This will hold what a provider without a list may have paid and no transaction announced; gives how many."""
    reason = _UNLISTED.format(provider)
    lines = PayoutLine.objects.filter(
        payable__source__isnull=True,
        released_at__isnull=True,
        payout__state__in=UNSENT,
        payout__provider=provider,
    )
    payouts = set(lines.values_list("payout_id", flat=True))
    # What is not gathered now may have been gathered, and sent, after the last commit that is known.
    there = PayoutMethod.objects.filter(provider=provider).values("payee_id")
    open_now = Payable.objects.filter(source__isnull=True, settled=Payable.Settled.NOT, payee_id__in=there)
    payees = set(open_now.values_list("payee_id", flat=True))
    rows = [Hold(payout_id=pk, reason=reason) for pk in sorted(payouts)]
    rows += [Hold(payee_id=pk, reason=reason) for pk in sorted(payees)]
    set_holds(rows, now=now)
    return len(rows)


def asked_about(provider: str, lines: Sequence[StatementLine]) -> dict[tuple[str, int, str], list[Payout]]:
    """This will give payouts by destination and amount whose old key may be sent again to find out what became of it.

    People may have decided about it after the backup, and what is listed may be its next attempt.
    """
    marks = {place_of(provider, line)[0] for line in lines} - {""}
    found: dict[tuple[str, int, str], list[Payout]] = defaultdict(list)
    open_now = Attempt.objects.filter(
        provider=provider, state__in=(AttemptState.COMMITTED, AttemptState.UNKNOWN), destination__in=marks
    )
    for attempt in open_now.select_related("payout"):
        found[attempt.destination, int(attempt.units), attempt.currency].append(attempt.payout)
    return found


def candidates(
    provider: str, lines: Sequence[StatementLine]
) -> tuple[dict[tuple[str, int, str], list[Payout]], dict[str, set[UUID]], set[UUID]]:
    """This will give unsent payouts by destination and amount, payees by destination, and those of them to whom
    something is owed that no transaction in Sharetribe names."""
    marks = {place_of(provider, line)[0] for line in lines} - {""}
    payouts: dict[tuple[str, int, str], list[Payout]] = defaultdict(list)
    unsent = Payout.objects.filter(state__in=UNSENT, method__fingerprint__in=marks).select_related("method")
    for payout in unsent:
        payouts[payout.method.fingerprint, int(payout.sent_units), payout.sent_currency].append(payout)
    payees: dict[str, set[UUID]] = defaultdict(set)
    for mark, payee in PayoutMethod.objects.filter(fingerprint__in=marks).values_list(
        "fingerprint", "payee_id"
    ):
        payees[mark].add(payee)
    owners = set[UUID]().union(*payees.values())
    unwitnessed = Payable.objects.filter(
        payee_id__in=owners, source__isnull=True, settled=Payable.Settled.NOT
    )
    return payouts, payees, set(unwitnessed.values_list("payee_id", flat=True))
