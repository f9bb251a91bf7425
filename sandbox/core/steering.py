"""The doors below /_sandbox/: how tests and the demo steer a service, and read what truly happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sandbox.core.http import BadRequest, Request, Response
from sandbox.core.routing import Route

if TYPE_CHECKING:
    from sandbox.core.application import Application


def fields_of(request: Request, **wanted: type) -> list[Any]:
    """Read the named fields of a JSON object, each of the wanted type and none besides.

    :raises BadRequest: naming the field that is missing, unknown, or of another type.
    """
    value = request.json()
    if not isinstance(value, dict):
        raise BadRequest(f"Send a JSON object with {', '.join(wanted)}")
    unknown = sorted(set(value) - set(wanted))
    if unknown:
        raise BadRequest(f"Unknown field {unknown[0]!r}; known: {', '.join(wanted)}")
    for name, kind in wanted.items():
        good = isinstance(value.get(name), (int, float) if kind is float else kind)
        if not good or isinstance(value[name], bool) is not (kind is bool):
            raise BadRequest(f"`{name}` must be of type {kind.__name__}")
    return [value[name] for name in wanted]


def whole(request: Request, name: str) -> int | None:
    """Read a query parameter that is a whole number, not negative; None when it is absent.

    :raises BadRequest: when it is something else.
    """
    text = request.arg(name)
    if text is None:
        return None
    if not _is_whole(text):
        raise BadRequest(f"`{name}` must be a whole number, not {text!r}")
    return int(text)


def _is_whole(text: str) -> bool:
    # Other scripts have digits, too, and some of them are no number.
    return text.isascii() and text.isdecimal()


class Steering:
    """The common steering routes of every service."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._world = app.world

    def routes(self) -> Iterable[Route]:
        """Give all routes."""
        doors: tuple[tuple[str, str, Callable[[Request], Response]], ...] = (
            ("GET", "kinds", self.kinds),
            ("GET", "faults", self.list_faults),
            ("POST", "faults", self.add_fault),
            ("DELETE", "faults", self.clear_faults),
            ("DELETE", "faults/{id}", self.remove_fault),
            ("POST", "reset", self.reset),
            ("GET", "clock", self.show_clock),
            ("POST", "clock", self.advance),
            ("POST", "funds", self.funds),
            ("POST", "fate", self.fate),
            ("GET", "requests", self.requests),
            ("GET", "lies", self.lies),
            ("GET", "ledger", self.ledger),
        )
        return [Route(method, f"/_sandbox/{path}", handler) for method, path, handler in doors]

    def kinds(self, request: Request) -> Response:
        """List the fault kinds of this service."""
        return Response.of(
            {"kinds": [{"kind": kind, "does": does} for kind, does in self._world.faults.kinds.items()]}
        )

    def list_faults(self, request: Request) -> Response:
        """List the faults in force, with their hits."""
        return Response.of({"faults": [fault.shown() for fault in self._world.faults]})

    def add_fault(self, request: Request) -> Response:
        """Put a fault in force."""
        return Response.of({"id": self._world.faults.add(request.json()).id}, status=201)

    def clear_faults(self, request: Request) -> Response:
        """Lift all faults."""
        self._world.faults.clear()
        return Response(204)

    def remove_fault(self, request: Request) -> Response:
        """Lift one fault."""
        if not self._world.faults.remove(request.params["id"]):
            return Response.of({"error": f"There is no fault {request.params['id']!r}"}, status=404)
        return Response(204)

    def reset(self, request: Request) -> Response:
        """Bring the service back to how it was when it started for the first time."""
        self._app.reset()
        return Response(204)

    def show_clock(self, request: Request) -> Response:
        """Show the sandbox's time."""
        clock = self._world.clock
        return Response.of({"now": clock.now().isoformat(), "offset_s": clock.offset})

    def advance(self, request: Request) -> Response:
        """Move the clock forward, and do all that becomes due."""
        (seconds,) = fields_of(request, advance_s=float)
        if not 0 <= seconds <= 10 * 366 * 86_400:
            raise BadRequest("`advance_s` goes forward, and at most ten years")
        self._world.clock.advance(seconds)
        self._world.journal.write("clock", self._world.clock.offset)
        return self.show_clock(request)

    def funds(self, request: Request) -> Response:
        """Set what the account holds in one currency; `units` may be a number or a text of digits."""
        asked = request.json()
        if isinstance(asked, dict) and isinstance(asked.get("units"), str) and _is_whole(asked["units"]):
            asked["units"] = int(asked["units"])
        currency, units = fields_of(request, currency=str, units=int)
        if units < 0:
            raise BadRequest("`units` must not be negative")
        self._app.service.set_funds(currency=currency, units=units)
        return Response.of({"currency": currency, "units": str(units)})

    def fate(self, request: Request) -> Response:
        """Decide what becomes of a payment, now or when it comes."""
        reference, status = fields_of(request, reference=str, status=str)
        return Response.of({"changed": self._app.service.set_fate(reference=reference, status=status)})

    def requests(self, request: Request) -> Response:
        """List what was asked of the service, oldest first; filter by `path`, `method`, `reference`, `limit`."""
        found = self._app.log.find(
            path=request.arg("path"),
            method=request.arg("method"),
            reference=request.arg("reference"),
            limit=whole(request, "limit"),
        )
        return Response.of({"requests": found, "total": self._app.log.total})

    def lies(self, request: Request) -> Response:
        """List the falsified answers and the forged webhooks, oldest first, and what the latter were answered with."""
        return Response.of({"lies": [lie.shown() for lie in self._world.faults.lies]})

    def ledger(self, request: Request) -> Response:
        """Show the money that moved; `after` (a number n) and `limit` page, `reference` filters."""
        entries = self._world.ledger.entries[whole(request, "after") or 0 :]
        reference = request.arg("reference")
        if reference is not None:
            entries = [
                entry for entry in entries if reference in (entry.reference, entry.key, entry.destination)
            ]
        entries = entries[: whole(request, "limit")]
        return Response.of(
            {"entries": [entry.shown() for entry in entries], "totals": self._world.ledger.totals()}
        )
