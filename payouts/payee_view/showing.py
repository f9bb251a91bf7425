"""One payout as its payee sees it: what it consists of, what happened to it, and why it is not there yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrPromise

from marketplace_payouts.lib.money import Money
from payouts.models import Attempt, Payout, PayoutEvent, PayoutLine, State
from payouts.payee_view import asking, listing, reasons
from payouts.payee_view.finding import find
from payouts.payee_view.lines import line_of
from payouts.payee_view.shapes import Line, Listed, Shown, Told

S = State

TOLD: Final[Mapping[State, StrPromise | None]] = {
    S.PENDING: _("We put together what we owe you."),
    S.AWAITING_APPROVAL: None,
    S.APPROVED: _("We checked it."),
    S.SUBMITTING: None,
    S.SUBMITTED: _("We sent it to %(provider)s, for %(method)s."),
    S.UNKNOWN: _("We sent it to %(provider)s, and wait to hear that it was received."),
    S.PAID: _("It was paid to %(method)s."),
    S.FAILED: _("%(provider)s did not accept it."),
    S.RETURNED: _("The money came back to us."),
    S.CANCELLED: _(
        "We took it back before it was paid; what we still owe you of it is paid with another payout."
    ),
}
"""What the payee reads of a payout's coming into a state; None: nothing that concerns them."""
AGAIN: Final = _("It did not go out; we try again.")
BACK: Final[frozenset[tuple[State, State]]] = frozenset(
    {(S.SUBMITTED, S.APPROVED), (S.FAILED, S.APPROVED), (S.FAILED, S.AWAITING_APPROVAL)}
)
"""The moves that take a payout a step back, so that it goes out once more."""
BESIDE: Final[Mapping[str, StrPromise]] = {
    "partly_returned": _("Part of the money came back to us."),
    "at_the_bank": _("It arrived at your bank."),
    "bank_failed": _(
        "Your bank did not take it. It is in your account at %(provider)s: look there which bank account you gave."
    ),
}
"""What the payee reads of what happened to a payout without moving it, by the kind of the event."""


def show(*, payee_id: UUID, payout_id: UUID, now: datetime) -> Shown:
    """This will show one payout of the payee's.

    :raises NoSuchPayout: when the payee has none of that id.
    """
    payout = find(payee_id=payee_id, payout_id=payout_id)
    listed = listing.of(payout)
    return Shown(
        listed=listed,
        fee=fee_of(payout),
        lines=lines_of(payout),
        timeline=_timeline(payout, listed),
        why=reasons.obstacles(payout, now=now),
        questions=asking.questions_about(payout),
    )


def lines_of(payout: Payout) -> list[Line]:
    """This will show what a payout covers; of one that was taken back, what it covered."""
    rows = PayoutLine.objects.filter(payout=payout).select_related("payable__source")
    if payout.state != State.CANCELLED:
        rows = rows.filter(released_at__isnull=True)
    return [line_of(row.payable, row.units) for row in rows.order_by("payable__became_due_at", "pk")]


def fee_of(payout: Payout) -> Money | None:
    """This will give what the service charged the marketplace for a payout, as far as it said."""
    newest = Attempt.objects.filter(payout=payout).order_by("-n").values_list("fee_units", "fee_currency")
    units, currency = newest.first() or (None, "")
    return None if units is None else Money(int(units), currency)


def _timeline(payout: Payout, listed: Listed) -> list[Told]:
    facts = {"provider": listed.provider, "method": listed.method}
    events = PayoutEvent.objects.filter(payout=payout).order_by("n")
    found: list[Told] = []
    for at, sentence in _sentences(events.values_list("created_at", "kind", "from_state", "to_state")):
        written = str(sentence) % facts
        if not found or found[-1].sentence != written:
            found.append(Told(at, written))
    return found


def _sentences(
    events: Iterable[tuple[datetime, str, str, str]],
) -> Iterable[tuple[datetime, StrPromise]]:
    for at, kind, came_from, to in events:
        if kind in BESIDE:
            yield at, BESIDE[kind]
        elif came_from != to and (sentence := sentence_of(came_from, State(to))) is not None:
            yield at, sentence


def sentence_of(came_from: str, to: State) -> StrPromise | None:
    """This will say what the payee reads of a move; None: nothing."""
    if came_from and (State(came_from), to) in BACK:
        return AGAIN
    # An attempt that was put off left nothing behind.
    return None if came_from == State.SUBMITTING and to is State.APPROVED else TOLD[to]
