"""The faults that steering has asked for: which apply now, and how often each was hit."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.core.http import BadRequest, Request

REQUEST_KINDS = {
    "drop_before": "The socket is closed without the work done.",
    "drop_after": "The work is done, then the socket is closed without an answer.",
    "error_before": "An error answer (`status`, else 500) without the work done.",
    "error_after": "The work is done, then an error answer (`status`, else 500).",
    "delay": '`seconds` (else 1) pass before the work is done; with `when`: "after", before the answer only.',
    "accept_late": "The work is done `seconds` (else 60) of the sandbox's time later, though whoever asked may have "
    "gone by then; `late` counts how often they had.",
    "hang": "Nothing is answered until `seconds` (else 3600) have passed, then the socket is closed; "
    'with `when`: "after" the work is done first.',
    "rate_limit": "429 with Retry-After `seconds` (else 1), without the work done.",
    "html_body": 'The work is done (unless `when`: "before"), the answer is a proxy\'s HTML page (`status`, else 502).',
    "truncated_body": "The work is done, Content-Length promises the whole body, half of it arrives.",
    "wrong_echo": "The work is done as asked, the answer says something else (amount, currency or destination).",
}
WEBHOOK_KINDS = {
    "webhook_lose": "The event is never delivered.",
    "webhook_double": "The event is delivered twice.",
    "webhook_replay": "An old event is delivered once more before it, with the signature that it had then.",
    "webhook_reorder": "The event waits until a later one was delivered (at most `seconds`, else 5).",
    "webhook_forge": "A forged event, wrongly signed and telling another fate, is delivered before the true one.",
    "webhook_early": "The event arrives before the answer to the request that caused it.",
    "webhook_late": "The event is delivered `seconds` (else 5) late.",
}
MONEY_KINDS = {
    "return": "Money that arrived comes back `seconds` (else 0) of the sandbox's time after it arrived.",
    "insufficient_funds": "The account is treated as if it held too little.",
    "refuse": "The payment is refused.",
}
KINDS = {**REQUEST_KINDS, **WEBHOOK_KINDS, **MONEY_KINDS}
LIES = 20_000
_FIELDS = {"kind", "match", "times", "probability", "seconds", "status", "when", "value"}


@dataclass(slots=True)
class Fault:
    """One misbehaviour that was asked for. `times` None: every time; `value`: for a service's own kinds."""

    id: str
    kind: str
    method: str | None = None
    path: str | None = None
    reference: str | None = None
    times: int | None = None
    probability: float = 1.0
    seconds: float | None = None
    status: int | None = None
    when: str | None = None
    value: Any = None
    hits: int = 0
    late: int = 0
    """How often what was asked was done after whoever asked had gone."""
    pattern: re.Pattern[str] | None = field(default=None, repr=False)

    def shown(self) -> dict[str, Any]:
        """Give it as steering shows it."""
        match = {"method": self.method, "path": self.path, "reference": self.reference}
        shown = {
            "id": self.id,
            "kind": self.kind,
            "match": {name: value for name, value in match.items() if value is not None},
            "times": self.times,
            "probability": self.probability,
            "hits": self.hits,
            "late": self.late,
        }
        for name in ("seconds", "status", "when", "value"):
            if getattr(self, name) is not None:
                shown[name] = getattr(self, name)
        return shown

    def after(self, default: float) -> float:
        """Give the seconds that were asked for, or the default."""
        return default if self.seconds is None else self.seconds

    def fits_path(self, path: str) -> bool:
        """Say whether `path` begins with, or matches from its start, what was asked for."""
        if self.path is None:
            return True
        return path.startswith(self.path) or bool(self.pattern and self.pattern.match(path))


@dataclass(frozen=True, slots=True)
class Lie:
    """Something untrue that was told, by which names it is about; `answer`: the status that a forged webhook got."""

    kind: str
    about: tuple[str, ...]
    answer: int | None = None

    def shown(self) -> dict[str, Any]:
        """Give it as steering shows it."""
        return {"kind": self.kind, "about": self.about, "answer": self.answer}


Aliases = Callable[[Request], Iterable[str]]


