"""What a transition does to a transaction: worked out first, and only then done.

`plan` changes nothing, which makes a speculative transition a plan that is shown and thrown away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sandbox.flex.errors import ApiError
from sandbox.flex.lines import LineSet, line_set, refunded
from sandbox.flex.processes import Actor, Earliest, Moment, Shifted, Timepoint, Transition
from sandbox.flex.records import Attributes, Step, Transaction, Version, merged
from sandbox.flex.values import Instant, Keyword, instant, parse_instant

EXTENDED_LIMIT: Final = 50 * 1024
_DAY_MS: Final = 86_400_000
_BOOKING_TIMES: Final = {
    "time/booking-start": "start",
    "time/booking-end": "end",
    "time/booking-display-start": "displayStart",
    "time/booking-display-end": "displayEnd",
}


class Companion(NamedTuple):
    """A change to the transaction's booking or stock reservation: made anew, or its state set."""

    type: str
    changes: dict[str, Any]
    new: bool


@dataclass(slots=True)
class Plan:
    """What would come of a transition."""

    transition: Transition
    at: int
    record: Transaction
    params: Mapping[str, Any]
    protected: dict[str, Any]
    metadata: dict[str, Any]
    line_sets: tuple[LineSet, ...]
    companions: list[Companion] = field(default_factory=list)

    @property
    def version(self) -> Version:
        """Give the version that the transaction would have."""
        step = Step(Keyword(self.transition.name), self.at, Keyword(self.transition.actor))
        present = self.record.version
        return Version(
            steps=(*present.steps, step),
            lines=len(self.line_sets) - 1,
            protected=self.protected if self.protected != present.protected else present.protected,
            metadata=self.metadata if self.metadata != present.metadata else present.metadata,
        )

    def attributes(self) -> Attributes:
        """Give the attributes that the transaction would show."""
        shown = Transaction(
            record_id=self.record.id,
            process=self.record.process,
            created=self.record.created,
            marketplace=self.record.marketplace,
            customer=self.record.customer,
            provider=self.record.provider,
            listing=self.record.listing,
        )
        shown.line_sets = self.line_sets
        return shown.attributes_of(self.version)


def check_size(name: str, value: Mapping[str, Any]) -> None:
    """Refuse extended data that has grown too large.

    :raises ApiError: when its JSON exceeds 50 KB.
    """
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > EXTENDED_LIMIT:
        raise ApiError(
            "validation-invalid-value", f"{name} may have {EXTENDED_LIMIT} bytes, not {size}", path=(name,)
        )


