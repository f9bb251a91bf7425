"""The go-live line: what became due before it waits for a person, and may turn out to be paid by hand already."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import Marketplace, User
from accounts.roles import require
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.money import Money
from payouts import ledger
from payouts.accrual import wake
from payouts.errors import Refused
from payouts.ledger import Draft
from payouts.models import Payable
from payouts.outcomes import Done

_COLUMNS = ("transaction_id", "paid_at", "reference")
_LONGEST_REFERENCE = 60


class ImportRefused(Refused):
    """A file of hand-made payments has mistakes; nothing of it was taken over."""

    def __init__(self, mistakes: Sequence[tuple[int, str]]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("\n".join(f"Line {line}: {sentence}" for line, sentence in mistakes))


@dataclass(frozen=True, slots=True)
class PaidByHand:
    """One line of the file: a transaction whose seller was paid outside of the product."""

    line: int
    reference: UUID
    paid_at: str
    document: str


def choose_go_live(*, at: datetime, now: datetime) -> int:
    """This will draw the go-live line for the first time, and give how many opening items it lets go.

    Changing a line that was drawn is a request which another person seconds.

    :raises Refused: when no marketplace is known yet, or a line was drawn.
    """
    with transaction.atomic():
        marketplace = Marketplace.objects.select_for_update().first()
        if marketplace is None:
            raise Refused("No marketplace is known yet: run check_flex, which reads it from Sharetribe.")
        if marketplace.go_live_at is not None:
            raise Refused(
                f"The go-live line was drawn at {marketplace.go_live_at:%Y-%m-%d %H:%M %Z}: make a request in the"
                " admin to move it."
            )
        marketplace.go_live_at = at
        marketplace.save(update_fields=["go_live_at"])
        opening = Payable.objects.filter(marketplace=marketplace, waits_for=Payable.Waits.OPENING, settled="")
        going = list(opening.filter(became_due_at__gte=at).order_by("pk").select_for_update())
        rowsets.update(Payable, [{"id": row.pk, "waits_for": ""} for row in going])
        wake(going)
    return len(going)


def read_paid(lines: Iterable[str]) -> list[PaidByHand]:
    """This will read a CSV with a header: `transaction_id`, and perhaps `paid_at` (ISO) and `reference`.

    :raises ImportRefused: naming every line that is wrong.
    """
    reader = csv.DictReader(lines)
    header = [name.strip().lower() for name in reader.fieldnames or []]
    if "transaction_id" not in header or set(header) - set(_COLUMNS):
        raise ImportRefused([(1, f"The header must be {', '.join(_COLUMNS)}; the last two may be left out.")])
    reader.fieldnames = header
    found: list[PaidByHand] = []
    mistakes: list[tuple[int, str]] = []
    try:
        for row in reader:
            try:
                found.append(_paid(reader.line_num, row))
            except ValueError as error:
                mistakes.append((reader.line_num, str(error)))
    except csv.Error as error:
        mistakes.append((reader.line_num, f"It cannot be read as CSV: {error}."))
    first: dict[UUID, int] = {}
    mistakes += [
        (one.line, f"{one.reference} stands in line {earlier} already.")
        for one in found
        if (earlier := first.setdefault(one.reference, one.line)) != one.line
    ]
    if mistakes:
        raise ImportRefused(sorted(mistakes))
    return found


def _paid(line: int, row: dict[str, str]) -> PaidByHand:
    if None in row or None in row.values():
        raise ValueError("It has more or fewer fields than the header.")
    text = row["transaction_id"].strip()
    try:
        reference = UUID(text)
    except ValueError:
        raise ValueError(f"{text or 'Nothing'} is not the id of a Sharetribe transaction.") from None
    paid_at, document = row.get("paid_at", "").strip(), row.get("reference", "").strip()
    try:
        paid_at and datetime.fromisoformat(paid_at)
    except ValueError:
        raise ValueError(f"{paid_at} is not a date such as 2026-01-31.") from None
    if len(document) > _LONGEST_REFERENCE:
        raise ValueError(f"The reference has more than {_LONGEST_REFERENCE} characters.")
    return PaidByHand(line, reference, paid_at, document)


def mark_paid(*, by: User, paid: Sequence[PaidByHand], now: datetime) -> Done:
    """This will settle the opening items of these transactions as paid by hand: all of them, or none.

    What was marked before is given as refused and left as it is.

    :raises NotAllowed: when the person's roles do not cover it.
    :raises ImportRefused: naming every line whose transaction has no opening item.
    """
    require(by, "act_release")
    outcome = Done()
    with transaction.atomic():
        rows = _opening_items(paid)
        mistakes = []
        settled: list[tuple[PaidByHand, Payable]] = []
        for one in paid:
            items = rows[one.reference]
            open_items = [row for row in items if row.waits_for == Payable.Waits.OPENING and not row.settled]
            if open_items:
                settled += [(one, row) for row in open_items]
                outcome.done.append(str(one.reference))
            elif any(row.settled == Payable.Settled.BY_HAND for row in items):
                outcome.refuse(str(one.reference), "It is marked as paid by hand already.")
            else:
                mistakes.append((one.line, _why_not(one, items)))
        if mistakes:
            raise ImportRefused(mistakes)
        _settle(settled, by=by, now=now)
    return outcome


def _opening_items(paid: Sequence[PaidByHand]) -> dict[UUID, list[Payable]]:
    rows: dict[UUID, list[Payable]] = defaultdict(list)
    references = [one.reference for one in paid]
    found = Payable.objects.filter(source__reference__in=references).select_related("source")
    for row in found.order_by("pk").select_for_update(of=("self",)):
        if row.source is not None:
            rows[row.source.reference].append(row)
    return rows


def _why_not(one: PaidByHand, items: Sequence[Payable]) -> str:
    if not items:
        return f"Nothing is owed for {one.reference}, as far as we know."
    return f"{one.reference} is no opening item: it became due after go-live, or was released."


def _settle(settled: Sequence[tuple[PaidByHand, Payable]], *, by: User, now: datetime) -> None:
    changes, drafts = [], []
    for one, row in settled:
        when = f" on {one.paid_at}" if one.paid_at else ""
        document = f", {one.document}" if one.document else ""
        decided = f"paid by hand{when}{document}, says {by.email}"[:120]
        changes.append(
            {"id": row.pk, "settled": Payable.Settled.BY_HAND, "waits_for": "", "decided": decided}
        )
        amount, debit, credit = ledger.flipped(
            Money(int(row.units), row.currency), ledger.owed(row.payee_id), ledger.DUE
        )
        drafts.append(Draft("by_hand", row.pk, debit, credit, amount, payable_id=row.pk))
    rowsets.update(Payable, changes)
    ledger.post(drafts, now=now)
