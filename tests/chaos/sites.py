"""Where the stages commit or call the world, read from their source; and which crash points stand next to it.

Three kinds of sites are looked for in a module:

- a **block**, `with transaction.atomic()`: its last statement and the one that follows it must be crash points, so
  that a function which is one as a whole, by `@transaction.atomic`, is always found at fault;
- a **write** outside of any transaction, which commits by itself: a crash point must follow before the next site, in
  the function itself or, after its last one, in whoever calls it;
- a **call** of the world (a provider, Sharetribe, a mail server): a crash point on either side, with no site between.

Whether a function runs within a transaction follows from who calls it, as far as names tell.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.conf import settings

from payouts import schedules

ROOT: Final = Path(__file__).resolve().parents[2]

_BLOCK: Final = "transaction.atomic"
_WRITES_SQL: Final = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\b")
_PROVIDER: Final = frozenset(
    {"transmit", "find", "fetch", "fetch_item", "cancel", "read_webhook", "balances", "statement", "check"}
)
_CREATES: Final = frozenset({"create", "get_or_create", "update_or_create", "bulk_create", "bulk_update"})
_ROWSETS: Final = frozenset({"rowsets.insert", "rowsets.update"})
_ACTS: Final = "payouts.acts."
"""What two people decide: only a registry names these functions, and a request runs them in its transaction."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a function does, in the order of its lines."""

    kind: str
    """point, block, write or call"""
    line: int
    name: str
    """Of a point its name, of anything else what is called."""
    is_guarded: bool = False
    """Of a block: whether it ends with a point."""


@dataclass(slots=True)
class Function:
    """One function of the product."""

    module: str
    name: str
    events: list[Event] = field(default_factory=list)
    """Those outside of its own transactions."""
    calls: list[tuple[str, bool, int]] = field(default_factory=list)
    """Whom it calls or names, whether within a transaction of its own, and where."""

    @property
    def full(self) -> str:
        """Its name with its module's."""
        return f"{self.module}.{self.name}"


class _Reader(ast.NodeVisitor):
    """Reads one function."""

    def __init__(self, function: Function, names: dict[str, str]) -> None:
        self._function, self._names = function, names
        self._depth = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if any(_dotted(one) == _BLOCK for one in node.decorator_list):
            self._read_block(node)
            return
        for statement in node.body:
            self.visit(statement)

    def visit_With(self, node: ast.With) -> None:
        if any(_dotted(item.context_expr) == _BLOCK for item in node.items):
            self._read_block(node)
            return
        self.generic_visit(node)

    def _read_block(self, node: ast.With | ast.FunctionDef) -> None:
        if not self._depth:
            self._add("block", node.end_lineno or 0, _BLOCK, is_guarded=_is_point(node.body[-1]))
        self._depth += 1
        for statement in node.body:
            self.visit(statement)
        self._depth -= 1

    def visit_Call(self, node: ast.Call) -> None:
        name = _dotted(node.func)
        line = node.end_lineno or node.lineno
        if name == "crash_point":
            if not self._depth:
                self._add("point", line, str(ast.literal_eval(node.args[0])))
        elif not self._depth and _is_world(node, name):
            self._add("call", line, name)
        elif not self._depth and _is_write(node, name):
            self._add("write", line, name)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._name(node.id, node.lineno)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._name(_dotted(node), node.lineno)
        self.generic_visit(node)

    def _name(self, name: str, line: int) -> None:
        first, _, rest = name.partition(".")
        if first in self._names:
            full = self._names[first] + (f".{rest}" if rest else "")
            self._function.calls.append((full, self._depth > 0, line))

    def _add(self, kind: str, line: int, name: str, *, is_guarded: bool = False) -> None:
        self._function.events.append(Event(kind, line, name, is_guarded))


def _dotted(node: ast.AST) -> str:
    """Write what is called as text; calls in between are left out."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{_dotted(node.value)}.{node.attr}"
        case ast.Call():
            return _dotted(node.func)
        case _:
            return "?"


def _is_point(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and _dotted(statement.value) == "crash_point"


def _is_world(node: ast.Call, name: str) -> bool:
    *owner, last = name.split(".")
    if last in _PROVIDER and owner and owner[-1] in ("provider", "_provider"):
        return True
    # Sharetribe's client, however it was come by; in the write-back one of its methods, handed in.
    if owner and owner[-1] == "client" and isinstance(node.func, ast.Attribute):
        return True
    return name in ("function", "requests.post", "mail.send", "EmailMessage.send")


def _is_write(node: ast.Call, name: str) -> bool:
    *owner, last = name.split(".")
    if name in _ROWSETS:
        return True
    if last in _CREATES:
        return "objects" in owner
    if last in ("save", "delete"):
        return bool(owner) and not node.args
    if last == "update":
        return bool(owner and node.keywords) and not node.args
    if last == "execute" and node.args:
        return any(
            isinstance(part, ast.Constant) and isinstance(part.value, str) and _WRITES_SQL.search(part.value)
            for part in ast.walk(node.args[0])
        )
    return False


def sources(packages: Iterable[str] = ("accounts", "payments", "payouts", "flexsync")) -> dict[str, str]:
    """This will give the source of every module of the product."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text()
        for package in packages
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
    }


def read(modules: Mapping[str, str]) -> dict[str, Function]:
    """This will read every function of these sources, by its full name."""
    found = {}
    for module, source in modules.items():
        tree = ast.parse(source)
        names = _names_in(tree, module)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                function = Function(module, node.name)
                _Reader(function, names).visit(node)
                function.events.sort(key=lambda one: one.line)
                found[function.full] = function
    return found


