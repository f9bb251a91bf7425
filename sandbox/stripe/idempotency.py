"""Stripe's keys of idempotent requests: the first status and body are kept and given again, for a day.

docs.stripe.com/api/idempotent_requests, read 2026-11.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from sandbox.core import World
from sandbox.stripe import problems
from sandbox.stripe.params import Params

KEPT_S = 86_400.0
LONGEST = 255


@dataclass(slots=True)
class Saved:
    """What was answered to the first request with a key, which may not be over yet."""

    at: float
    path: str
    digest: str
    request_id: str
    status: int = 0
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    is_over: bool = False


class Keys:
    """All keys of the last day, by account and key; oldest first."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._saved: OrderedDict[tuple[str, str], Saved] = OrderedDict()

    def begin(self, account: str, key: str, *, path: str, params: Params, request_id: str) -> Saved | None:
        """Give what was answered before, or note that a request with this key has begun.

        :raises Problem: for a key that is too long, in use, or was used for something else.
        """
        if len(key) > LONGEST:
            raise problems.invalid(f"Idempotency keys can be up to {LONGEST} characters long.")
        self._prune()
        digest = _digest(params)
        known = self._saved.get((account, key))
        if known is None:
            self._saved[account, key] = Saved(self._world.clock.time(), path, digest, request_id)
            return None
        if known.path != path:
            raise problems.other_endpoint(key, path, known.path)
        if known.digest != digest:
            raise problems.other_parameters(key)
        if not known.is_over:
            raise problems.in_progress(key)
        return known

    def release(self, account: str, key: str) -> None:
        """Forget a request that was refused before its work had begun."""
        self._saved.pop((account, key), None)

    def save(self, account: str, key: str, *, status: int, body: str, headers: dict[str, str]) -> Saved:
        """Keep what is answered, for whoever asks with the same key."""
        saved = self._saved[account, key]
        saved.status, saved.body, saved.headers, saved.is_over = status, body, headers, True
        if self._world.journal.kept:
            fact = [account, key, saved.at, saved.path, saved.digest, saved.request_id, status, body, headers]
            self._world.journal.write("key", fact)
        return saved

    def restore(self, fact: list[Any]) -> None:
        """Take back one answer from the state file."""
        account, key, *rest = fact
        saved = Saved(*rest)
        saved.is_over = True
        self._saved[account, key] = saved

    def _prune(self) -> None:
        """Forget what is older than a day, as Stripe may."""
        until = self._world.clock.time() - KEPT_S
        while self._saved and next(iter(self._saved.values())).at <= until:
            self._saved.popitem(last=False)


def _digest(params: Params) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True).encode()).hexdigest()
