"""What a transaction is to be told about its payouts, from their present state; and how long telling may take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from flexsync.models import WriteBack
from payouts.models import Announcement, Payout, PayoutLine, State, Trigger

ANNOUNCED, SENT, PAID, FAILED, RETURNED, CANCELLED = (
    "announced",
    "sent",
    "paid",
    "failed",
    "returned",
    "cancelled",
)
_WORDS: Final[Mapping[str, str]] = {
    State.SUBMITTING: SENT,
    State.SUBMITTED: SENT,
    State.UNKNOWN: SENT,
    State.PAID: PAID,
    State.FAILED: FAILED,
    State.RETURNED: RETURNED,
}
LEASE_S: Final = 180
"""How long one worker alone tells a transaction something; longer than `WORK_S` and one transaction's calls."""
WORK_S: Final = 100.0
"""For how long a worker begins with further transactions before it records what it has."""
PATIENCE_S: Final = 20.0
"""How long one call may take with all its waiting; at most four are made for one transaction."""


@dataclass(slots=True)
class Telling:
    """One transaction: what it was told last, what it is to be told, and by which rules."""

    source_id: UUID
    reference: UUID
    trigger: Trigger | None
    payouts: list[Payout] = field(default_factory=list)
    """All payouts that ever covered it, the newest first."""
    announced: dict[UUID, datetime] = field(default_factory=dict)
    row: WriteBack | None = None
    """What it was told last."""

    @property
    def numbers(self) -> set[str]:
        """The numbers of all its payouts."""
        return {payout.number for payout in self.payouts}

    @property
    def is_news(self) -> bool:
        """Whether there is something to tell that Sharetribe has not repeated to us already."""
        value = self.value()
        return value is not None and not (
            self.row is not None and self.row.is_certain and self.row.value == value
        )

    def value(self) -> dict[str, Any] | None:
        """Give the metadata value for the present state; None while there is nothing to tell."""
        for payout in self.payouts:
            word, at = self._word(payout)
            if word:
                return self.value_of(payout, word, at)
        return None

    def value_of(self, payout: Payout, word: str, at: datetime) -> dict[str, Any]:
        """Give the metadata value that says this of a payout; never more than status, number and time."""
        value: dict[str, Any] = {"status": word, "reference": payout.number, "at": moment(at)}
        if word == PAID and payout.paid_at is not None:
            value["paidAt"] = moment(payout.paid_at)
        earlier = [one.number for one in self.payouts if one.pk != payout.pk and self._was_told(one)]
        return value | ({"earlier": earlier} if earlier else {})

    def _word(self, payout: Payout) -> tuple[str, datetime]:
        if payout.state == State.APPROVED and payout.pk in self.announced:
            return ANNOUNCED, self.announced[payout.pk]
        if payout.state == State.CANCELLED and payout.pk in self.announced:
            return CANCELLED, payout.state_since
        return _WORDS.get(payout.state, ""), payout.state_since

    def _was_told(self, payout: Payout) -> bool:
        return payout.pk in self.announced or payout.state in _WORDS


def moment(at: datetime) -> str:
    """This will write a moment as Sharetribe does."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def load(source_ids: Iterable[UUID]) -> dict[UUID, Telling]:
    """This will load what there is to tell about these transactions, in a fixed number of statements."""
    ids = list(source_ids)
    tellings: dict[UUID, Telling] = {}
    lines = (
        PayoutLine.objects.filter(payable__source_id__in=ids)
        .select_related("payout", "payable__source", "payable__trigger")
        .order_by("-payout__created_at", "-payout_id", "id")
    )
    for line in lines:
        source = line.payable.source
        if source is None:
            continue
        telling = tellings.setdefault(source.pk, Telling(source.pk, source.reference, line.payable.trigger))
        telling.trigger = telling.trigger or line.payable.trigger
        if line.payout.pk not in {payout.pk for payout in telling.payouts}:
            telling.payouts.append(line.payout)
    for row in Announcement.objects.filter(source_id__in=ids):
        if row.source_id in tellings:
            tellings[row.source_id].announced[row.payout_id] = row.confirmed_at
    for told in WriteBack.objects.filter(source_id__in=ids):
        if told.source_id in tellings:
            tellings[told.source_id].row = told
    return tellings


def sources_of(payout_ids: Sequence[UUID]) -> dict[UUID, set[UUID]]:
    """This will give the transactions that each payout covers, or covered before it was dissolved."""
    found: dict[UUID, set[UUID]] = defaultdict(set)
    pairs = PayoutLine.objects.filter(payout_id__in=payout_ids, payable__source_id__isnull=False)
    for payout_id, source_id in pairs.values_list("payout_id", "payable__source_id"):
        if source_id is not None:
            found[payout_id].add(source_id)
    return found
