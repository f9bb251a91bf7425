"""The second witness after a restore: which open transactions name payouts that this database does not know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from flexsync import calls, identity
from flexsync.snapshots import Nonsense, named_payouts, read_snapshot
from marketplace_payouts.lib import rowsets
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.sharetribe import FlexError
from payouts.dissolving import DISSOLVABLE
from payouts.models import Payable, Payout, PayoutLine, Source, SourceCheck
from payouts.restore import Witnessed

log = logger(__name__)

_AT_ONCE: Final = 200


def find_strangers(*, now: datetime) -> Witnessed:
    """This will read every transaction from which something may still be paid, and note what it names.

    :raises FlexError: when Sharetribe does not say whose the credentials are.
    :raises WrongMarketplace: when they are another marketplace's.
    """
    identity.confirm()
    read = unread = 0
    strangers: dict[UUID, str] = {}
    named_by: dict[UUID, list[str]] = {}
    for part in _parts(_open_sources()):
        named = _read(part)
        read, unread = read + len(named), unread + len(part) - len(named)
        named_by |= named
        strangers |= _unknown(named)
        _note(named, strangers, now=now)
    calls.flush(today=now.date())
    return Witnessed(read=read, unread=unread, strangers=strangers, named=named_by)


def _open_sources() -> list[Source]:
    open_payables = Payable.objects.filter(settled="", source__isnull=False).values("source")
    unsent = PayoutLine.objects.filter(
        released_at__isnull=True, payout__state__in=DISSOLVABLE, payable__source__isnull=False
    ).values("payable__source")
    return list(
        (Source.objects.filter(pk__in=open_payables) | Source.objects.filter(pk__in=unsent)).order_by("pk")
    )


def _parts(sources: Sequence[Source]) -> list[Sequence[Source]]:
    return [sources[start : start + _AT_ONCE] for start in range(0, len(sources), _AT_ONCE)]


def _read(sources: Sequence[Source]) -> dict[UUID, list[str]]:
    """Source → the numbers that its transaction names; what could not be read is missing."""
    named: dict[UUID, list[str]] = {}

    def read(source: Source) -> None:
        crash_point("witness.before_call")
        try:
            answer = calls.client().transaction(source.reference)
            crash_point("witness.after_call")
            named[source.pk] = named_payouts(read_snapshot(answer.raw).told)
        except (FlexError, Nonsense) as error:
            log.warning("transaction_not_read", transaction=str(source.reference), reason=str(error))

    calls.side_by_side(read, sources)
    return named


def _unknown(named: dict[UUID, list[str]]) -> dict[UUID, str]:
    numbers = {number for found in named.values() for number in found}
    known = set(Payout.objects.filter(number__in=numbers).values_list("number", flat=True))
    return {
        source: ", ".join(number for number in found if number not in known)
        for source, found in named.items()
        if any(number not in known for number in found)
    }


def _note(named: dict[UUID, list[str]], strangers: dict[UUID, str], *, now: datetime) -> None:
    """Only the stranger is noted: the digest, and with it the gate, belongs to the reading before a sending."""
    rows = [
        SourceCheck(source_id=source, checked_at=None, foreign_payout=strangers.get(source, "")[:120])
        for source in named
    ]
    rowsets.insert(
        SourceCheck,
        rows,
        on_conflict="(source_id) DO UPDATE SET foreign_payout = excluded.foreign_payout, checked_at = NULL",
    )
    crash_point("witness.after_commit")
