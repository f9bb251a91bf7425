"""What a payable that is in no payout may wait for: where a person sees it or what time brings, and what makes it true.

A payable says what it waits for; the facts must bear it out, so that one that is wrongly kept back is found out,
whatever it says. It imports nothing of the product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.chaos.witnesses import Books, Row

Group = Sequence[Row]
"""Payables that wait together; what is so of one of them keeps all of them back."""


@dataclass(frozen=True, slots=True)
class Wait:
    """One thing that payables wait for."""

    seen: str
    """Before whom it stands, or when it ends by itself."""
    is_so: Callable[[Books, Group], bool]


def _any(is_so: Callable[[Row], bool]) -> Callable[[Books, Group], bool]:
    return lambda _books, group: any(map(is_so, group))


def _sum(group: Group) -> int:
    return sum(one["units"] for one in group)


def _too_little(_books: Books, group: Group) -> bool:
    # A rest that was carried over is less than the provider can send.
    least = max(100 if one["purpose"] == "carry" else one["minimum_units"] for one in group)
    return _sum(group) < max(least, 1)


def _is_taken_back(books: Books, group: Group) -> bool:
    """Whether something that was taken back of them, or of what came back, waits for a decision itself."""
    families = {one["family"] for one in group}
    returned = {one["sale"] for one in group if one["purpose"] == "returned"} - {None}
    return any(
        one["waits_for"] and (one["family"] in families or one["sale"] in returned)
        for one in books.payables
        if one["settled"] == ""
    )


DECIDED: Final[Mapping[str, Wait]] = {
    "opening": Wait(
        "First page, To decide: opening items to release or mark as paid.",
        _any(lambda one: one["went_live_at"] is None or one["became_due_at"] < one["went_live_at"]),
    ),
    "returned": Wait(
        "First page, To decide: returned, waiting to go out again.",
        _any(lambda one: one["purpose"] == "returned"),
    ),
    "clawback": Wait(
        "First page, To decide: clawbacks.",
        _any(lambda one: one["units"] < 0),
    ),
}
"""What waits for a person's decision, each payable by itself (`waits_for`)."""

FOUND: Final[Mapping[str, Wait]] = {
    "due": Wait(
        "Time: the hold period ends, the next payday comes.",
        lambda books, group: any(max(one["hold_until"], one["due_at"]) > books.now for one in group),
    ),
    "minimum": Wait(
        "Time: something else is sold. People may pay it now, from the payee's page.",
        _too_little,
    ),
    "negative": Wait(
        "First page, Due, and not payable: deductions larger than what is owed.",
        lambda _books, group: _sum(group) < 0,
    ),
    "method_present": Wait(
        "First page, Due, and not payable: no payout method given. The payee is asked for one.",
        _any(lambda one: not one["has_method"]),
    ),
    "payment_received": Wait(
        "First page, Due, and not payable: the buyer's payment missing or gone back.",
        _any(lambda one: one["is_unpaid"]),
    ),
    "not_paid_by_stripe": Wait(
        "First page, Due, and not payable: Stripe may pay it.",
        _any(lambda one: one["may_be_paid_by_stripe"]),
    ),
    "payee_active": Wait(
        "First page, Due, and not payable: the payee frozen or closed.",
        _any(lambda one: one["is_shut_out"]),
    ),
    "not_compensated": Wait(
        "First page, To decide: the clawback of the same sale.",
        _is_taken_back,
    ),
}
"""What the last gathering found in the way (`blocked_by`); the payee is looked at again by itself."""

_OF_THE_PAYEE: Final = frozenset({"minimum", "negative"})


def open_payables(books: Books) -> Iterator[tuple[Row, str, str]]:
    """This will give each payable that is open, what it waits for, and what is wrong with that, if anything."""
    groups: dict[Any, list[Row]] = defaultdict(list)
    for one in books.payables:
        if one["settled"] == "":
            groups[_together(one)].append(one)
    for group in groups.values():
        reason = group[0]["waits_for"] or group[0]["blocked_by"]
        wait = (DECIDED if group[0]["waits_for"] else FOUND).get(reason)
        for one in group:
            yield one, reason, _objection(books, one, group, wait)


def _together(one: Row) -> Any:
    """A payable and what changes it are gathered together or not at all; a minimum is asked of all that a payee has."""
    if one["waits_for"]:
        return one["id"]
    whose = (one["payee_id"], one["currency"]) if one["blocked_by"] in _OF_THE_PAYEE else one["family"]
    return one["blocked_by"], whose


def _objection(books: Books, one: Row, group: Group, wait: Wait | None) -> str:
    if wait is None:
        return "which stands before nobody"
    if not wait.is_so(books, group):
        return "which is not so"
    if not one["waits_for"] and one["next_gather_at"] is None:
        return "and its payee is never looked at again"
    return ""
