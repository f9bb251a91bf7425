"""The promises, asked after every step of a short story: by the tills' own ledgers, and by the invariants' queries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from payouts import methods
from payouts.invariants import running
from payouts.invariants.base import EVERYTHING, statement
from tests.chaos import tills
from tests.chaos.tills import Paid
from tests.stories.books import balances, expected

LATE: Final = frozenset(
    {
        "nothing_is_overdue",
        "poller_is_alive",
        "submitting_under_a_lease",
        "told_is_read_back",
    }
)
"""What tells that nobody worked for a while: in these stories time goes by in leaps, and nobody works in between.

Asked all the same once everybody worked to the end: then not one of them may rightly be late.
"""

Identity = tuple[str, str, str]
"""What makes a payable the same one, even for a database that accrued it anew after a restore."""

_COVERED: Final = """
    SELECT a.provider, a.key, a.units::bigint, a.destination, b.reference, b.purpose, b.source_event
    FROM payouts_attempt a JOIN payouts_payoutline l ON l.payout_id = a.payout_id
    JOIN payouts_payable b ON b.id = l.payable_id"""
_DEBITED: Final = """
    SELECT provider, key, returned_units::bigint FROM payouts_attempt WHERE debited AND provider = ANY(%s)"""
_IDENTITIES: Final = """
    SELECT DISTINCT b.reference, b.purpose, b.source_event FROM payouts_payable b
    LEFT JOIN payouts_payoutline l ON l.payable_id = b.id
    WHERE (l.payout_id = ANY(%s) AND l.released_at IS NULL) OR b.id = ANY(%s)"""

_KNOWN: Final = """
    SELECT provider, key FROM payouts_attempt WHERE state IN ('committed', 'unknown', 'accepted', 'settled')"""
_INCIDENTS: Final = """
    SELECT i.sentence, i.kind, a.provider, a.key
    FROM payouts_incident i LEFT JOIN payouts_attempt a ON a.id = i.attempt_id"""


class Promises:
    """Asks them; what an attempt covered it remembers beyond a restore, as the world does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: psycopg.Connection[Any] | None = None
        self._covers: dict[tuple[str, str], set[Identity]] = defaultdict(set)
        self._sent: dict[tuple[str, str], tuple[int, str]] = {}
        self._allowed: set[tuple[str, str, str]] = set()
        self.is_restored = False

    def allow(self, kind: str, provider: str, key: str) -> None:
        """Expect an incident about a payment, because somebody is about to say what is not so."""
        self._allowed.add((kind, provider, key))

    def broken(self, *, now: datetime, at_rest: bool = True) -> list[str]:
        """Name every promise that is broken just now.

        What the invariants ask of each payout and payee by themselves is added up once more only when `at_rest`.
        """
        self.see()
        return [
            *self._by_the_tills(),
            *self._against_the_tills(),
            *self._by_the_invariants(now, late=False),
            *self._by_incidents(),
            *(self._by_the_books() if at_rest else ()),
        ]

    def late(self, *, now: datetime) -> list[str]:
        """Name what is late just now: to be asked once everybody worked for as long as there was anything to do."""
        return list(self._by_the_invariants(now, late=True))

    def see(self) -> None:
        """Note what every attempt covers, before anything can make us forget it."""
        for provider, key, units, destination, *identity in self._ask(_COVERED):
            self._covers[provider, key].add(tuple(identity))
            self._sent[provider, key] = units, destination

    def is_paid_unknown_to_us(self, *, payouts: Collection[UUID], payables: Collection[UUID]) -> bool:
        """Tell whether any of what these cover has truly been paid, or may still be, and our books do not know."""
        identities = {tuple(row) for row in self._ask(_IDENTITIES, [list(payouts), list(payables)])}
        known = set(self._ask(_KNOWN))
        return any(
            identities & self._covers[name, item.key]
            for name, till in tills.TILLS.items()
            for item in [*till.items, *till.on_their_way]
            if (item.kept or item.is_under_way) and (name, item.key) not in known
        )

    def close(self) -> None:
        """Leave the database."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _ask(self, sql: str, values: Any = None) -> list[tuple[Any, ...]]:
        if self._session is None:
            self._session = psycopg.connect(self._url, autocommit=True, application_name="promises")
            # Always the same few questions of small tables: planning them anew would cost more than all the rest.
            self._session.execute("SET plan_cache_mode = force_generic_plan; SET jit = off")
        return self._session.execute(sql, values, prepare=True).fetchall()

    def _by_the_tills(self) -> Iterator[str]:
        """What really moved: each payable once, as much as was sent, to where it was sent."""
        paid: dict[Identity, list[str]] = defaultdict(list)
        items: Counter[tuple[str, str]] = Counter()
        for name, till in tills.TILLS.items():
            for item in till.items:
                yield from self._one(name, item)
                if not item.kept:
                    continue
                items[name, item.key] += 1
                if items[name, item.key] == 1:
                    for identity in self._covers[name, item.key]:
                        paid[identity].append(f"{name} {item.key}")
        yield from (f"paid {count} times under one key: {key}" for key, count in items.items() if count > 1)
        yield from (f"paid twice: {what} by {keys}" for what, keys in paid.items() if len(keys) > 1)

    def _one(self, name: str, item: Paid) -> Iterator[str]:
        if (name, item.key) not in self._sent:
            yield f"{name} was asked for {item.key}, which is no attempt of ours"
            return
        units, destination = self._sent[name, item.key]
        if item.units != units or item.kept > units:
            yield f"{name} moved {item.units} for {item.key}, which is {units}"
        if name != tills.BY_HAND and methods.echo_fingerprint(name, item.account) != destination:
            yield f"{name} paid {item.account} for {item.key}, which goes to somebody else"

    def _against_the_tills(self) -> Iterator[str]:
        """Our books never say that more left, or came back, than did."""
        known = {(name, item.key): item for name, till in tills.TILLS.items() for item in till.items}
        for name, key, returned in self._ask(_DEBITED, [list(tills.TILLS)]):
            item = known.get((name, key))
            if item is None or not item.debited or item.returned < returned:
                yield f"{name} {key} counts as debited, with {returned} returned, but truly: {item}"

    def _by_the_books(self) -> Iterator[str]:
        """What every account holds follows from the rows."""
        has, wants = balances(), expected()
        for account, currency in sorted(has.keys() | wants.keys()):
            # After a restore, what we do not know any more stands in suspense, against our cash.
            if account.startswith("suspense:") or (self.is_restored and account.startswith("provider_cash:")):
                continue
            ours, theirs = has.get((account, currency), 0), wants.get((account, currency), 0)
            if ours != theirs:
                yield f"{account} holds {ours} {currency}, the rows say {theirs}"

    def _by_the_invariants(self, now: datetime, *, late: bool) -> Iterator[str]:
        sql, values = _together(late=late, now=now)
        for name, subject, detail in self._ask(sql, values):
            yield f"{name}: {subject} {detail}"

    def _by_incidents(self) -> Iterator[str]:
        """Where tills tell the truth, and people do, only a database that forgot has anything to be surprised at."""
        if self.is_restored:
            return
        for sentence, *about in self._ask(_INCIDENTS):
            if tuple(about) not in self._allowed:
                yield f"incident {about[0]}: {sentence}"


def _together(*, late: bool, now: datetime) -> tuple[str, dict[str, Any]]:
    """Write invariants as one question, so that a step costs one round to the database and not one for each."""
    values: dict[str, Any] = {}
    parts = []
    for one in running.all_invariants():
        if (one.name in LATE) is not late:
            continue
        _, its = statement(one, EVERYTHING, now=now)
        assert all(values.get(name, value) == value for name, value in its.items()), "two values of one name"
        values |= its
        parts.append(f"SELECT '{one.name}', subject::text, detail::text FROM ({one.sql}) AS {one.name}")
    return f"WITH {EVERYTHING.sql} {' UNION ALL '.join(parts)}", values
