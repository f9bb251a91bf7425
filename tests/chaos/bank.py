"""Two payout services that are objects of this process, each with the ledger of what it truly moved.

`Bank` dedupes by our batch key and takes several payments at once; `Teller` pays whatever it is told, as often as it
is told. What happens to each request is said beforehand (`Till.script`); the till never contradicts itself.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self
from uuid import uuid4

from marketplace_payouts.lib.http import json_body
from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    Absent,
    Accepted,
    AlreadyExists,
    BadWebhook,
    Balance,
    BatchView,
    Cancelled,
    CannotTell,
    Capabilities,
    ConnectionReport,
    Deferred,
    DestinationError,
    Done,
    Found,
    Hint,
    ItemRefusal,
    Key,
    NotCancellable,
    Observation,
    Outcome,
    Progress,
    ProviderUnavailable,
    RawWebhook,
    ReferenceVanished,
    RefusalClass,
    Refused,
    Statement,
    StatementLine,
    Status,
    Step,
    Unknown,
)

NAMES: Final = ("bank", "teller")
EXTRA: Final = "tests.chaos.bank.Bank,tests.chaos.bank.Teller"
"""What EXTRA_PROVIDERS has to name."""

SETTLE: Final = timedelta(minutes=5)
KEY_WINDOW: Final = timedelta(days=3)

ANSWERS: Final = (
    "accepted",
    "paid at once",
    "named refused",
    "all refused",
    "our funds",
    "deferred",
    "lost before",
    "lost after",
    "taken late",
    "died before",
    "died after",
)
"""What may happen to one request. Of what died or got lost, nobody hears."""

SIGNATURE: Final = "the till's own seal"


class Died(BaseException):
    """The sender died in its call; nothing catches it, as nothing catches a kill."""


@dataclass(slots=True)
class Paid:
    """One payment as the service keeps it."""

    key: str
    account: str
    currency: str
    units: int
    reference: str
    status: Status = Status.PROCESSING
    debited: int = 0
    returned: int = 0

    @property
    def kept(self) -> int:
        """What left for it and did not come back."""
        return self.debited - self.returned


@dataclass(slots=True)
class Taken:
    """One request that was taken."""

    key: str
    reference: str
    items: list[Paid]


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of money."""

    n: int
    at: datetime
    kind: str
    item: Paid
    units: int


@dataclass(slots=True)
class Till:
    """One service: what it took, what it moved, and what it will do with what it is asked next."""

    name: str
    dedupes: bool
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    script: deque[str] = field(default_factory=deque)
    blind: int = 0
    """How many of the next questions get no answer."""
    forgotten: set[str] = field(default_factory=set)
    """References that it does not know any more."""
    nameless: bool = False
    """Whether it only says that a key is known, not under which reference."""
    taken: list[Taken] = field(default_factory=list)
    late: list[tuple[datetime, Taken]] = field(default_factory=list)
    ledger: list[Entry] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """The key of every request that arrived."""

    @property
    def items(self) -> list[Paid]:
        """Every payment that it knows of."""
        return [item for batch in self.taken for item in batch.items]

    def pay(self, body: Mapping[str, Any]) -> Outcome:
        """Do with a request what the script says."""
        self.land()
        key = str(body["key"])
        self.asked.append(key)
        what = self.script.popleft() if self.script else "accepted"
        if what == "died before":
            raise Died(what)
        if what == "lost before":
            return Unknown("Nobody answered.")
        if what == "deferred":
            return Deferred("Not now.", retry_after=timedelta(seconds=30))
        known = next((one for one in self.taken if self.dedupes and one.key == key), None)
        if known is None and (refused := _refusal(what, body)) is not None:
            if refused.settles_earlier:
                # The reason is in the bytes: whatever is still on its way with the same ones is refused as well.
                self.late = [(at, batch) for at, batch in self.late if batch.key != key]
            return refused
        return self._take(what, body, known)

    def _take(self, what: str, body: Mapping[str, Any], known: Taken | None) -> Outcome:
        batch = known or _batch(body)
        if known is None and what == "taken late":
            self.late.append((self.now() + SETTLE / 2, batch))
        elif known is None:
            self.taken.append(batch)
        if what == "died after":
            raise Died(what)
        if what in ("lost after", "taken late"):
            return Unknown("The connection broke.")
        if known is not None:
            return AlreadyExists("" if self.nameless else known.reference)
        if what == "paid at once":
            for item in batch.items:
                self.turn(item, Status.PAID)
        references = {item.key: item.reference for item in batch.items}
        return Accepted(batch.reference, references, paid_now=what == "paid at once")

    def land(self) -> None:
        """Take what was long on its way."""
        due = [batch for at, batch in self.late if at <= self.now()]
        self.late = [(at, batch) for at, batch in self.late if at > self.now()]
        self.taken += [batch for batch in due if not (self.dedupes and self._knows(batch.key))]

    def _knows(self, key: str) -> bool:
        return any(one.key == key for one in self.taken)

    def may_land(self, item_key: str) -> bool:
        """Tell whether a payment may still be on its way to the till."""
        return any(item.key == item_key for _, batch in self.late for item in batch.items)

    def turn(self, item: Paid, status: Status, *, back: int | None = None) -> bool:
        """Let a payment go on; False where it cannot come to that from here. `back` is all that came back so far."""
        if status not in _TURNS[item.status]:
            return False
        if status in (Status.PAID, Status.AWAITING_PAYEE, Status.ON_HOLD) and not item.debited:
            self._move("debit", item, item.units)
            item.debited = item.units
        if status in (Status.FAILED, Status.RETURNED) and item.debited:
            total = item.units if back is None else max(back, item.returned)
            self._move("return", item, total - item.returned)
            item.returned = total
        item.status = status
        return True

    def _move(self, kind: str, item: Paid, units: int) -> None:
        if units:
            self.ledger.append(Entry(len(self.ledger) + 1, self.now(), kind, item, units))

    def answer_questions(self) -> None:
        """Refuse to be asked where that is the script.

        :raises ProviderUnavailable: then.
        """
        self.land()
        if self.blind:
            self.blind -= 1
            raise ProviderUnavailable("The till does not answer.")


