"""Pages through resources: newest first, by cursor; and searches them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sandbox.core import Request, World
from sandbox.stripe import problems
from sandbox.stripe.params import Params
from sandbox.stripe.showing import Shows, list_of
from sandbox.stripe.store import INDEXED, Data, Record, Store

PAGE = 10
_PAGING = frozenset({"limit", "starting_after", "ending_before", "created", "expand"})
Fits = Callable[[Record], bool]
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda have, asked: have == asked,
    "gt": lambda have, asked: have > asked,
    "gte": lambda have, asked: have >= asked,
    "lt": lambda have, asked: have < asked,
    "lte": lambda have, asked: have <= asked,
}


class Lists:
    """Answers lists and searches."""

    def __init__(self, *, world: World, store: Store, shows: Shows) -> None:
        self._world = world
        self._store = store
        self._shows = shows

    def page(
        self,
        *,
        kind: str,
        account: str,
        params: Params,
        url: str,
        among: Sequence[Record] | None = None,
        fits: Fits | None = None,
    ) -> Data:
        """Give one page. Filters are fields with the same value; `among`: only these, in order of creation.

        :raises Problem: for a cursor that is not there.
        """
        filters = {name: value for name, value in params.items() if name not in _PAGING}
        records = self._narrowed(kind, account, filters) if among is None else among

        def wanted(record: Record) -> bool:
            return (
                record.account == account
                and all(_has(record, name, value) for name, value in filters.items())
                and ("created" not in params or compares(record.data["created"], params["created"]))
                and (fits is None or fits(record))
            )

        limit: int = params.get("limit", PAGE)
        start, stop, backwards = self._bounds(records, kind, params)
        span = range(start, stop) if backwards else range(stop - 1, start - 1, -1)
        found: list[Record] = []
        for at in span:
            if wanted(records[at]):
                found.append(records[at])
                if len(found) > limit:
                    break
        has_more, found = len(found) > limit, found[:limit]
        if backwards:
            found.reverse()
        return list_of([self._shows.show(record) for record in found], url, has_more=has_more)

    def _narrowed(self, kind: str, account: str, filters: dict[str, Any]) -> Sequence[Record]:
        for name in INDEXED.get(kind, ()):
            if name in filters:
                return self._store.where(kind, name, filters[name])
        return self._store.listed(account, kind)

    def _bounds(self, records: Sequence[Record], kind: str, params: Params) -> tuple[int, int, bool]:
        """Give where to look; with `ending_before` the page nearest to the cursor is wanted, so from there on."""
        after, before = params.get("starting_after"), params.get("ending_before")
        if after is not None and before is not None:
            raise problems.invalid(
                "You can only specify one of these parameters: starting_after, ending_before."
            )
        if after is not None:
            return 0, bisect_left(records, self._cursor(kind, after, "starting_after")), False
        if before is not None:
            return bisect_right(records, self._cursor(kind, before, "ending_before")), len(records), True
        return 0, len(records), False

    def _cursor(self, kind: str, identity: str, param: str) -> Record:
        record = self._store.get(identity, kind)
        if record is None:
            raise problems.absent(kind, identity, param=param)
        return record

    def search(self, *, kind: str, account: str, params: Params, request: Request) -> Data:
        """Give what a query finds, as a page of its own kind; what is new may not be found yet.

        :raises Problem: for a query that cannot be read.
        """
        fits = query(params["query"])
        late = self._world.faults.take("search_late", request=request) if self._world.faults else None
        until = self._store.now() - (late.after(60.0) if late is not None else 0.0)
        limit: int = params.get("limit", PAGE)
        records = [
            record
            for record in reversed(self._store.listed(account, kind))
            if record.data["created"] <= until and fits(record)
        ]
        start = _page_start(params.get("page"))
        data = [self._shows.show(record) for record in records[start : start + limit]]
        more = start + limit < len(records)
        return {
            "object": "search_result",
            "data": data,
            "has_more": more,
            "next_page": f"page_{start + limit}" if more else None,
            "url": request.path,
        }


def _has(record: Record, name: str, value: Any) -> bool:
    have = record.data[name] if name in record.data else record.hidden.get(name)
    return bool(have == value)


def compares(have: int, asked: dict[str, int]) -> bool:
    """Say whether a second lies where it was asked for."""
    return all(_COMPARE[how](have, than) for how, than in asked.items())


def _page_start(page: str | None) -> int:
    if page is None:
        return 0
    match = re.fullmatch(r"page_([0-9]{1,9})", page)
    if match is None:
        raise problems.invalid(f"Invalid page: {page}", "page")
    return int(match[1])


# The query language (docs.stripe.com/search, read 2026-11) ------------------------------------------------------


class Clause(NamedTuple):
    """One comparison."""

    negated: bool
    field: str
    key: str | None
    how: str
    value: str


_CLAUSE = re.compile(
    r"""\s*(-?)([a-z_.]+)(?:\[\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')\s*\])?\s*(:|~|>=|<=|>|<)\s*
    (?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(null|-?[0-9]+))\s*""",
    re.VERBOSE,
)
_JOIN = re.compile(r"(AND|OR)\s+", re.IGNORECASE)


def query(text: str) -> Fits:
    """Read a query: clauses joined by AND, or by OR, never both.

    :raises Problem: for anything else.
    """
    clauses: list[Clause] = []
    joins: set[str] = set()
    at = 0
    while True:
        match = _CLAUSE.match(text, at)
        if match is None:
            raise problems.invalid("We were unable to parse your search query.", "query")
        clauses.append(_clause(match))
        at = match.end()
        join = _JOIN.match(text, at)
        if join is not None:
            joins.add(join[1].upper())
            at = join.end()
        elif at == len(text):
            break
        else:
            joins.add("AND")
    if len(joins) > 1:
        raise problems.invalid("AND and OR cannot be combined in a search query.", "query")
    decide: Callable[[Iterable[bool]], bool] = any if joins == {"OR"} else all
    return lambda record: decide(_holds(clause, record) for clause in clauses)


def _clause(match: re.Match[str]) -> Clause:
    minus, name, key_1, key_2, how, text_1, text_2, plain = match.groups()
    if (name == "metadata") is not ((key_1 or key_2) is not None):
        raise problems.invalid(f"Field `{name}` is an unsupported search field.", "query")
    value = next(part for part in (text_1, text_2, plain) if part is not None)
    key = key_1 if key_1 is not None else key_2
    return Clause(minus == "-", name, _unescaped(key) if key is not None else None, how, _unescaped(value))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _holds(clause: Clause, record: Record) -> bool:
    have: Any = record.data.get(clause.field)
    if clause.key is not None:
        have = (have or {}).get(clause.key)
    return _compared(clause, have) is not clause.negated


def _compared(clause: Clause, have: Any) -> bool:
    if clause.value == "null" and clause.how == ":":
        return have is None
    if have is None:
        return False
    if clause.how in (":", "~"):
        mine, asked = str(have).lower(), clause.value.lower()
        return asked in mine if clause.how == "~" else asked == mine
    if not isinstance(have, int) or not clause.value.lstrip("-").isdigit():
        return False
    return _COMPARE[{">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}[clause.how]](have, int(clause.value))