def mapping_param(params: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Give a parameter that must be a map; an empty one when it is absent.

    :raises ApiError: when it is something else.
    """
    value = params.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ApiError("validation-invalid-value", f"{name} must be a map", path=("params", name))
    return value


# ------------------------------------------------------------------------------------- what actions do


def _update_protected_data(plan: Plan) -> None:
    plan.protected = merged(plan.protected, mapping_param(plan.params, "protectedData"))
    check_size("protectedData", plan.protected)


def _update_metadata(plan: Plan) -> None:
    plan.metadata = merged(plan.metadata, mapping_param(plan.params, "metadata"))
    check_size("metadata", plan.metadata)


def _set_line_items(plan: Plan) -> None:
    if plan.params.get("lineItems") is None:
        raise ApiError("validation-missing-key", path=("params", "lineItems"))
    plan.line_sets = (*plan.line_sets, line_set(plan.params["lineItems"]))


def _full_refund(plan: Plan) -> None:
    plan.line_sets = (*plan.line_sets, refunded(plan.line_sets[-1]))


def _create_booking(plan: Plan) -> None:
    start = _moment_param(plan, "bookingStart", default=plan.at + 7 * _DAY_MS)
    end = _moment_param(plan, "bookingEnd", default=parse_instant(start) + _DAY_MS)
    if end <= start:
        raise ApiError(
            "validation-invalid-value", "a booking ends after its start", path=("params", "bookingEnd")
        )
    booking = {"start": start, "end": end, "displayStart": start, "displayEnd": end, "seats": 1}
    plan.companions.append(Companion("booking", {**booking, "state": Keyword("pending")}, new=True))


def _moment_param(plan: Plan, name: str, *, default: int) -> Instant:
    given = plan.params.get(name)
    try:
        return instant(default if given is None else parse_instant(given))
    except (TypeError, ValueError) as error:
        raise ApiError("validation-invalid-value", f"{name} is no moment", path=("params", name)) from error


def _create_reservation(plan: Plan) -> None:
    quantity = plan.params.get("stockReservationQuantity", 1)
    if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 1:
        raise ApiError("validation-invalid-value", path=("params", "stockReservationQuantity"))
    reservation = {"quantity": int(quantity), "state": Keyword("pending")}
    plan.companions.append(Companion("stockReservation", reservation, new=True))


def _companion_state(kind: str, state: str) -> Callable[[Plan], None]:
    def set_state(plan: Plan) -> None:
        plan.companions.append(Companion(kind, {"state": Keyword(state)}, new=False))

    return set_state


def _create_payment_intent(plan: Plan) -> None:
    # Sharetribe leaves the intent where both parties and the operator can see it.
    name = f"pi_{hashlib.sha256(plan.record.id.encode()).hexdigest()[:24]}"
    intent = {"stripePaymentIntentId": name, "stripePaymentIntentClientSecret": f"{name}_secret_{name[3:19]}"}
    plan.protected = merged(plan.protected, {"stripePaymentIntents": {"default": intent}})


def _nothing(plan: Plan) -> None:
    """Change nothing that the Integration API shows."""


_Effect = tuple[frozenset[str], Callable[[Plan], None]]


def _effect(change: Callable[[Plan], None], *params: str) -> _Effect:
    return frozenset(params), change


_EFFECTS: Final[Mapping[str, _Effect]] = {
    "action/update-protected-data": _effect(_update_protected_data, "protectedData"),
    "action/privileged-update-metadata": _effect(_update_metadata, "metadata"),
    "action/privileged-set-line-items": _effect(_set_line_items, "lineItems"),
    "action/calculate-full-refund": _effect(_full_refund),
    "action/create-pending-booking": _effect(_create_booking, "bookingStart", "bookingEnd", "seats"),
    "action/accept-booking": _effect(_companion_state("booking", "accepted")),
    "action/decline-booking": _effect(_companion_state("booking", "declined")),
    "action/cancel-booking": _effect(_companion_state("booking", "cancelled")),
    "action/create-pending-stock-reservation": _effect(_create_reservation, "stockReservationQuantity"),
    "action/accept-stock-reservation": _effect(_companion_state("stockReservation", "accepted")),
    "action/decline-stock-reservation": _effect(_companion_state("stockReservation", "declined")),
    "action/cancel-stock-reservation": _effect(_companion_state("stockReservation", "cancelled")),
    "action/post-review-by-customer": _effect(_nothing, "reviewRating", "reviewContent"),
    "action/post-review-by-provider": _effect(_nothing, "reviewRating", "reviewContent"),
    "action/publish-reviews": _effect(_nothing),
    "action/stripe-create-payment-intent": _effect(_create_payment_intent, "paymentMethod"),
    "action/stripe-confirm-payment-intent": _effect(_nothing),
    "action/stripe-capture-payment-intent": _effect(_nothing),
    "action/stripe-refund-payment": _effect(_nothing),
    "action/stripe-create-payout": _effect(_nothing),
}


# ------------------------------------------------------------------------------------------- planning


def params_of(transition: Transition) -> frozenset[str]:
    """Name the parameters that the actions of a transition take."""
    return frozenset[str]().union(*(_EFFECTS[action][0] for action in transition.actions))


def plan(*, record: Transaction, transition: str, actor: Actor, params: Mapping[str, Any], at: int) -> Plan:
    """Work out what a transition would do.

    :raises ApiError: `transaction-invalid-transition` when the process has no such transition from the present
        state for this actor; a validation error when the parameters are not what its actions take.
    """
    edge = record.process.transitions.get(transition)
    state = record.state if record.version.steps else None
    if edge is None or edge.source != state or edge.actor != actor:
        raise ApiError(
            "transaction-invalid-transition",
            f"{transition} is not possible for {actor} in {state or 'a new transaction'}",
            path=("transition",),
        )
    unknown = sorted(set(params) - params_of(edge))
    if unknown:
        raise ApiError(
            "validation-disallowed-key", f"{transition} takes no {unknown[0]}", path=("params", unknown[0])
        )
    worked_out = Plan(
        transition=edge,
        at=at,
        record=record,
        params=params,
        protected=dict(record.version.protected),
        metadata=dict(record.version.metadata),
        line_sets=record.line_sets,
    )
    for action in edge.actions:
        _EFFECTS[action][1](worked_out)
    return worked_out


def due(*, record: Transaction, moment: Moment, booking: Attributes | None) -> int | None:
    """Work out when a timed transition comes due; None while that cannot be known."""
    match moment:
        case Shifted(base, by):
            start = due(record=record, moment=base, booking=booking)
            return None if start is None else start + by
        case Earliest(options):
            known = [due(record=record, moment=option, booking=booking) for option in options]
            return min((at for at in known if at is not None), default=None)
        case Timepoint(kind, name):
            return _timepoint(record, kind, name, booking)


def _timepoint(record: Transaction, kind: str, name: str | None, booking: Attributes | None) -> int | None:
    steps, transitions = record.version.steps, record.process.transitions
    match kind.removeprefix("time/"):
        case "tx-initiated":
            moments = [steps[0].at]
        case "first-transitioned":
            moments = [step.at for step in steps if step.transition == name]
        case "first-entered-state":
            moments = [step.at for step in steps if transitions[step.transition].target == name]
        case "last-entered-state":
            moments = [step.at for step in steps[::-1] if transitions[step.transition].target == name]
        case _:
            moments = [parse_instant(booking[_BOOKING_TIMES[kind]])] if booking else []
    return moments[0] if moments else None
