"""What the engine says to a payout service and what it hears back, in our own words.

A provider module translates and nothing else: it touches no database, imports no model and keeps no state
between calls. The engine (`payouts.submission`, `payouts.reconciliation`) commits every step before it is
transmitted, decides about resending, and folds what `fetch` reports.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final, Protocol, Self

from marketplace_payouts.lib.clock import local_day, moment_at
from marketplace_payouts.lib.money import Money
from payouts.providers.offering import Offering


class ProviderError(Exception):
    """A provider could not be used at all: wrong settings, unknown currency, malformed destination."""


class BadWebhook(ProviderError):
    """A webhook whose origin could not be verified, or whose body cannot be read; nothing may change."""


class DestinationError(ProviderError):
    """What the payee gave cannot be paid to; `field` names what to mend."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class BadItem(ProviderError):
    """One item of a batch cannot be expressed to the service: it steps aside, the others go without it."""

    def __init__(self, message: str, *, item_key: str) -> None:
        super().__init__(message)
        self.item_key = item_key


class ProviderUnavailable(ProviderError):
    """The provider could not be read now; asking again later is safe."""


class ReferenceVanished(ProviderUnavailable):
    """The provider answers, and says that it does not know this reference (any more)."""


class RefusalClass(enum.StrEnum):
    """Who must act before money can flow."""

    PAYEE = "payee"
    """The payee must act: give another destination, confirm an address."""
    OURS = "ours"
    """We must act: top up, renew credentials, mend a setting. Never shown to the payee as their error."""
    WAIT = "wait"
    """Nobody need act: the same thing may be tried later."""
    FINAL = "final"
    """It will not work through this service."""
    NEIGHBOUR = "neighbour"
    """Nothing was wrong with this item: another item made the service refuse the whole batch."""
    UNCLASSIFIED = "unclassified"
    """A word that we do not know yet: kept raw and shown to a person."""


class Status(enum.StrEnum):
    """Where one item stands at the provider; ours, not the vendor's word."""

    AWAITING_FUNDING = "awaiting_funding"
    """Not debited: it stands at the provider until we pay it on the provider's own pages, or cancel it."""
    PROCESSING = "processing"
    AWAITING_PAYEE = "awaiting_payee"
    """Debited, but the payee must act (PayPal: UNCLAIMED). Not failed."""
    ON_HOLD = "on_hold"
    """Debited, the provider is reviewing."""
    PAID = "paid"
    FAILED = "failed"
    """Not debited, or the debit was undone before it ever counted as paid."""
    RETURNED = "returned"
    """Debited, and some or all of it came back; `Observation.returned` is the cumulative amount."""
    CANCELLED = "cancelled"
    """Withdrawn before any debit."""
    NOT_STARTED = "not_started"
    """The whole batch was denied for a reason of ours; nothing was debited and the item is innocent."""
    UNRECOGNISED = "unrecognised"
    """A vendor's word that we do not know: changes nothing, and a person sees it."""


CANCELLABLE: Final = frozenset({Status.AWAITING_FUNDING, Status.AWAITING_PAYEE})
"""Where nothing is with the payee yet: what a provider that can cancel may be asked to take back."""


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours at which batches are made, where people do the rest: what is approved till then goes together."""

    at: Sequence[time]
    """Times of the day from which on batches are made, in `zone`."""
    zone: str
    lasting: timedelta
    """For how long each time."""

    def opens(self, now: datetime) -> datetime | None:
        """This will give when the next of them begins; None during one."""
        today = local_day(moment=now, zone=self.zone)
        days = [today + timedelta(days=distance) for distance in (-1, 0, 1)]
        starts = sorted(moment_at(day=day, at=at, zone=self.zone) for day in days for at in self.at)
        if any(start <= now < start + self.lasting for start in starts):
            return None
        return next(start for start in starts if start > now)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, declared once; the engine reads it instead of asking for names."""

    items_per_batch: int
    one_currency_per_batch: bool
    dedupes: bool
    """True where a second transmission of the same step under the same key moves no more money."""
    key_window: timedelta
    """How long the provider remembers our key; zero where it does not dedupe."""
    settle_time: timedelta
    """How long after the last transmission "not found" may still turn into "found"."""
    lookup_by_key: bool
    """True where `find` can answer by our own key without sending anything that moves money."""
    can_cancel: bool
    separate_funding: bool
    return_window: timedelta
    """How long after paid the money may still come back, and so how long we go on asking."""
    poll_every: timedelta
    """How often an item under way is asked for when no webhook comes."""
    concurrency: int
    """How many calls at once."""
    calls_per_second: float
    """How many calls a second all our processes together may make (`payouts.pacing`)."""
    exponents: Mapping[str, int]
    """Decimal places per currency in this provider's own words; a currency absent here is refused."""
    caps: Mapping[str, int]
    """Largest amount of one item, in our smallest units, per currency; absent means no cap is known."""
    keeps_batches: bool = True
    """False where the service takes many items at once and knows them one by one alone: each is asked for by our key
    (`fetch_item`), and may exist without the others. `fetch` is then asked for a batch of one."""
    lists_movements: bool = True
    """False where there is no list of movements to be read (`statement`): nothing is held against one, and after a
    restore the announcements are the only witness."""
    daily_caps: Mapping[str, int] = field(default_factory=dict)
    """Most that is sent within 24 hours, in our smallest units, per currency; absent means as much as there is."""
    daily_caps_per_destination: Mapping[str, int] = field(default_factory=dict)
    """The same for one destination."""
    steps_lapse: bool = False
    """True where kept bytes are good for a time only: then `find` is asked what became of them before they are sent
    once more, and may say that they never can be taken."""
    returns: bool = True
    """False where what is paid never comes back by itself: whoever gives it back makes a payment of their own."""
    fee_on_failure: bool = False
    """True where a fee that is reported was charged, even of what failed; elsewhere it is an estimate until a debit."""
    hours: Hours | None = None
    """When batches are made; None: whenever something is approved."""