def _names_in(tree: ast.Module, module: str) -> dict[str, str]:
    """What the names in a module stand for."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names[node.name] = f"{module}.{node.name}"
        elif isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                names[one.asname or one.name] = f"{node.module}.{one.name}"
    return names


def outside_transactions(functions: dict[str, Function]) -> set[str]:
    """This will name the functions that may run while no transaction is open: somebody calls them so, or nobody."""
    callers: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for function in functions.values():
        for called, is_within, _ in function.calls:
            if called in functions and called != function.full:
                callers[called].append((function.full, is_within))
    outside = {name for name in functions if not callers[name] and not name.startswith(_ACTS)}
    while True:
        more = {
            name
            for name, found in callers.items()
            if name not in outside and any(not is_within and who in outside for who, is_within in found)
        }
        if not more:
            return outside
        outside |= more


def unguarded(module: str, functions: dict[str, Function]) -> Iterator[tuple[str, str]]:
    """This will give (function, what is wrong) for each site of a module without its crash points."""
    outside = outside_transactions(functions)
    writers = _bare_writers(functions)
    called = {name for one in functions.values() for name, _, _ in one.calls if name != one.full}
    for function in functions.values():
        if function.module == module and function.full in outside:
            events = _with_called(function, writers)
            if function.full in called and events and events[-1].kind == "write":
                events.pop()  # looked at in whoever calls it
            for sentence in _missing(events):
                yield function.full, sentence


def _bare_writers(functions: dict[str, Function]) -> set[str]:
    """Whose last deed is a write without a transaction or a crash point: calling them is as good as writing."""
    writers = set(EXCUSED_WRITERS)
    while True:
        more = {
            name
            for name, one in functions.items()
            if name not in writers and (events := _with_called(one, writers)) and events[-1].kind == "write"
        }
        if not more:
            return writers - set(EXCUSED_WRITERS)
        writers |= more


def _with_called(function: Function, writers: set[str]) -> list[Event]:
    """What a function does itself and, where it calls a writer outside of its transactions, what that comes to."""
    writes = [
        Event("write", line, called)
        for called, is_within, line in function.calls
        if called in writers and called not in EXCUSED_WRITERS and not is_within
    ]
    return sorted([*function.events, *writes], key=lambda one: one.line)


def _missing(events: list[Event]) -> Iterator[str]:
    for before, event, after in zip([None, *events], events, [*events[1:], None], strict=False):
        if event.kind == "block" and not event.is_guarded:
            yield f"line {event.line}: the transaction does not end with a crash point"
        if event.kind == "call" and (before is None or before.kind != "point"):
            yield f"line {event.line}: no crash point comes before the call {event.name}"
        if event.kind != "point" and (after is None or after.kind != "point"):
            yield f"line {event.line}: no crash point follows {_FOLLOWS[event.kind].format(event.name)}"


_FOLLOWS: Final = {"block": "the commit", "write": "{}, which commits by itself", "call": "the call {}"}


EXCUSED_WRITERS: Final = {
    "flexsync.calls.flush": "It counts calls for an estimate of their cost.",
    "accounts.purging._drop_full_buckets": "A bucket that is full is as good as none.",
    "accounts.purging._older": "What is too old is found again by the next.",
    "payouts.heartbeats.beat": "It says that somebody is alive; nothing else follows from it.",
    "payouts.heartbeats.drop": "It takes such a sign away.",
    "payouts.subscriptions.purging.purge": "What is too old is found again by the next.",
    "flexsync.poller._beat": "It says that the poller is alive.",
    "flexsync.poller._cursor": "It makes a cursor that stands at the beginning.",
    "flexsync.poller._note_success": "It says after how many seconds to look again.",
    "flexsync.poller._note_failure": "It says what failed, and after how many seconds to look again.",
    "flexsync.identity._learn": "The first call of all learns the marketplace; nothing is there to be paid yet.",
    "flexsync.identity.confirm": "It writes where the marketplace's name or our client's id changed.",
}
"""Whose writes decide nothing, so that dying beside them is dying at the point before."""

COMMANDS: Final = ("payouts.restore.after_restore", "flexsync.restoring.find_strangers")
"""What engineers begin, and must be able to begin again."""


def starts() -> list[str]:
    """This will name the functions with which work begins: stages, handlers, what comes round, and commands."""
    planned = [one.func for one in schedules.PLAN]
    return [*settings.STAGES.values(), *settings.OUTBOX_HANDLERS.values(), *planned, *COMMANDS]


def modules(functions: Mapping[str, Function], begun: Iterable[str]) -> list[str]:
    """This will name every module in which work that begins with these functions comes to a function."""
    reached: set[str] = set()
    ahead = {name for name in begun if name in functions}
    while ahead:
        reached |= ahead
        called = {one for name in ahead for one, _, _ in functions[name].calls}
        ahead = (called & functions.keys()) - reached
    return sorted({functions[name].module for name in reached})


def points_used() -> dict[str, list[str]]:
    """This will give where each crash point stands: name → places."""
    used: dict[str, list[str]] = defaultdict(list)
    for package in ("payouts", "flexsync", "accounts", "payments", "marketplace_payouts"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _dotted(node.func) == "crash_point":
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    used[str(ast.literal_eval(node.args[0]))].append(place)
    return dict(used)
