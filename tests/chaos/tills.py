"""Payout services that are objects of this process, each with the ledger of what it truly moved.

The bank dedupes by our batch key and takes several payments at once; the teller pays whatever it is told, as often
as it is told; the chain takes what is good for a time only, and takes it once. What happens to each request is said
beforehand (`Till.script`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from payouts.providers.base import (
    Accepted,
    AlreadyExists,
    Deferred,
    ItemRefusal,
    Outcome,
    ProviderUnavailable,
    RefusalClass,
    Refused,
    Status,
    Unknown,
)

NAMES: Final = ("bank", "teller", "chain")
BY_HAND: Final = "manual"
"""Under which name our books keep what people paid by themselves."""
SETTLE: Final = timedelta(minutes=5)
"""By then whatever was long on its way has come, or never comes."""

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
    def is_under_way(self) -> bool:
        """Whether it has not come to its end."""
        return self.status in (Status.PROCESSING, Status.AWAITING_PAYEE, Status.ON_HOLD)

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
    at: datetime


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
    """References of requests that it does not know any more; its statement still lists them."""
    misread: set[str] = field(default_factory=set)
    """References of payments of which it shows another amount than it moved."""
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
        batch = known or _batch(body, at=self.now())
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

    def hand_out(self, key: str, account: str, currency: str, units: int) -> None:
        """Pay without having been asked by the product."""
        item = Paid(key, account, currency, units, reference=uuid4().hex[:12])
        self.taken.append(Taken(key, item.reference, [item], self.now()))
        self.turn(item, Status.PAID)

    def has_forgotten(self, item: Paid) -> bool:
        """Tell whether it knows nothing of a payment any more."""
        return any(item in batch.items and batch.reference in self.forgotten for batch in self.taken)

    def land(self) -> None:
        """Take what was long on its way."""
        due = [batch for at, batch in self.late if at <= self.now()]
        self.late = [(at, batch) for at, batch in self.late if at > self.now()]
        self.taken += [batch for batch in due if not (self.dedupes and self.knows(batch.key))]

    def knows(self, key: str) -> bool:
        """Tell whether a request of this key was taken."""
        return any(one.key == key for one in self.taken)

    @property
    def on_their_way(self) -> list[Paid]:
        """Payments that were handed in, and have neither moved nor ended: no list shows them yet."""
        items = [item for batch in [*self.taken, *(late for _, late in self.late)] for item in batch.items]
        return [item for item in items if item.is_under_way]

    def complete_until(self) -> datetime:
        """Up to when everything that was taken stands on the ledger."""
        waiting = [b.at for b in self.taken if any(i.is_under_way and not i.debited for i in b.items)]
        return min([self.now(), *waiting])

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


def _batch(body: Mapping[str, Any], *, at: datetime) -> Taken:
    reference = uuid4().hex[:12]
    items = [
        Paid(one["key"], one["account"], one["currency"], int(one["units"]), f"{reference}-{n}")
        for n, one in enumerate(body["items"])
    ]
    return Taken(str(body["key"]), reference, items, at)


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
    "chain": Till("chain", dedupes=True),
    BY_HAND: Till(BY_HAND, dedupes=False),
}


def reset(*, now: Callable[[], datetime]) -> None:
    """Forget everything that ever happened in any of them."""
    for name, till in TILLS.items():
        TILLS[name] = Till(name, till.dedupes, now=now)