_TURNS: Final[Mapping[Status, tuple[Status, ...]]] = {
    Status.PROCESSING: (Status.PAID, Status.FAILED, Status.AWAITING_PAYEE, Status.ON_HOLD, Status.CANCELLED),
    Status.AWAITING_PAYEE: (Status.PAID, Status.RETURNED),
    Status.ON_HOLD: (Status.PAID, Status.FAILED),
    Status.PAID: (Status.RETURNED,),
    Status.RETURNED: (Status.RETURNED,),
    Status.FAILED: (),
    Status.CANCELLED: (),
}


def _batch(body: Mapping[str, Any]) -> Taken:
    reference = uuid4().hex[:12]
    items = [
        Paid(one["key"], one["account"], one["currency"], int(one["units"]), f"{reference}-{n}")
        for n, one in enumerate(body["items"])
    ]
    return Taken(str(body["key"]), reference, items)


def _refusal(what: str, body: Mapping[str, Any]) -> Refused | None:
    if what == "named refused":
        bad = ItemRefusal("NO_ACCOUNT", RefusalClass.PAYEE, "There is no such account.")
        return Refused("BAD_ITEMS", RefusalClass.PAYEE, "Some are bad.", items={body["items"][0]["key"]: bad})
    if what == "all refused":
        return Refused("NOT_SO", RefusalClass.FINAL, "The request cannot be done.")
    if what == "our funds":
        return Refused(
            "NO_FUNDS", RefusalClass.OURS, "Too little money.", key_is_spent=False, settles_earlier=False
        )
    return None


TILLS: Final = {
    "bank": Till("bank", dedupes=True),
    "teller": Till("teller", dedupes=False),
}


def reset(*, now: Callable[[], datetime]) -> None:
    """Forget everything that ever happened in either."""
    for name, till in TILLS.items():
        TILLS[name] = Till(name, till.dedupes, now=now)