@dataclass(frozen=True, slots=True)
class Item:
    """One attempt as the provider sees it: `key` is ours and unique for ever."""

    key: str
    amount: Money
    destination: Mapping[str, str]
    """The method in clear, as this provider's `Destination` needs it."""
    note: str = ""
    """What the payee may read beside the money: our public number."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One step that has been transmitted, with the outcome that was recorded."""

    step: str
    outcome: str
    reference: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Progress:
    """Everything a provider may look at to say what comes next; pure data."""

    batch_key: str
    currency: str
    items: Sequence[Item]
    answers: Sequence[Answer] = ()
    at: datetime | None = None
    """When the batch was written down; always told by the engine."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call to be made: its key and exact bytes are committed before it is transmitted."""

    name: str
    key: str
    body: bytes
    moves_money: bool
    """Whether the provider may debit us because of this call (it then needs every gate and the lease)."""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """No step is left: the submission is complete and `fetch` tells the rest."""

    reference: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the step."""

    reference: str
    item_references: Mapping[str, str] = field(default_factory=dict)
    """Our item key → the provider's own id, where the answer names them already: also before the last step."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What a later step of the same batch needs, small and free of payees' details."""
    paid_now: bool = False
    """True where acceptance is already the synchronous success of every item."""
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class ItemRefusal:
    """Why one item was refused, with the vendor's raw word."""

    code: str
    refusal: RefusalClass
    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Certainly no money moved and this request never will move any."""

    code: str
    refusal: RefusalClass
    message: str
    items: Mapping[str, ItemRefusal] = field(default_factory=dict)
    """The items that the provider names as bad, by our item key; the others are innocent neighbours."""
    key_is_spent: bool = True
    """Whether the same key can never be used again (False where only the request died)."""
    settles_earlier: bool = True
    """Whether it also proves that no earlier transmission of the same step was taken. False where the reason is not
    in the bytes themselves (funds, an account's state): then it proves nothing about a try that went unanswered."""
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Certainly not processed; the same key and bytes may be sent later."""

    reason: str
    ours: bool = False
    """True where a person must act first (credentials, scopes, strong authentication)."""
    retry_after: timedelta | None = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class AlreadyExists:
    """The provider knows this key already; the engine compares what exists before it adopts it."""

    reference: str
    """The provider's id of what exists; empty where the answer did not name it."""
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not have been processed; nothing but the same step may be sent."""

    reason: str
    raw: bytes = b""


Outcome = Accepted | Refused | Deferred | AlreadyExists | Unknown


@dataclass(frozen=True, slots=True)
class Key:
    """What we can be asked by: the key of the step and of its batch, and when they were first transmitted."""

    step_key: str
    batch_key: str
    item_keys: Sequence[str]
    first_sent_at: datetime
    last_sent_at: datetime


class Leg(enum.StrEnum):
    """Where money stands that was paid into an account of the payee's at the provider, on its way to their bank."""

    UNDER_WAY = "under_way"
    ARRIVED = "arrived"
    FAILED = "failed"
    """The bank did not take it, or sent it back: it is in the payee's account at the provider, and not ours."""


@dataclass(frozen=True, slots=True)
class Onward:
    """How far paid money came from the payee's account at the provider to their bank: a fact beside the status.

    It is neither a return nor a failure: what we owed is paid, and paying again would pay twice.
    """

    leg: Leg
    reference: str
    """The provider's id of what carries it to the bank."""
    word: str
    """The vendor's word, raw."""
    message: str = ""
    """Why it failed, as the provider says."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What the provider says of one item now."""

    item_key: str
    """Our key as the provider echoes it; empty where it does not."""
    reference: str
    status: Status
    raw_status: str
    amount: Money | None = None
    """The echo of what was sent; compared with what we sent on every observation."""
    destination: str = ""
    """The echo of where to, in the form `destination_echo` of the provider gives; empty where not echoed."""
    fee: Money | None = None
    returned: Money | None = None
    """Cumulative amount that came back."""
    return_reference: str = ""
    refusal: ItemRefusal | None = None
    """Set with FAILED, and as a hint with AWAITING_PAYEE (an error there is not a failure)."""
    movement_reference: str = ""
    """What the payee's own list and our statement call the movement of money; empty before there is one."""
    provider_time: datetime | None = None
    batch_reference: str = ""
    onward: Onward | None = None
    """Where the provider pays into an account of the payee's that it pays out itself, and says how far it came."""


@dataclass(frozen=True, slots=True)
class BatchView:
    """What exists at the provider under one reference, as `fetch` read it, every page."""

    reference: str
    batch_key: str
    """Our batch key as the provider echoes it; empty where it does not."""
    raw_status: str
    closed: bool
    """Whether the provider says that the batch as a whole is finished."""
    denied: ItemRefusal | None
    """Set when the provider denied the whole batch: nothing was debited."""
    observations: Sequence[Observation]
    fee: Money | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The provider has it."""

    view: BatchView


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider does not have it as of `as_of`; only an authoritative absence proves anything."""

    as_of: datetime
    authoritative: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The provider could not be asked, or cannot be asked this way."""

    reason: str


@dataclass(frozen=True, slots=True)
class Hint:
    """What a verified webhook points at; never applied, only re-read."""

    event_id: str
    kind: str
    batch_reference: str = ""
    item_reference: str = ""
    batch_key: str = ""
    item_key: str = ""
    destination: str = ""
    """In the form of `destination_echo`: where it names no payment, everything that went there is asked about."""


@dataclass(frozen=True, slots=True)
class RawWebhook:
    """A delivery exactly as it arrived: header names in lower case, body as bytes."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    url: str = ""
    """The address that was called, query and all, from PUBLIC_URL on: never what a proxy or the caller says of it."""


@dataclass(frozen=True, slots=True)
class Balance:
    """What the provider says it holds for us; `as_of` may be hours old."""

    available: Money
    as_of: datetime


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement on our account as the provider lists it."""

    reference: str
    item_key: str
    item_reference: str
    kind: str
    """`debit`, `fee`, `return`, `top_up`, `withdrawal` (to our own bank), `conversion` (one line for each of its two
    currencies), `account_fee` (for the account as a whole, and for no payment) or `other`. What is `other` stops the
    provider until a person has explained it."""
    amount: Money
    """Positive in the direction of its kind: out for `debit`, fees and `withdrawal`, in for `return` and `top_up`.
    Of `conversion` and `other`, positive is in."""
    at: datetime
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """The provider's own list for a time, and up to when it is complete."""

    lines: Sequence[StatementLine]
    complete_until: datetime
    """No later than the oldest payment that was taken and does not stand on the list yet: after a restore, what is on
    no list counts as never sent."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The item was withdrawn and what was debited comes back; re-read before anything is posted."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """The service took the request and has not acted upon it: what comes of it, if anything, is read later."""


@dataclass(frozen=True, slots=True)
class NotCancellable:
    """Certainly not withdrawn."""

    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What a connection test found, without moving money."""

    ok: bool
    account: str
    scopes: Sequence[str]
    missing: Sequence[str]
    """What does not work, each as a sentence that says what to do."""
    balances: Sequence[Balance]
    webhook: str = ""


class PayoutProvider(Protocol):
    """One payout service. Every method but `next_step` and the destination ones may call the network.

    None of the network methods raises for what a service may answer: what cannot be understood is `Unknown`,
    `CannotTell` or an empty sequence with a reason logged. `ProviderUnavailable` is raised by the reads
    (`fetch`, `balances`, `statement`) when the service cannot be reached or answers nonsense.
    """

    name: str
    label: str
    capabilities: Capabilities

    @property
    def offering(self) -> Offering:
        """What it offers to payees."""
        ...

    @classmethod
    def from_environ(cls, env: Mapping[str, str]) -> Self | None:
        """This will make the provider from its settings, or give None where it is not set up at all.

        :raises ProviderError: when it is set up by half or wrongly; the sentence says what to do.
        """
        ...

    def next_step(self, progress: Progress) -> Step | Done: ...
    def transmit(self, step: Step) -> Outcome: ...
    def find(self, key: Key) -> Found | Absent | CannotTell: ...
    def fetch(self, reference: str) -> BatchView: ...
    def fetch_item(self, reference: str) -> Observation: ...
    def cancel(self, item_reference: str) -> Cancelled | CancelRequested | NotCancellable | Unknown: ...
    def read_webhook(self, request: RawWebhook) -> Sequence[Hint]: ...
    def balances(self) -> Sequence[Balance]: ...
    def statement(self, *, since: datetime, until: datetime) -> Statement: ...
    def check(self) -> ConnectionReport: ...
    def read_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """This will check and normalise what a payee gave.

        :raises DestinationError: when it cannot be paid to; the sentence is fit for the payee.
        """
        ...

    def mask(self, destination: Mapping[str, str]) -> str: ...
    def destination_echo(self, destination: Mapping[str, str]) -> str:
        """This will give the destination in the form in which the provider echoes it, for comparison."""
        ...
