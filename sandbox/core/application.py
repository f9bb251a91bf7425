"""One service behind one port: finds the handler, misbehaves where steering asks, keeps a log of requests."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox.core.faults import Fault
from sandbox.core.http import BadRequest, Connection, Request, Response
from sandbox.core.routing import Router
from sandbox.core.service import Service
from sandbox.core.steering import Steering

LOG_LENGTH = 20_000
LOG_BYTES = 64 * 1024 * 1024
EARLY_S = 10.0
HTML = (
    b"<html>\r\n<head><title>Bad Gateway</title></head>\r\n"
    b"<body><center><h1>Bad Gateway</h1></center></body>\r\n</html>\r\n"
)


class Logged:
    """One request in the log; `outcome` is the status, or what a fault did instead of answering."""

    __slots__ = ("at", "body", "headers", "method", "n", "outcome", "target")

    def __init__(self, n: int, at: float, request: Request) -> None:
        self.n = n
        self.at = at
        self.method = request.method
        self.target = request.target
        self.headers = request.headers
        self.body = request.body
        self.outcome: int | str | None = None

    def shown(self) -> dict[str, Any]:
        """Give it as steering shows it, without what authenticates."""
        headers = {name: value for name, value in self.headers.items() if name != "authorization"}
        return {
            "n": self.n,
            "at": datetime.fromtimestamp(self.at, UTC).isoformat(),
            "method": self.method,
            "target": self.target,
            "headers": headers,
            "body": self.body.decode("utf-8", "replace"),
            "outcome": self.outcome,
        }


class RequestLog:
    """The last requests: so many, and so many bytes of bodies, however long the service runs."""

    def __init__(self) -> None:
        self._entries: deque[Logged] = deque()
        self._bytes = 0
        self.total = 0

    def add(self, at: float, request: Request) -> Logged:
        """Note a request."""
        self.total += 1
        entry = Logged(self.total, at, request)
        self._entries.append(entry)
        self._bytes += len(entry.body)
        while self._bytes > LOG_BYTES or len(self._entries) > LOG_LENGTH:
            self._bytes -= len(self._entries.popleft().body)
        return entry

    def find(
        self, *, path: str | None, method: str | None, reference: str | None, limit: int | None
    ) -> list[dict[str, Any]]:
        """Give those that fit, oldest first; with `limit`, the last so many."""
        found = [
            entry
            for entry in self._entries
            if (path is None or entry.target.startswith(path))
            and (method is None or entry.method == method)
            and (reference is None or reference in entry.target or reference.encode() in entry.body)
        ]
        return [
            entry.shown()
            for entry in (found if limit is None else found[len(found) - min(limit, len(found)) :])
        ]

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()
        self._bytes = 0
        self.total = 0


class Application:
    """What the connections hand their requests to."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.world = service.world
        self.log = RequestLog()
        self._resets = 0
        self._router = Router(service.routes())
        self._doors = Router([*Steering(self).routes(), *service.steering()])

    def handle(self, request: Request, connection: Connection) -> None:
        """Answer a request, or do to it what a fault demands."""
        if request.path.startswith("/_sandbox/"):
            connection.answer(self._steer(request))
            return
        entry = self.log.add(self.world.clock.time(), request)
        if not self.world.faults:
            self._answer(request, connection, entry)
            return
        self._suffer(self.world.faults.for_request(request), request, connection, entry)

    def reset(self) -> None:
        """Forget everything but the credentials."""
        self._resets += 1
        world = self.world
        world.faults.clear()
        world.faults.lies.clear()
        world.courier.clear()
        world.clock.clear()
        world.ledger.clear()
        world.journal.clear()
        self.log.clear()
        for name, value in world.secrets.items():
            world.journal.write("secret", [name, value])
        self.service.reset()

    def work(self, request: Request) -> Response:
        """Have the service do what was asked; its facts are on file when this returns."""
        handler = self._router.find(request)
        try:
            if handler is None:
                response = self.service.error(request, status=404, why="There is no such door here")
            else:
                response = handler(request)
        except BadRequest as error:
            response = self.service.error(request, status=400, why=str(error))
        except Exception:  # noqa: BLE001 - a mistake in a service must be seen as its 500, not as a hang
            traceback.print_exc(file=sys.stderr)
            response = self.service.error(request, status=500, why="The sandbox itself failed")
        self.world.journal.flush()
        return response

    def _steer(self, request: Request) -> Response:
        handler = self._doors.find(request)
        if handler is None:
            return Response.of({"error": f"No steering at {request.method} {request.path}"}, status=404)
        try:
            response = handler(request)
        except BadRequest as error:
            response = Response.of({"error": str(error)}, status=400)
        except NotImplementedError:
            response = Response.of({"error": f"{self.service.name} has no such steering"}, status=400)
        except Exception as error:  # noqa: BLE001 - whoever steers must see it, rather than a closed connection
            traceback.print_exc(file=sys.stderr)
            response = Response.of({"error": f"The sandbox itself failed: {error!r}"}, status=500)
        self.world.journal.flush()
        return response

    def _answer(self, request: Request, connection: Connection, entry: Logged) -> None:
        response = self.work(request)
        entry.outcome = response.status
        self._send(response, connection)

    def _send(self, response: Response, connection: Connection) -> None:
        if not response.wait_for:
            connection.answer(response)
            return
        waiting = asyncio.ensure_future(asyncio.wait(response.wait_for, timeout=EARLY_S))
        waiting.add_done_callback(lambda _: connection.answer(response))

    def _suffer(self, faults: list[Fault], request: Request, connection: Connection, entry: Logged) -> None:
        """Do the work as the faults prescribe: delays first, then what the last one says."""
        before = sum(f.after(1.0) for f in faults if f.kind == "delay" and f.when != "after")
        after = sum(f.after(1.0) for f in faults if f.kind == "delay" and f.when == "after")
        last = faults[-1] if faults and faults[-1].kind != "delay" else None
        late, last = (last, None) if last is not None and last.kind == "accept_late" else (None, last)
        resets = self._resets

        def finish() -> None:
            if self._resets != resets:  # what was asked in a former life must not happen in this one
                connection.drop()
                return
            for fault in faults:
                fault.late += connection.closed
            self._misbehave(last, request, connection, entry, after)

        # The work is done even if the client has gone meanwhile.
        if late is not None:
            self.world.clock.call_later(before + late.after(60.0), finish)
        elif before:
            asyncio.get_running_loop().call_later(before, finish)
        else:
            finish()

    def _misbehave(
        self, fault: Fault | None, request: Request, connection: Connection, entry: Logged, delay: float
    ) -> None:
        if fault is not None and _without_work(fault):
            entry.outcome = fault.kind
            self._close(fault, self._spoil(fault, request, None), connection, delay)
            return
        response = self.work(request)
        if fault is None:
            entry.outcome = response.status
            _later(delay, lambda: self._send(response, connection))
            return
        entry.outcome = fault.kind
        if fault.kind == "truncated_body":
            _later(delay, lambda: connection.answer_in_part(response))
        else:
            self._close(fault, self._spoil(fault, request, response), connection, delay)

    def _close(self, fault: Fault, answer: Response | None, connection: Connection, delay: float) -> None:
        """Answer what the fault wants to be seen, or close after as long as it wants to hang."""
        if answer is not None:
            _later(delay, lambda: self._send(answer, connection))
        else:
            _later(delay + (fault.after(3600.0) if fault.kind == "hang" else 0.0), connection.drop)

    def _spoil(self, fault: Fault, request: Request, response: Response | None) -> Response | None:
        """Give what the client gets to see instead of the true answer; None for nothing at all."""
        match fault.kind:
            case "error_before" | "error_after":
                return self.service.error(request, status=fault.status or 500, why="Steered to fail")
            case "rate_limit":
                return self.service.rate_limited(request, seconds=fault.after(1.0))
            case "html_body":
                return Response(fault.status or 502, HTML, content_type="text/html")
            case "wrong_echo":
                return self._falsify(request, response)
        return None

    def _falsify(self, request: Request, response: Response | None) -> Response | None:
        if response is None:
            return None
        self.world.faults.falsified(request)
        return self.service.falsify(request, response)


def _without_work(fault: Fault) -> bool:
    if fault.kind in ("drop_before", "error_before", "rate_limit"):
        return True
    return (fault.kind == "hang" and fault.when != "after") or (
        fault.kind == "html_body" and fault.when == "before"
    )


def _later(seconds: float, work: Callable[[], object]) -> None:
    if seconds:
        asyncio.get_running_loop().call_later(seconds, work)
    else:
        work()