class FaultBook:
    """All faults in force, in the order they were asked for."""

    def __init__(self, *, rng: random.Random, kinds: Mapping[str, str], aliases: Aliases) -> None:
        self.kinds = dict(kinds)
        self._rng = rng
        self._aliases = aliases
        self._serial = itertools.count(1)
        self._all: dict[str, Fault] = {}
        self.lies: deque[Lie] = deque(maxlen=LIES)
        """The last ones that were told; they stay when the faults are lifted."""

    def __bool__(self) -> bool:
        return bool(self._all)

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._all.values())

    def add(self, asked: Any) -> Fault:
        """Put a fault in force.

        :raises BadRequest: when what was asked for makes no sense.
        """
        fault = parse(asked, fault_id=f"f{next(self._serial)}", kinds=self.kinds)
        self._all[fault.id] = fault
        return fault

    def get(self, fault_id: str) -> Fault | None:
        """Give a fault that is in force."""
        return self._all.get(fault_id)

    def asked(self, kind: str) -> bool:
        """Say whether any fault of this kind is in force, whatever it matches."""
        return any(fault.kind == kind for fault in self._all.values())

    def remove(self, fault_id: str) -> bool:
        """Lift one fault; False when there is none of that id."""
        return self._all.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Lift all faults."""
        self._all.clear()

    def for_request(self, request: Request) -> list[Fault]:
        """Give what shall happen to this request: any delays, then at most one other thing; count the hits."""
        chosen: list[Fault] = []
        for fault in self._all.values():
            if fault.kind not in REQUEST_KINDS or not self._fits_request(fault, request):
                continue
            if not self._strikes(fault):
                continue
            chosen.append(fault)
            if fault.kind != "delay":
                break
        return chosen

    def take(
        self,
        kind: str,
        *,
        references: Collection[str] = (),
        request: Request | None = None,
        subject: str | None = None,
        by_name: bool = False,
    ) -> Fault | None:
        """Give the first fault of this kind that strikes, and count the hit.

        A `match.reference` must be among `references` (or occur in `request`); `match.path` is compared with
        the request's path or, for webhooks, with `subject`, the event's type; without either it does not count.
        `by_name`: only faults with a reference, which must be among `references`.
        """
        for fault in self._all.values():
            if fault.kind != kind or (by_name and fault.reference not in references):
                continue
            if self._fits(fault, references, request, subject) and self._strikes(fault):
                return fault
        return None

    def falsified(self, request: Request) -> None:
        """Note that the answer to a request was falsified, by all names of what it is about."""
        self.lies.append(Lie("wrong_echo", (request.target, *sorted(self._aliases(request)))))

    def forged(self, references: Iterable[str], *, answer: int | None) -> None:
        """Note what a forged webhook was answered with; None: with nothing."""
        self.lies.append(Lie("webhook_forge", tuple(sorted(references)), answer))

    def _fits(
        self, fault: Fault, references: Collection[str], request: Request | None, subject: str | None
    ) -> bool:
        if subject is not None and not fault.fits_path(subject):
            return False
        if fault.reference is not None and fault.reference in references:
            return True
        if request is not None:
            return self._fits_request(fault, request)
        return fault.reference is None

    def _fits_request(self, fault: Fault, request: Request) -> bool:
        if fault.method is not None and fault.method != request.method:
            return False
        if not fault.fits_path(request.path):
            return False
        wanted = fault.reference
        if wanted is None or wanted in request.target or wanted.encode() in request.body:
            return True
        return wanted in self._aliases(request)

    def _strikes(self, fault: Fault) -> bool:
        if fault.times is not None and fault.hits >= fault.times:
            return False
        if fault.probability < 1.0 and self._rng.random() >= fault.probability:
            return False
        fault.hits += 1
        return True


def parse(asked: Any, *, fault_id: str, kinds: Mapping[str, str]) -> Fault:
    """Make a fault of what was posted.

    :raises BadRequest: naming the field that is wrong.
    """
    if not isinstance(asked, dict):
        raise BadRequest('A fault is an object: {"kind": …, "match": {…}, "times": …}')
    unknown = sorted(set(asked) - _FIELDS)
    if unknown:
        raise BadRequest(f"Unknown field {unknown[0]!r}; known: {', '.join(sorted(_FIELDS))}")
    kind: Any = asked.get("kind")
    if kind not in kinds:
        raise BadRequest(f"Unknown kind {kind!r}; known: {', '.join(sorted(kinds))}")
    match = _match(asked.get("match"))
    _check(asked)
    path = match.get("path")
    return Fault(
        id=fault_id,
        kind=kind,
        method=match["method"].upper() if match.get("method") else None,
        path=path,
        reference=match.get("reference"),
        times=asked.get("times"),
        probability=1.0 if asked.get("probability") is None else float(asked["probability"]),
        seconds=asked.get("seconds"),
        status=asked.get("status"),
        when=asked.get("when"),
        value=asked.get("value"),
        pattern=_pattern(path),
    )


def _match(match: Any) -> dict[str, str]:
    if match is None:
        return {}
    if not isinstance(match, dict) or set(match) - {"method", "path", "reference"}:
        raise BadRequest("`match` is an object with `method`, `path` and `reference`, each optional")
    found = {name: value for name, value in match.items() if value is not None}
    if not all(isinstance(value, str) and value for value in found.values()):
        raise BadRequest("What `match` holds are non-empty texts")
    return found


def _pattern(path: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(path) if path is not None else None
    except re.error as error:
        raise BadRequest(f"`match.path` is neither a prefix nor a regular expression: {error}") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("times", lambda v: _is_whole(v) and v > 0, "a whole number above zero, or null for every time"),
    ("probability", lambda v: _is_number(v) and 0 <= v <= 1, "a number from 0 to 1"),
    ("seconds", lambda v: _is_number(v) and v >= 0, "a number of seconds, not negative"),
    ("status", lambda v: _is_whole(v) and 200 <= v <= 599, "an HTTP status from 200 to 599"),
    ("when", lambda v: v in ("before", "after"), '"before" or "after"'),
)


def _check(asked: dict[str, Any]) -> None:
    for name, holds, what in _RULES:
        if asked.get(name) is not None and not holds(asked[name]):
            raise BadRequest(f"`{name}` must be {what}, not {asked[name]!r}")
