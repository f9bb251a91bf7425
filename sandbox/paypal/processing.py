"""The life of a batch after its acceptance: processing, each item's fate, and what comes back later."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sandbox.core import Fault, World
from sandbox.paypal.books import Batch, Books, Item
from sandbox.paypal.currencies import ITEM_LIMITS, converted
from sandbox.paypal.fates import BACK, NEVER, OUT, Fate, fate_of, reason_of

if TYPE_CHECKING:
    from sandbox.paypal.notifications import Notifications

CLAIM_WINDOW_S = 30 * 86_400.0
CHUNK = 500
RECHECK_S = 0.2
_BACK_CODES = {"RETURNED": "T1114", "REVERSED": "T1114", "REFUNDED": "T1115"}


class Processing:
    """Moves batches and items; `pace_s` is the time between two steps, `later_s` until a later fate."""

    def __init__(self, *, world: World, books: Books, news: Notifications) -> None:
        self._world = world
        self._books = books
        self._news = news
        self.pace_s = float(os.environ.get("SANDBOX_PAYPAL_PACE_S", "0.05"))
        self.later_s = float(os.environ.get("SANDBOX_PAYPAL_LATER_S", "3"))
        self._stuck: dict[str, str] = {}  # id of batch or item → id of the fault that holds it

    # Batches -------------------------------------------------------------------------------------------------

    def accept(self, batch: Batch, *, at_once: bool = False) -> None:
        """Begin with a batch that was just taken in: its money is put aside."""
        need = self.need(batch)
        self._books.available[batch.fund] -= need
        self._books.withheld[batch.fund] += need
        self._books.add_row("T1503", batch.fund, -need, about=batch.id)
        self._books.keep_funds()
        if at_once:
            self._begin(batch, at_once=True)
        else:
            self._later(self.pace_s, batch)

    def need(self, batch: Batch) -> int:
        """Give what the batch and its fees take from the balance that pays."""
        return sum(self._part(item) for item in batch.items)

    def resume(self) -> None:
        """Go on with everything that the state file left unfinished."""
        for batch in self._books.batches.values():
            if batch.status in ("PENDING", "PROCESSING"):
                self._later(self.pace_s, batch)
        for item in self._books.items.values():
            if item.decided:
                self._await(item, fate_of(item, self._books))

    def forget(self) -> None:
        """Begin anew."""
        self._stuck.clear()

    def _later(self, seconds: float, batch: Batch) -> None:
        def go_on() -> None:
            if batch.status == "PENDING":
                self._begin(batch)
            elif batch.status == "PROCESSING":
                self._chunk(batch, 0)

        self._world.clock.call_later(seconds, go_on)

    def _begin(self, batch: Batch, *, at_once: bool = False) -> None:
        if self._is_stuck(batch.id, {batch.id, batch.sender_batch_id}):
            self._later(RECHECK_S, batch)
            return
        decreed = {self._books.fates.get(batch.id), self._books.fates.get(batch.sender_batch_id)}
        if batch.denial or "DENIED" in decreed:
            self.deny(batch, batch.denial or "RISK_DECLINE")
            return
        batch.status = "PROCESSING"
        for item in batch.items:
            item.shown_fee = item.fee
        batch.fee = sum(item.fee for item in batch.items)
        self._books.keep_batch(batch)
        self._news.batch(batch)
        if at_once:
            self._chunk(batch, 0, at_once=True)
        else:
            self._later(self.pace_s, batch)

    def deny(self, batch: Batch, reason: str) -> None:
        """Refuse a whole batch: nothing is debited, the money put aside is released."""
        now = self._world.clock.time()
        batch.status, batch.completed, batch.denial = "DENIED", now, reason
        need = self.need(batch)
        self._books.add_row("T1105", batch.fund, need, about=batch.id)
        self._books.withheld[batch.fund] -= need
        self._books.available[batch.fund] += need
        for item in batch.items:
            item.status, item.error, item.processed, item.decided = "FAILED", reason, now, True
            self._books.keep_item(item)
        self._books.keep_batch(batch)
        self._books.keep_funds()
        self._news.batch(batch)

    def _chunk(self, batch: Batch, start: int, *, at_once: bool = False) -> None:
        """Decide some items, then let requests have their turn before the next ones."""
        stop = len(batch.items) if at_once else start + CHUNK
        for item in batch.items[start:stop]:
            if not item.decided:
                self._decide(item)
        self._books.keep_funds()
        if stop < len(batch.items):
            self._world.clock.call_later(0.001, lambda: self._chunk(batch, stop))
        else:
            self._finish(batch)

    def _finish(self, batch: Batch) -> None:
        batch.status, batch.completed = "SUCCESS", self._world.clock.time()
        batch.fee = sum(item.shown_fee for item in batch.items)
        released = sum(self._part(item) for item in batch.items if item.decided)
        fees = sum(self._priced(item.fee, batch) for item in batch.items if item.out)
        self._books.add_row("T1105", batch.fund, released, about=batch.id)
        if fees:
            self._books.add_row("T0104", batch.fund, -fees, about=batch.id)
        self._books.keep_batch(batch)
        self._news.batch(batch)

    # Items ---------------------------------------------------------------------------------------------------

    def _decide(self, item: Item) -> None:
        names = item.names()
        if self._is_stuck(item.id, names):
            self._world.clock.call_later(RECHECK_S, lambda: None if item.decided else self._decide(item))
            return
        fate = self._fate(item, names)
        if fate.status == "PENDING":
            return
        self.move(item, fate.status, error=fate.error)
        self._await(item, fate)

    def _fate(self, item: Item, names: set[str]) -> Fate:
        if item.repeats:
            return Fate("FAILED", "DUPLICATE_ITEM")
        if item.line.units > ITEM_LIMITS[item.batch.currency]:
            return Fate("FAILED", "SPENDING_LIMIT_EXCEEDED")
        if self._world.faults and self._world.faults.take("fail_item", references=names):
            return Fate("FAILED", "RISK_DECLINE")
        return fate_of(item, self._books)

    def _await(self, item: Item, fate: Fate) -> None:
        """Set the timers for what may still become of an item that is out."""
        if item.status == "UNCLAIMED":
            moment = (item.processed or self._world.clock.time()) + CLAIM_WINDOW_S
            self._world.clock.call_at(moment, lambda: self._expire(item))
        if fate.later and item.status == fate.status:
            later = fate.later
            self._world.clock.call_later(self.later_s, lambda: self._turn(item, fate.status, later))

    def _expire(self, item: Item) -> None:
        if item.status == "UNCLAIMED":
            self.move(item, "RETURNED")
            self._books.keep_funds()

    def _turn(self, item: Item, was: str, later: str) -> None:
        if item.status == was:
            self.move(item, later)
            self._books.keep_funds()

    def move(self, item: Item, status: str, *, error: str | None = None, event: str | None = None) -> None:
        """Give an item a status, with the money that goes with it."""
        if not item.decided:
            self._release(item)
        item.decided = True
        item.processed = self._world.clock.time()
        if status in OUT or status in BACK:
            self._debit(item)
        if status in BACK or status in NEVER:
            self._credit(item, _BACK_CODES.get(status, "T1114"))
        if status in NEVER:
            item.shown_fee = 0
        item.status = status
        item.error = error if error is not None else reason_of(status)
        self._books.keep_item(item)
        self._news.item(item, event=event)
        if status == "SUCCESS" and self._world.faults:
            self._spoil(item)

    def give_back(self, item: Item, units: int) -> None:
        """Return a part of a payment that stays successful; it is seen on the statement only."""
        if item.out and 0 < units <= item.line.units - item.returned:
            self._credit(item, "T1115", units=units)
            self._books.keep_item(item)
            self._books.keep_funds()

    def _release(self, item: Item) -> None:
        part = self._part(item)
        self._books.withheld[item.batch.fund] -= part
        self._books.available[item.batch.fund] += part
        if item.batch.completed is not None:  # its release row is written already
            self._books.add_row("T1105", item.batch.fund, part, item, about=item.batch.id)

    def _debit(self, item: Item) -> None:
        if item.out:
            return
        item.out, item.returned, item.shown_fee = True, 0, item.fee
        item.transaction_id = self._books.new_id(8)
        item.activity_id = item.activity_id or self._books.new_id(8)
        batch, units = item.batch, item.line.units
        cost = self._priced(units, batch)
        if batch.source:
            item.from_units = cost
            self._books.add_row("T0200", batch.source, -cost, item, about=item.transaction_id)
            self._books.add_row("T0200", batch.currency, units, item, about=item.transaction_id)
        self._books.add_row("T0001", batch.currency, -units, item, about=batch.id)
        self._books.available[batch.fund] -= cost + self._priced(item.fee, batch)
        self._world.ledger.record(
            reference=item.reference,
            key=batch.sender_batch_id,
            destination=item.line.receiver,
            currency=batch.currency,
            units=units,
            kind="debit",
        )
        self._fee(item, item.fee)
        if batch.completed is not None:  # its fee row is written already
            self._books.add_row(
                "T0104", batch.fund, -self._priced(item.fee, batch), item, about=item.transaction_id
            )

    def _credit(self, item: Item, code: str, *, units: int | None = None) -> None:
        """Bring money back: what has not come back yet, or a part of it, in the currency that was sent."""
        rest = item.line.units - item.returned
        back = rest if units is None else units
        if not item.out or not back:
            return
        item.returned += back
        item.out = item.returned < item.line.units
        self._books.add_row(code, item.batch.currency, back, item, about=item.transaction_id)
        self._books.available[item.batch.currency] += back
        self._world.ledger.record(
            reference=item.reference,
            key=item.batch.sender_batch_id,
            destination=item.line.receiver,
            currency=item.batch.currency,
            units=back,
            kind="return",
        )

    def _fee(self, item: Item, units: int) -> None:
        if units:
            self._world.ledger.record(
                reference=item.reference,
                key=item.batch.sender_batch_id,
                destination="fee",
                currency=item.batch.fund,
                units=self._priced(units, item.batch),
                kind="fee",
            )

    def _spoil(self, item: Item) -> None:
        names = item.names()
        back = self._world.faults.take("return", references=names)
        if back is not None:
            status = back.value if back.value in BACK else "RETURNED"
            self._world.clock.call_later(back.after(0.0), lambda: self._turn(item, "SUCCESS", status))
        part = self._world.faults.take("partial_return", references=names)
        if part is not None:
            units = part.value if isinstance(part.value, int) else max(1, item.line.units // 2)
            self._world.clock.call_later(part.after(0.0), lambda: self.give_back(item, units))
        change = self._world.faults.take("fee_change", references=names)
        if change is not None:
            self._world.clock.call_later(change.after(0.0), lambda: self._raise_fee(item, change))

    def _raise_fee(self, item: Item, change: Fault) -> None:
        fee = change.value if isinstance(change.value, int) else item.fee * 2 + 1
        more = fee - item.fee
        if more <= 0 or not item.out:
            return
        cost = self._priced(more, item.batch)
        self._books.available[item.batch.fund] -= cost
        self._books.add_row("T0104", item.batch.fund, -cost, item, about=item.transaction_id)
        self._fee(item, more)
        item.fee = item.shown_fee = fee
        item.batch.fee += more
        self._books.keep_item(item)
        self._books.keep_batch(item.batch)
        self._books.keep_funds()

    # Small things --------------------------------------------------------------------------------------------

    def _part(self, item: Item) -> int:
        """Give what an item and its fee take from the balance that pays."""
        return self._priced(item.line.units, item.batch) + self._priced(item.fee, item.batch)

    def _priced(self, units: int, batch: Batch) -> int:
        return units if batch.source is None else converted(units, batch.currency, batch.source)

    def _is_stuck(self, owner: str, names: set[str]) -> bool:
        """Say whether a `stuck_pending` fault holds this; it does until it is lifted."""
        faults = self._world.faults
        if owner in self._stuck and faults.get(self._stuck[owner]) is not None:
            return True
        self._stuck.pop(owner, None)
        fault = faults.take("stuck_pending", references=names) if faults else None
        if fault is not None:
            self._stuck[owner] = fault.id
        return fault is not None
