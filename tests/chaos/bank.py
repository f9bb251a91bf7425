"""The product's side of the tills: three providers, each a thin translation of its service."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Self

from marketplace_payouts.lib.http import json_body
from marketplace_payouts.lib.money import Money
from payouts.providers.base import (
    Absent,
    Accepted,
    BadWebhook,
    Balance,
    BatchView,
    Cancelled,
    CannotTell,
    Capabilities,
    ConnectionReport,
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
from tests.chaos.tills import SETTLE, TILLS, Entry, Paid, Taken, Till

EXTRA: Final = "tests.chaos.bank.Bank,tests.chaos.bank.Teller,tests.chaos.bank.Chain"
"""What EXTRA_PROVIDERS has to name."""

PREPARE, SEND = "prepare", "send"
KEY_WINDOW: Final = timedelta(days=3)
SIGNATURE: Final = "the till's own seal"


class _Counter:
    """What the providers share; each is a thin translation of its till."""

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
            if any(item.key in key.item_keys for item in batch.items):
                is_forgotten = batch.reference in self.till.forgotten
                return CannotTell("The till looks for it.") if is_forgotten else Found(self._view(batch))
        return Absent(as_of=self.till.now(), authoritative=True, reason="The till has nothing of the kind.")

    def fetch(self, reference: str) -> BatchView:
        """Read what was taken."""
        self.till.answer_questions()
        for batch in self.till.taken:
            if batch.reference == reference and reference not in self.till.forgotten:
                return self._view(batch)
        raise ReferenceVanished(f"The till knows no {reference}.")

    def fetch_item(self, reference: str) -> Observation:
        """Read one payment."""
        view = self.fetch(reference.partition("-")[0])
        return next(one for one in view.observations if one.reference == reference)

    def _view(self, batch: Taken) -> BatchView:
        return BatchView(
            reference=batch.reference,
            batch_key=batch.key,
            raw_status="TAKEN",
            closed=all(item.status is not Status.PROCESSING for item in batch.items),
            denied=None,
            observations=[
                _observation(item, batch, is_misread=item.reference in self.till.misread)
                for item in batch.items
            ],
        )

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
        return Statement(lines=lines, complete_until=min(until, self.till.complete_until()))

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


class Chain(_Counter):
    """One payment at a time: prepared, then sent; what was sent lapses, and only then is its absence certain."""

    name, label = "chain", "The chain"
    capabilities = replace(
        _capabilities(items=1, dedupes=True),
        key_window=timedelta(days=3650),
        settle_time=timedelta(0),
        can_cancel=False,
        steps_lapse=True,
    )

    def next_step(self, progress: Progress) -> Step | Done:
        """Learn until when bytes are good, send such bytes, and be done."""
        answers = {answer.step: answer for answer in progress.answers}
        if SEND in answers:
            return Done(answers[SEND].reference)
        if PREPARE not in answers:
            key = f"{progress.batch_key}:{PREPARE}"
            return Step(name=PREPARE, key=key, body=b"{}", moves_money=False)
        sent = super().next_step(replace(progress, answers=[]))
        assert isinstance(sent, Step)
        return replace(sent, name=SEND, key=f"{progress.batch_key} {answers[PREPARE].facts['until']}")

    def transmit(self, step: Step) -> Outcome:
        """Say until when bytes are good, or take those that still are."""
        until = _until(step.key)
        if until is None:
            return Accepted("prepared", facts={"until": (self.till.now() + SETTLE).isoformat()})
        self.till.land()
        if self.till.now() > until and not self.till.knows(json.loads(step.body)["key"]):
            return Unknown("The bytes have lapsed.")
        outcome = super().transmit(step)
        # They stay good until they lapse, whatever is said of them meanwhile.
        return Unknown(outcome.message) if isinstance(outcome, Refused) else outcome

    def find(self, key: Key) -> Found | Absent | CannotTell:
        """Look for what was sent, which may have been long on its way when it lapsed."""
        until = _until(key.step_key)
        if until is None:
            return Absent(self.till.now(), authoritative=True, reason="Nothing was sent yet.")
        found = super().find(key)
        if isinstance(found, Absent) and self.till.now() <= until + SETTLE:
            return CannotTell("It may land yet.")
        return found


def _until(key: str) -> datetime | None:
    _, _, until = key.partition(" ")
    return datetime.fromisoformat(until) if until else None


def _observation(item: Paid, batch: Taken, *, is_misread: bool) -> Observation:
    failed = ItemRefusal("CLOSED", RefusalClass.PAYEE, "The account is closed.")
    return Observation(
        item_key=item.key,
        reference=item.reference,
        status=item.status,
        raw_status=item.status.upper(),
        amount=Money(item.units + is_misread, item.currency),
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
