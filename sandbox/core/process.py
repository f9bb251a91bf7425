"""Runs one service, or each in a process of its own, until told to stop."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.core.application import Application
from sandbox.core.clock import Clock
from sandbox.core.faults import KINDS, FaultBook
from sandbox.core.http import Connection
from sandbox.core.journal import Journal
from sandbox.core.ledger import Ledger
from sandbox.core.service import Service, World
from sandbox.core.webhooks import Courier

SERVICES = ("flex", "paypal", "wise", "payoneer", "stripe", "solana", "near", "bank")


class CannotStart(Exception):
    """The service cannot run here; the text says what to do."""


def existing() -> list[str]:
    """Name the services that are there."""
    return [name for name in SERVICES if importlib.util.find_spec(f"sandbox.{name}")]


def service_class(name: str) -> type[Service]:
    """Give the class of a service."""
    found: type[Service] = importlib.import_module(f"sandbox.{name}").SERVICE
    return found


def build(
    kind: type[Service], *, seed: int | None, state: Path | None, webhook_url: str | None
) -> Application:
    """Make a service and its world, with what the state file remembers."""
    rng = random.Random(seed)  # what must not be guessed is made by World.token
    journal = Journal(state)
    facts = list(journal.facts())
    clock = Clock()
    clock.after_work = journal.flush
    kinds = {name: does for name, does in {**KINDS, **kind.kinds}.items() if name not in kind.unsupported}
    faults = FaultBook(rng=rng, kinds=kinds, aliases=lambda request: service.aliases(request))
    world = World(
        service=kind.name,
        rng=rng,
        clock=clock,
        journal=journal,
        ledger=Ledger(clock=clock, journal=journal),
        faults=faults,
        courier=Courier(clock=clock, faults=faults),
        webhook_url=webhook_url,
        seeded=seed is not None,
        secrets={name: value for fact, (name, value) in _only(facts, "secret")},
    )
    service = kind(world)
    for name, fact in facts:
        if name == "ledger":
            world.ledger.restore(fact)
        elif name == "clock":
            clock.offset = fact
        elif name != "secret":
            service.restore(name, fact)
    return Application(service)


def _only(facts: list[tuple[str, Any]], kind: str) -> list[tuple[str, Any]]:
    return [fact for fact in facts if fact[0] == kind]


async def serve(
    kind: type[Service],
    *,
    port: int,
    seed: int | None = None,
    state: Path | None = None,
    webhook_url: str | None = None,
    until: asyncio.Event,
    announce: Callable[[dict[str, Any]], None],
) -> None:
    """Serve until `until` is set; `announce` gets the first line once the port is open.

    :raises CannotStart: when the port or the state file cannot be opened.
    """
    loop = asyncio.get_running_loop()
    # Almost nothing here ever becomes garbage: looking for it among millions of payments would only cost pauses.
    gc.set_threshold(100_000, 50, 100)
    try:
        app = build(kind, seed=seed, state=state, webhook_url=webhook_url)
        app.world.journal.open()
    except (OSError, ValueError) as error:
        raise CannotStart(
            f"Cannot use the state file {state}: {error}. Choose another with --state."
        ) from error
    live: set[Connection] = set()
    server = await _listen(lambda: Connection(handle=app.handle, live=live), port)
    world = app.world
    world.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    credentials = app.service.credentials()
    app.service.start()
    world.journal.flush()
    world.clock.start(loop)
    announce({"service": kind.name, "url": world.url, "credentials": credentials})
    await until.wait()
    server.close()
    for connection in list(live):
        connection.drop()
    world.journal.flush()


async def _listen(protocol: Callable[[], Connection], port: int) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port, backlog=512)
    except (OSError, OverflowError) as error:
        raise CannotStart(f"Cannot open port {port}: {error}. Choose another with --port.") from error


def print_line(line: dict[str, Any]) -> None:
    """Print one JSON line at once."""
    # In one piece: several services share a stdout, and print writes the end of the line by itself.
    os.write(sys.stdout.fileno(), f"{json.dumps(line)}\n".encode())


def stop_event(*, with_parent: bool) -> asyncio.Event:
    """Give the event that SIGTERM, SIGINT or (if asked for) the parent's death sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if with_parent:
        # Asked for twice a second: PR_SET_PDEATHSIG would fire when the parent's *thread* ends.
        parent = os.getppid()

        def look() -> None:
            if os.getppid() != parent:
                stop.set()
            loop.call_later(0.5, look)

        look()
    return stop


async def run_one(
    name: str,
    *,
    port: int | None,
    seed: int | None,
    state: Path | None,
    webhook_url: str | None,
    with_parent: bool,
) -> None:
    """Run one service in this process."""
    kind = service_class(name)
    await serve(
        kind,
        port=kind.port if port is None else port,
        seed=seed,
        state=state,
        webhook_url=webhook_url,
        until=stop_event(with_parent=with_parent),
        announce=print_line,
    )


async def run_all(*, random_ports: bool, seed: int | None, state: Path | None, with_parent: bool) -> int:
    """Run every service, each in its own process; when one dies all stop. Each has a state file of its own."""
    stop = stop_event(with_parent=with_parent)
    children = []
    for name in existing():
        words = [sys.executable, "-m", "sandbox", name, "--with-parent"]
        words += ["--port", "0"] if random_ports else []
        words += ["--seed", str(seed)] if seed is not None else []
        words += ["--state", f"{state}.{name}"] if state is not None else []
        children.append(await asyncio.create_subprocess_exec(*words, start_new_session=True))
    deaths = [asyncio.ensure_future(child.wait()) for child in children]
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait([*deaths, stopped], return_when=asyncio.FIRST_COMPLETED)
    for child in children:
        if child.returncode is None:
            child.terminate()
    await asyncio.wait(deaths, timeout=5)
    stopped.cancel()
    return 0 if stop.is_set() else 1
