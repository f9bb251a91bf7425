"""What a payee is shown: plain, frozen, free of rows, of staff, and of what providers keep to themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from marketplace_payouts.lib.money import Money
from payouts.models import State


class Phase(TextChoices):
    """Where a payout stands, in as many words as a payee needs."""

    PREPARING = "preparing", _("In preparation")
    ON_ITS_WAY = "on_its_way", _("On its way")
    PAID = "paid", _("Paid")
    FAILED = "failed", _("Not accepted")
    RETURNED = "returned", _("Came back")
    CANCELLED = "cancelled", _("Cancelled")


# Being sent lasts a moment and may end where it began; what may have left counts as on its way.
PHASES: Final[Mapping[State, Phase]] = {
    State.PENDING: Phase.PREPARING,
    State.AWAITING_APPROVAL: Phase.PREPARING,
    State.APPROVED: Phase.PREPARING,
    State.SUBMITTING: Phase.PREPARING,
    State.SUBMITTED: Phase.ON_ITS_WAY,
    State.UNKNOWN: Phase.ON_ITS_WAY,
    State.PAID: Phase.PAID,
    State.FAILED: Phase.FAILED,
    State.RETURNED: Phase.RETURNED,
    State.CANCELLED: Phase.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which payouts are listed; what is empty lets everything through. Both days are included."""

    phase: Phase | None = None
    currency: str = ""
    """Of what is owed, not of what is sent."""
    made_from: date | None = None
    made_to: date | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One payout as a list shows it."""

    id: UUID
    number: str
    phase: Phase
    since: datetime
    """Since when it stands there."""
    amount: Money
    """What we owe and pay with it."""
    sent: Money
    """The same, in the currency in which it is sent."""
    returned: Money
    """How much of what was sent came back."""
    provider: str
    """The name of the service as people know it."""
    method: str
    """Where it goes, masked."""
    created_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list, newest first."""

    payouts: Sequence[Listed]
    cursor: str
    """Where the next part begins; empty: this is the last one."""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that a payout, or what is yet to be paid, consists of."""

    what: str
    """Such as "Sale", in the payee's language."""
    transaction: UUID | None
    """The transaction's id in Sharetribe, where there is one."""
    amount: Money
    """Negative where something was taken back."""
    gross: Money | None
    """Of a sale: before the marketplace's commission."""
    commission: Money | None
    due_since: datetime
    """When it became owed, as by the sale being completed."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened to a payout, in a whole sentence."""

    at: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason why something is not paid yet."""

    code: str
    """For programs; a value of `blocks.Reason`."""
    sentence: str
    """For the payee, in their language."""
    until: datetime | None
    """When it ends by itself, where that is known and may be told."""


@dataclass(frozen=True, slots=True)
class Message:
    """What the payee, or the marketplace, wrote about a question."""

    at: datetime
    by_payee: bool
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the payee's about a payout, and what was answered."""

    id: UUID
    kind: str
    """A value of `CaseKind`."""
    asked_at: datetime
    closed_at: datetime | None
    """When the marketplace called it settled."""
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Shown:
    """One payout with everything that its payee may know."""

    listed: Listed
    fee: Money | None
    """What the service charged the marketplace; nothing of it is taken from the amount."""
    lines: Sequence[Line]
    timeline: Sequence[Told]
    """Oldest first."""
    why: Sequence[Obstacle]
    """Why it was not paid yet; empty where it was, or nothing stands in its way."""
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """Something owed that is in no payout yet, and why."""

    line: Line
    why: Sequence[Obstacle]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is owed in one currency and is in no payout yet."""

    total: Money
    lines: Sequence[WaitingLine]
    """Oldest first, the first few hundred."""
    why: Sequence[Obstacle]
    """The reasons of all these lines, each once."""
    more: int
    """How many more lines there are than these."""


@dataclass(frozen=True, slots=True)
class Next:
    """The next payout in one currency, as far as is known today."""

    amount: Money
    """What will be in it if nothing is sold, refunded or decided until then."""
    at: datetime | None
    """When it is to be made; None: something must happen first, and `why` says what."""
    why: Sequence[Obstacle]


@dataclass(frozen=True, slots=True)
class Party:
    """Who issues a paper, or whom it is for."""

    name: str
    address: Sequence[str]
    """Line by line."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A remittance advice: what one payout covers."""

    issuer: Party
    payee: Party
    payout: Listed
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement on a yearly statement."""

    on: date
    what: str
    number: str
    """Of the payout, where it is one; else the transaction's id, or nothing."""
    owed: Money
    """Added to, or taken from, what we owe the payee; zero for a payout."""
    paid: Money
    """Paid to the payee; negative for what came back."""


@dataclass(frozen=True, slots=True)
class Account:
    """A year in one currency: opening + owed - paid = closing, as the ledger has it."""

    opening: Money
    entries: Sequence[Entry]
    owed: Money
    paid: Money
    closing: Money


@dataclass(frozen=True, slots=True)
class Statement:
    """A payee's year, currency by currency."""

    issuer: Party
    payee: Party
    year: int
    accounts: Sequence[Account]
