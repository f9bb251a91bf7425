"""Wise's own list for reconciliation: the statements of our balances, else what its list of transfers tells.

Where our token may not read statements, as in most countries a personal one may not, the list of transfers still says
what of ours was paid and what came back. It says nothing of top-ups, of other uses of the account, or of fees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from marketplace_payouts.lib.clock import in_utc
from marketplace_payouts.lib.money import Money
from payouts.providers.base import ReferenceVanished, Statement, StatementLine, Status
from payouts.providers.wise.client import StrongAuthentication, WiseClient
from payouts.providers.wise.codes import STATEMENT_KINDS, UNPAID
from payouts.providers.wise.fields import read_id, read_time
from payouts.providers.wise.statements import Row, read_rows
from payouts.providers.wise.transfers import bare, is_paid_in, read_transfer

LAG: Final = timedelta(minutes=5)
# A transfer is mostly funded right after it was made; what was made before is asked for one by one.
_BEFORE: Final = timedelta(days=1)
# Where only transfers are listed, what comes back weeks later belongs to one that was made long before.
_RETURN_WINDOW: Final = timedelta(days=60)


def read_statement(client: WiseClient, *, since: datetime, until: datetime, now: datetime) -> Statement:
    """This will give Wise's list of movements, a fee within a row as a line of its own.

    :raises ProviderUnavailable: when it cannot be read now, or a row cannot be read at all.
    """
    since, until = in_utc(since), in_utc(until)
    known = _Known(client)
    try:
        rows = list(read_rows(client, since=since, until=until))
    except StrongAuthentication:
        lines = list(_by_transfers(client, since=since, until=until))
    else:
        known.learn(since=since - _BEFORE, until=until)
        lines = [line for row in rows for line in lines_of(row, known.of)]
    return Statement(
        lines=sorted(lines, key=lambda line: line.at), complete_until=min(until, in_utc(now) - LAG)
    )


@dataclass(slots=True)
class _Known:
    """Our transfers by their ids: most from the list, some asked for one by one."""

    client: WiseClient
    found: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)

    def learn(self, *, since: datetime, until: datetime) -> None:
        for one in self.client.transfers(since=since, until=until):
            self.found[read_id(one, "id")] = one

    def of(self, reference: str) -> Mapping[str, Any] | None:
        if reference not in self.found:
            try:
                self.found[reference] = read_transfer(self.client, reference)
            except ReferenceVanished:
                self.found[reference] = None  # money that came in carries such a number, too
        return self.found.get(reference)


def lines_of(row: Row, transfer_of: Callable[[str], Mapping[str, Any] | None]) -> Iterator[StatementLine]:
    """This will say in our words what one row of a statement is; `transfer_of` gives a transfer by its id."""
    kind = STATEMENT_KINDS.get((row.direction, row.type), "other")
    transfer = transfer_of(row.transfer) if row.transfer and kind in ("debit", "return") else None
    # A transfer and its refunds share Wise's reference: the moment tells them apart.
    later = f"{row.reference} {row.at.isoformat()}"
    match kind:
        case "debit":
            yield from _debit(row, transfer)
        case "return" if transfer is not None:
            yield from _back(row, later, transfer)
        case "return":
            yield _line(later, "other", row.amount, row.at, None)
        case "withdrawal" | "fee":
            yield _line(later, kind, -row.amount, row.at, None)
        case _:
            yield _line(later, kind, row.amount, row.at, None)


def _debit(row: Row, transfer: Mapping[str, Any] | None) -> Iterator[StatementLine]:
    fee = row.fee if row.fee is not None and row.fee.currency == row.amount.currency else None
    out = -row.amount if fee is None else -row.amount - fee
    yield _line(row.reference, "debit", out, row.at, transfer)
    if fee:
        yield _line(f"{row.reference} fee", "fee", fee, row.at, transfer)


def _back(row: Row, reference: str, transfer: Mapping[str, Any]) -> Iterator[StatementLine]:
    sent = bare(transfer).amount
    has_fee = sent is not None and sent.currency == row.amount.currency and row.amount > sent
    back = sent if has_fee and sent is not None else row.amount
    yield _line(reference, "return", back, row.at, transfer)
    if has_fee:
        yield _line(f"{reference} fee", "fee", back - row.amount, row.at, transfer)


def _line(
    reference: str, kind: str, amount: Money, at: datetime, transfer: Mapping[str, Any] | None
) -> StatementLine:
    seen = None if transfer is None else bare(transfer)
    return StatementLine(
        reference=reference,
        item_key="" if seen is None else seen.item_key,
        item_reference="" if seen is None else seen.reference,
        kind=kind,
        amount=amount,
        at=at,
        destination="" if seen is None else seen.destination,
    )


def _by_transfers(client: WiseClient, *, since: datetime, until: datetime) -> Sequence[StatementLine]:
    lines = []
    for transfer in client.transfers(since=since - _RETURN_WINDOW, until=until):
        seen, made = bare(transfer), read_time(transfer.get("created"))
        is_out = seen.raw_status not in UNPAID or is_paid_in(client, seen.reference)
        if seen.amount is None or made is None or not is_out:
            continue
        about = f"TRANSFER-{seen.reference}"
        if since <= made <= until:
            lines.append(_line(about, "debit", seen.amount, made, transfer))
        if seen.status is Status.RETURNED:
            lines.append(_line(f"{about} refund", "return", seen.amount, made, transfer))
    return lines
