"""What a service is to the core, and the world it lives in."""

from __future__ import annotations

import os
import random
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sandbox.core.clock import Clock
from sandbox.core.faults import FaultBook
from sandbox.core.http import Request, Response
from sandbox.core.journal import Journal
from sandbox.core.ledger import Ledger
from sandbox.core.routing import Route
from sandbox.core.webhooks import Courier


@dataclass(slots=True, kw_only=True)
class World:
    """Everything a service shares with the core. `url` is the service's own origin, set before `start`."""

    service: str
    rng: random.Random
    clock: Clock
    journal: Journal
    ledger: Ledger
    faults: FaultBook
    courier: Courier
    webhook_url: str | None
    seeded: bool
    url: str = ""
    secrets: dict[str, str]

    def credential(self, name: str, make: Callable[[], str] | None = None) -> str:
        """Give a credential: from `SANDBOX_<SERVICE>_<NAME>`, else the state file's, else a new one.

        `make`: how a new one is made, else 40 random hexadecimal digits.
        """
        given = os.environ.get(f"SANDBOX_{self.service.upper()}_{name.upper()}")
        if given:
            return given
        if name not in self.secrets:
            self.secrets[name] = make() if make else self.token(20)
            self.journal.write("secret", [name, self.secrets[name]])
        return self.secrets[name]

    def token(self, size: int) -> str:
        """Give so many random bytes in hexadecimal: repeatable with --seed, unguessable without."""
        return self.rng.randbytes(size).hex() if self.seeded else secrets.token_hex(size)


class Service:
    """A service of the sandbox; everything runs on one thread, so handlers need no locks."""

    name: ClassVar[str]
    port: ClassVar[int]
    kinds: ClassVar[Mapping[str, str]] = {}
    """Fault kinds of its own: name → what it does."""
    unsupported: ClassVar[frozenset[str]] = frozenset()
    """Common kinds that mean nothing here; asking for one is refused."""

    def __init__(self, world: World) -> None:
        self.world = world

    def credentials(self) -> dict[str, str]:
        """Give what the first line on stdout shows."""
        raise NotImplementedError

    def routes(self) -> Iterable[Route]:
        """Give the routes of the service itself."""
        raise NotImplementedError

    def steering(self) -> Iterable[Route]:
        """Give further routes below /_sandbox/, never touched by faults."""
        return ()

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact from the state file, as written by `world.journal.write(kind, fact)`."""

    def start(self) -> None:
        """Begin background work (`world.clock.call_later`); all facts are restored, `world.url` is known."""

    def reset(self) -> None:
        """Forget everything but the credentials; background work that hangs on the clock is gone already."""
        raise NotImplementedError

    def error(self, request: Request, *, status: int, why: str) -> Response:
        """Give an error in the service's own form (not found, faults)."""
        return Response.of({"error": why}, status=status)

    def rate_limited(self, request: Request, *, seconds: float) -> Response:
        """Give the service's 429."""
        response = self.error(request, status=429, why="Too many requests")
        response.headers = {**(response.headers or {}), "Retry-After": str(max(1, round(seconds)))}
        return response

    def falsify(self, request: Request, response: Response) -> Response:
        """Give an answer that says something else than what was done (`wrong_echo`)."""
        return response

    def aliases(self, request: Request) -> Iterable[str]:
        """Give names of what the request is about that its path and body do not spell out."""
        return ()

    def set_fate(self, *, reference: str, status: str) -> int:
        """Decide what becomes of `reference`, known already or still to come; give how many it changed at once.

        :raises BadRequest: when the service knows no such status.
        """
        raise NotImplementedError

    def set_funds(self, *, currency: str, units: int) -> None:
        """Set what the account holds, in whole smallest units.

        :raises BadRequest: when the service does not know the currency.
        """
        raise NotImplementedError
