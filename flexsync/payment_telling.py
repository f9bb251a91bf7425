"""A transaction is told how its buyer's payment stands: in its metadata, and by a transition where its process has one.

What is told follows from all that is recorded by then, not from the message that asks for it. Where Sharetribe alone
said something, by its own transition, there is nothing to tell it. A payment that is prepared at Stripe is named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from flexsync import calls, identity, speaking, telling
from flexsync.models import PaymentTold
from flexsync.snapshots import PAYMENT_KEY
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.sharetribe import FlexError, Transaction
from payments import intents, standing
from payments.models import Intent
from payments.standing import Payments
from payouts.errors import DomainError
from payouts.models import OutboxMessage, Process, Source, Trigger

_NOT_YET: Final = "The transaction is not understood yet."


@dataclass(slots=True)
class _Wanted:
    """What one transaction is to be told, and by which transitions of its process."""

    source: Source
    value: dict[str, Any] | None
    moves: Mapping[str, str]
    confirming: frozenset[str]
    """Transitions by which the marketplace itself says that the buyer has paid."""
    row: PaymentTold | None

    @property
    def is_news(self) -> bool:
        """Whether there is something to tell that Sharetribe has not repeated to us already."""
        is_told = self.row is not None and self.row.is_certain and self.row.value == self.value
        return self.value is not None and not is_told


def tell(*, messages: Sequence[OutboxMessage], now: datetime) -> Mapping[UUID, str | None]:
    """This will tell these transactions how their buyers' payments stand; gives why not where one was not told.

    A transaction whose state does not allow the transition counts as told: its metadata was written, and the conflict
    stands before a person.
    """
    errors = _tell_sources({message.subject for message in messages}, now=now)
    return {message.pk: errors.get(message.subject) for message in messages}


def _tell_sources(source_ids: set[UUID], *, now: datetime) -> dict[UUID, str]:
    found = _load(source_ids)
    # Its process, and what its buyer is to pay, are not known before.
    early = {pk: _NOT_YET for pk, one in found.items() if not one.source.process_name}
    waiting = {pk for pk, one in found.items() if one.is_news} - early.keys()
    if not waiting:
        return early
    try:
        identity.confirm()
    except (FlexError, DomainError) as error:
        return early | dict.fromkeys(waiting, str(error))
    latest = speaking.latest()
    taken = speaking.take(PaymentTold, waiting)
    crash_point("payment_told.after_claim")
    # Loaded once more under the sole right to tell: what was current a moment ago may be old news now.
    loaded = _load(taken)
    told = [
        speaking.Telling(pk, one.source.reference, PAYMENT_KEY, one.value, one.row, latest)
        for pk, one in loaded.items()
        if one.value is not None
    ]
    speaking.tell_all(told, lambda one: _tell(one, loaded[one.source_id]))
    speaking.record(PaymentTold, told, taken, now=now)
    calls.flush(today=now.date())
    errors = {one.source_id: one.error for one in told if one.error and not one.is_conflict}
    present = _load([one.source_id for one in told if not one.error])
    gone_on = {pk: speaking.WENT_ON for pk, one in present.items() if one.is_news}
    return early | errors | gone_on | dict.fromkeys(waiting - taken, speaking.BUSY)


def _load(source_ids: Iterable[UUID]) -> dict[UUID, _Wanted]:
    """Load what there is to tell, in a fixed number of statements."""
    sources = Source.objects.in_bulk(list(source_ids))
    references = [source.reference for source in sources.values()]
    payments, prepared = standing.load(references), intents.of(references)
    names = {source.process_name for source in sources.values()}
    moves = dict(Process.objects.filter(name__in=names).values_list("name", "payment_moves"))
    confirming: dict[str, set[str]] = defaultdict(set)
    for name, transitions in Trigger.objects.filter(process__name__in=names).values_list(
        "process__name", "payment_transitions"
    ):
        confirming[name].update(transitions)
    rows = PaymentTold.objects.in_bulk(list(sources))
    return {
        pk: _Wanted(
            source,
            _value(source, payments.get(source.reference, standing.NOTHING), prepared.get(source.reference)),
            moves.get(source.process_name, {}),
            frozenset(confirming[source.process_name]),
            rows.get(pk),
        )
        for pk, source in sources.items()
    }


def _value(source: Source, payments: Payments, prepared: Intent | None) -> dict[str, Any] | None:
    """Give how the payment stands, in a word and since when, and its id at Stripe; both parties can read it."""
    payin = None if source.payin_units is None else int(source.payin_units)
    currency = source.currency or next(iter(payments.standings), "")
    word = standing.word(payments.of(currency), payin=payin) if payments.is_told or prepared else ""
    named = {} if prepared is None else {"intent": prepared.stripe_id}
    if word and payments.newest_at is not None:
        return {"status": word, "at": telling.moment(payments.newest_at)} | named
    if prepared is not None and prepared.recorded_at is not None:
        return {"status": standing.PENDING, "at": telling.moment(prepared.recorded_at)} | named
    return None


def _tell(one: speaking.Telling, wanted: _Wanted) -> None:
    word = str(one.value["status"])
    transition = wanted.moves.get(word, "")
    if not transition:
        speaking.say(one)
        return
    answer = speaking.read(one)
    conflict = None
    if not _is_made(answer, word, wanted):
        try:
            answer = speaking.make(one, transition, before=answer)
        except speaking.Conflict as error:
            conflict = error
    speaking.say(one, answer)
    if conflict is not None:
        raise conflict


def _is_made(answer: Transaction, word: str, wanted: _Wanted) -> bool:
    """Whether the transaction went through the transition already, by our hand or another's.

    A buyer pays once: what confirms it is never made twice, also not when a dispute is won. Of the others, the last one
    that was made says where the process stands.
    """
    made = [step.transition for step in answer.transitions]
    if word == standing.SUCCEEDED:
        return not ({wanted.moves[word]} | wanted.confirming).isdisjoint(made)
    ours = [name for name in made if name in wanted.moves.values()]
    return bool(ours) and ours[-1] == wanted.moves[word]
