"""Transaction processes: their transitions, what each does, and when the timed ones come due.

A process is data, read from EDN (`read`) or written down in `default_processes`. Names carry their prefix
(`transition/accept`, `state/received`) as they do on the wire.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from sandbox.flex import edn

Actor = Literal["customer", "provider", "operator", "system"]

EXAMPLE_PROCESS: Final = "payout-process"
EXAMPLE_FILE: Final = Path(__file__).resolve().parents[2] / "examples" / "process" / "process.edn"

ACTIONS: Final = frozenset(
    f"action/{name}"
    for name in (
        "update-protected-data",
        "privileged-update-metadata",
        "privileged-set-line-items",
        "calculate-full-refund",
        "create-pending-booking",
        "accept-booking",
        "decline-booking",
        "cancel-booking",
        "create-pending-stock-reservation",
        "accept-stock-reservation",
        "decline-stock-reservation",
        "cancel-stock-reservation",
        "post-review-by-customer",
        "post-review-by-provider",
        "publish-reviews",
        "stripe-create-payment-intent",
        "stripe-confirm-payment-intent",
        "stripe-capture-payment-intent",
        "stripe-refund-payment",
        "stripe-create-payout",
    )
)
PAYOUT_ACTION: Final = "action/stripe-create-payout"

_PERIOD: Final = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_SECONDS: Final = (7 * 86_400, 86_400, 3_600, 60, 1)


class ProcessError(ValueError):
    """A process file holds something that the sandbox does not understand."""


@dataclass(frozen=True, slots=True)
class Timepoint:
    """A moment in a transaction's life, such as when it first entered the state `name`."""

    kind: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Shifted:
    """Another moment, and so many milliseconds later (or earlier)."""

    base: Moment
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Earliest:
    """The first of several moments."""

    options: tuple[Moment, ...]


Moment = Timepoint | Shifted | Earliest


@dataclass(frozen=True, slots=True)
class Transition:
    """One edge of a process. `source` is None for an initial one; `at` is set on those that happen by themselves."""

    name: str
    actor: Actor
    source: str | None
    target: str
    actions: tuple[str, ...] = ()
    at: Moment | None = None


class Process:
    """All transitions of one process."""

    def __init__(self, *, name: str, transitions: Iterable[Transition]) -> None:
        self.name = name
        self.transitions = {transition.name: transition for transition in transitions}
        self.states = frozenset(transition.target for transition in self.transitions.values())
        self._timed: dict[str, tuple[Transition, ...]] = {}
        for transition in self.transitions.values():
            if transition.at is not None and transition.source is not None:
                self._timed[transition.source] = (*self._timed.get(transition.source, ()), transition)

    @property
    def paid_by_stripe(self) -> bool:
        """Say whether Sharetribe itself pays the provider somewhere in this process."""
        return any(PAYOUT_ACTION in transition.actions for transition in self.transitions.values())

    def timed_from(self, state: str) -> tuple[Transition, ...]:
        """Give the transitions that leave `state` by themselves."""
        return self._timed.get(state, ())

    def path_to(self, state: str) -> tuple[Transition, ...]:
        """Find the shortest way from the beginning to `state`.

        :raises ProcessError: when no way leads there.
        """
        waiting: deque[tuple[Transition, ...]] = deque(
            (transition,) for transition in self.transitions.values() if transition.source is None
        )
        seen: set[str] = set()
        while waiting:
            path = waiting.popleft()
            reached = path[-1].target
            if reached == state:
                return path
            if reached in seen:
                continue
            seen.add(reached)
            waiting.extend(
                (*path, transition)
                for transition in self.transitions.values()
                if transition.source == reached
            )
        raise ProcessError(f"no way leads to {state} in {self.name}")


def milliseconds(period: str) -> int:
    """Read an ISO 8601 period of weeks, days, hours, minutes and seconds.

    :raises ProcessError: when it is none.
    """
    match = _PERIOD.fullmatch(period)
    if match is None or not any(match.groups()):
        raise ProcessError(f"{period!r} is no period")
    return 1000 * sum(
        int(text or 0) * seconds for text, seconds in zip(match.groups(), _SECONDS, strict=True)
    )


def _plain(keyword: object) -> str:
    if not isinstance(keyword, str) or not keyword.startswith(":"):
        raise ProcessError(f"{keyword!r} should be a keyword")
    return keyword[1:]


def _shift(sign: int) -> Callable[[list[Any]], Moment]:
    def read_shift(arguments: list[Any]) -> Moment:
        base, *periods = arguments
        return Shifted(_moment(base), sign * sum(milliseconds(period[":fn/period"][0]) for period in periods))

    return read_shift


_WITH_A_NAME: Final = ("time/first-entered-state", "time/last-entered-state", "time/first-transitioned")
_WITHOUT: Final = (
    "time/tx-initiated",
    "time/booking-start",
    "time/booking-end",
    "time/booking-display-start",
    "time/booking-display-end",
)


def _timepoint(arguments: list[Any]) -> Moment:
    kind, *names = (_plain(argument) for argument in arguments)
    if (kind in _WITH_A_NAME and len(names) == 1) or (kind in _WITHOUT and not names):
        return Timepoint(kind, names[0] if names else None)
    raise ProcessError(f"the moment {kind} is not understood")


_FUNCTIONS: Final[dict[str, Callable[[list[Any]], Moment]]] = {
    ":fn/timepoint": _timepoint,
    ":fn/plus": _shift(1),
    ":fn/minus": _shift(-1),
    ":fn/min": lambda arguments: Earliest(tuple(_moment(argument) for argument in arguments)),
}


def _moment(form: Any) -> Moment:
    try:
        ((function, arguments),) = form.items()
        return _FUNCTIONS[function](arguments)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ProcessError(f"the time {form!r} is not understood") from error


def _transition(form: dict[str, Any]) -> Transition:
    actions = tuple(_plain(action[":name"]) for action in form.get(":actions", ()))
    unknown = sorted(set(actions) - ACTIONS)
    if unknown:
        raise ProcessError(f"the actions {unknown} are not understood")
    actor = _plain(form[":actor"]).removeprefix("actor.role/") if ":actor" in form else "system"
    return Transition(
        name=_plain(form[":name"]),
        actor=cast("Actor", actor),
        source=_plain(form[":from"]) if ":from" in form else None,
        target=_plain(form[":to"]),
        actions=actions,
        at=_moment(form[":at"]) if ":at" in form else None,
    )


def read(*, name: str, text: str) -> Process:
    """Read a process from EDN as Sharetribe's command line takes it.

    :raises ProcessError: when the text is not such a process.
    """
    try:
        form = edn.loads(text)
        if form[":format"] != ":v3":
            raise ProcessError("only the format :v3 is understood")
        return Process(name=name, transitions=[_transition(item) for item in form[":transitions"]])
    except (edn.EdnError, KeyError, TypeError) as error:
        raise ProcessError(f"{name} is no transaction process: {error}") from error


def example() -> Process:
    """Read the process without Stripe that ships in `examples/process`."""
    return read(name=EXAMPLE_PROCESS, text=EXAMPLE_FILE.read_text(encoding="utf-8"))