class _Counter:
    """What the two providers share; each is a thin translation of its till."""

    name = ""
    label = ""
    capabilities: Capabilities

    @property
    def till(self) -> Till:
        """The service."""
        return TILLS[self.name]

    @classmethod
    def from_environ(cls, _env: Mapping[str, str]) -> Self:
        """Need no settings."""
        return cls()

    def next_step(self, progress: Progress) -> Step | Done:
        """Pay, and be done."""
        if progress.answers:
            return Done(progress.answers[-1].reference)
        items = [
            {
                "key": item.key,
                "account": item.destination["account"],
                "currency": item.amount.currency,
                "units": str(item.amount.units),
            }
            for item in progress.items
        ]
        body = json_body({"key": progress.batch_key, "items": items})
        return Step(name="pay", key=progress.batch_key, body=body, moves_money=True)

    def transmit(self, step: Step) -> Outcome:
        """Hand the bytes in."""
        return self.till.pay(json.loads(step.body))

    def find(self, key: Key) -> Found | Absent | CannotTell:
        """Look for one of our payments."""
        try:
            self.till.answer_questions()
        except ProviderUnavailable as error:
            return CannotTell(str(error))
        for batch in self.till.taken:
            if batch.reference not in self.till.forgotten and any(
                i.key in key.item_keys for i in batch.items
            ):
                return Found(_view(batch))
        return Absent(as_of=self.till.now(), authoritative=True, reason="The till has nothing of the kind.")

    def fetch(self, reference: str) -> BatchView:
        """Read what was taken."""
        self.till.answer_questions()
        for batch in self.till.taken:
            if batch.reference == reference and reference not in self.till.forgotten:
                return _view(batch)
        raise ReferenceVanished(f"The till knows no {reference}.")

    def fetch_item(self, reference: str) -> Observation:
        """Read one payment."""
        view = self.fetch(reference.partition("-")[0])
        return next(one for one in view.observations if one.reference == reference)

    def cancel(self, item_reference: str) -> Cancelled | NotCancellable | Unknown:
        """Give back what its payee did not claim."""
        for item in self.till.items:
            if item.reference == item_reference and item.status is Status.AWAITING_PAYEE:
                self.till.turn(item, Status.RETURNED)
                return Cancelled()
        return NotCancellable("It is on its way, or over.")

    def read_webhook(self, request: RawWebhook) -> Sequence[Hint]:
        """Believe nobody without the seal."""
        if request.headers.get("x-seal") != SIGNATURE:
            raise BadWebhook("The seal is missing.")
        told = json.loads(request.body)
        return [Hint(**told)]

    def balances(self) -> Sequence[Balance]:
        """Say nothing about money that is there."""
        return ()

    def statement(self, *, since: datetime, until: datetime) -> Statement:
        """List what moved."""
        self.till.answer_questions()
        lines = [_line(one) for one in self.till.ledger if since <= one.at <= until]
        return Statement(lines=lines, complete_until=min(until, self.till.now()))

    def check(self) -> ConnectionReport:
        """Be there."""
        return ConnectionReport(ok=True, account=self.name, scopes=(), missing=(), balances=())

    def read_destination(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Take `account`."""
        if set(given) != {"account"} or not given["account"]:
            raise DestinationError("Give the account.", field="account")
        return dict(given)

    def mask(self, destination: Mapping[str, str]) -> str:
        """Show the last two characters."""
        return f"••••{destination['account'][-2:]}"

    def destination_echo(self, destination: Mapping[str, str]) -> str:
        """Give the account."""
        return destination["account"]


def _capabilities(*, items: int, dedupes: bool) -> Capabilities:
    return Capabilities(
        items_per_batch=items,
        one_currency_per_batch=True,
        dedupes=dedupes,
        key_window=KEY_WINDOW if dedupes else timedelta(0),
        settle_time=SETTLE,
        lookup_by_key=True,
        can_cancel=True,
        separate_funding=False,
        return_window=timedelta(days=60),
        poll_every=timedelta(seconds=30),
        # One after the other, in the caller's own thread: whoever dies there dies for all.
        concurrency=1,
        calls_per_second=10_000.0,
        exponents={"EUR": 2},
        caps={},
    )


class Bank(_Counter):
    """Several payments at once, each key once."""

    name, label = "bank", "The bank"
    capabilities = _capabilities(items=3, dedupes=True)


class Teller(_Counter):
    """One payment at a time, as often as asked."""

    name, label = "teller", "The teller"
    capabilities = _capabilities(items=1, dedupes=False)


def _view(batch: Taken) -> BatchView:
    return BatchView(
        reference=batch.reference,
        batch_key=batch.key,
        raw_status="TAKEN",
        closed=all(item.status is not Status.PROCESSING for item in batch.items),
        denied=None,
        observations=[_observation(item, batch) for item in batch.items],
    )


def _observation(item: Paid, batch: Taken) -> Observation:
    failed = ItemRefusal("CLOSED", RefusalClass.PAYEE, "The account is closed.")
    return Observation(
        item_key=item.key,
        reference=item.reference,
        status=item.status,
        raw_status=item.status.upper(),
        amount=Money(item.units, item.currency),
        destination=item.account,
        returned=Money(item.returned, item.currency) if item.status is Status.RETURNED else None,
        return_reference=f"{item.reference}-back" if item.status is Status.RETURNED else "",
        refusal=failed if item.status is Status.FAILED else None,
        batch_reference=batch.reference,
    )


def _line(entry: Entry) -> StatementLine:
    item = entry.item
    return StatementLine(
        reference=f"movement-{entry.n}",
        item_key=item.key,
        item_reference=item.reference,
        kind=entry.kind,
        amount=Money(entry.units, item.currency),
        at=entry.at,
        destination=item.account,
    )
