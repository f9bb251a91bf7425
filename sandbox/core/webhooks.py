"""Carries webhooks to their receivers, or loses, doubles, forges, delays and reorders them as steering asks."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from sandbox.core.clock import Clock
from sandbox.core.faults import FaultBook

TIMEOUT_S = 10.0
WORKERS = 4
REMEMBERED = 20
"""So many letters are kept for each address: the oldest of them is replayed."""

Letter = tuple[bytes, dict[str, str]]
"""The body, and the headers that belong to it."""


def is_loopback(url: str) -> bool:
    """Say whether an address is plain http on this machine: the only kind the sandbox ever calls."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
    except ValueError:
        return False


@dataclass(slots=True, kw_only=True)
class Parcel:
    """One event on its way to one address.

    `write(forged)` makes body and headers, each time anew: a forged one is wrongly signed and lies.
    `done(ok)` is told the final outcome, or is told nothing while it is still tried.
    `retries`: seconds of the sandbox's time between tries.
    """

    url: str
    subject: str
    references: Collection[str]
    write: Callable[[bool], Letter]
    done: Callable[[bool], None]
    retries: tuple[float, ...] = ()
    tries: int = 0
    age: int = 0  # how often the courier had forgotten everything when this began
    arrived: asyncio.Future[None] | None = field(default=None, repr=False)


@dataclass(slots=True)
class Visit:
    """One call at the receiver's door."""

    parcel: Parcel
    forged: bool = False
    counts: bool = True
    letter: Letter | None = None
    """What is brought, where it is not written anew."""


class Courier:
    """Delivers to loopback only, a few at once per address, each address over kept connections."""

    def __init__(self, *, clock: Clock, faults: FaultBook) -> None:
        self._clock = clock
        self._faults = faults
        self._queues: dict[str, asyncio.Queue[Visit]] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._kept_back: dict[str, deque[Visit]] = {}
        self._letters: dict[str, deque[Letter]] = {}
        self._age = 0

    def send(self, parcel: Parcel) -> None:
        """Deliver an event, unless a fault has other plans for it."""
        parcel.age = self._age
        hit = self._hits(parcel)
        if hit("webhook_lose"):
            self._settle(parcel, ok=True)
            return
        if hit("webhook_forge"):
            self._post(Visit(parcel, forged=True, counts=False))
        if (old := self._letters.get(parcel.url)) and hit("webhook_replay"):
            self._post(Visit(parcel, counts=False, letter=old[0]))
        if hit("webhook_double"):
            self._post(Visit(parcel, counts=False))
        late = self._faults.take("webhook_late", references=parcel.references, subject=parcel.subject)
        if late is not None:
            asyncio.get_running_loop().call_later(late.after(5.0), self._post, Visit(parcel))
            return
        behind = self._faults.take("webhook_reorder", references=parcel.references, subject=parcel.subject)
        if behind is not None:
            self._keep_back(Visit(parcel), seconds=behind.after(5.0))
            return
        self._post(Visit(parcel))

    def again(self, parcel: Parcel) -> None:
        """Deliver without regard to faults: somebody asked for it to be sent again."""
        parcel.age = self._age
        self._post(Visit(parcel))

    def _hits(self, parcel: Parcel) -> Callable[[str], bool]:
        def hit(kind: str) -> bool:
            return self._faults.take(kind, references=parcel.references, subject=parcel.subject) is not None

        return hit

    def _keep_back(self, visit: Visit, *, seconds: float) -> None:
        self._kept_back.setdefault(visit.parcel.url, deque()).append(visit)
        asyncio.get_running_loop().call_later(seconds, self._let_go, visit)

    def _let_go(self, visit: Visit) -> None:
        waiting = self._kept_back.get(visit.parcel.url)
        if waiting and visit in waiting:
            waiting.remove(visit)
            self._post(visit)

    def _post(self, visit: Visit) -> None:
        url = visit.parcel.url
        if url not in self._queues:
            self._queues[url] = asyncio.Queue()
            loop = asyncio.get_running_loop()
            self._workers.extend(loop.create_task(self._work(url)) for _ in range(WORKERS))
        self._queues[url].put_nowait(visit)

    async def _work(self, url: str) -> None:
        queue, door = self._queues[url], Door(url)
        while True:
            visit = await queue.get()
            if visit.parcel.age != self._age:
                continue
            # Signing costs a millisecond of RSA: beside the loop, which has requests to answer.
            letter = visit.letter
            if letter is None:
                letter = await asyncio.to_thread(visit.parcel.write, visit.forged)
            answer = await door.post(*letter)
            if visit.parcel.age == self._age:
                self._answered(visit, letter, answer)
            waiting = self._kept_back.get(url)
            if waiting and not visit.forged:
                self._post(waiting.popleft())

    def _answered(self, visit: Visit, letter: Letter, answer: int | None) -> None:
        if visit.forged:
            self._faults.forged(visit.parcel.references, answer=answer)
        if visit.counts:
            self._letters.setdefault(visit.parcel.url, deque(maxlen=REMEMBERED)).append(letter)
            self._told(visit.parcel, ok=answer is not None and 200 <= answer < 300)

    def _told(self, parcel: Parcel, *, ok: bool) -> None:
        if ok or parcel.tries >= len(parcel.retries):
            self._settle(parcel, ok=ok)
            return
        wait = parcel.retries[parcel.tries]
        parcel.tries += 1
        self._arrive(parcel)
        self._clock.call_later(wait, lambda: self._post(Visit(parcel)))

    def _settle(self, parcel: Parcel, *, ok: bool) -> None:
        self._arrive(parcel)
        parcel.done(ok)
        self._clock.after_work()

    def _arrive(self, parcel: Parcel) -> None:
        if parcel.arrived is not None and not parcel.arrived.done():
            parcel.arrived.set_result(None)

    def clear(self) -> None:
        """Forget everything that is on its way, late or to be tried again."""
        self._age += 1
        for queue in self._queues.values():
            while not queue.empty():
                queue.get_nowait()
        self._kept_back.clear()
        self._letters.clear()


class Door:
    """A kept connection to one address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._authority = parts.netloc
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, body: bytes, headers: dict[str, str]) -> int | None:
        """Call, and give the answer's status; None where there was no answer."""
        lines = [f"POST {self._target} HTTP/1.1", f"Host: {self._authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
        message = "\r\n".join(lines).encode("latin-1") + body
        fresh = self._pair is None
        status = await self._try(message)
        if status is None and not fresh:  # a kept connection that the other side had closed
            status = await self._try(message)
        return status

    async def _try(self, message: bytes) -> int | None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._exchange(message)
        except (OSError, TimeoutError, EOFError, ValueError, IndexError):
            self._close()
            return None

    async def _exchange(self, message: bytes) -> int:
        if self._pair is None:
            self._pair = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._pair
        writer.write(message)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        length = head.partition("\r\ncontent-length:")[2].partition("\r\n")[0].strip()
        if "\r\nconnection: close" in head or not (length.isdigit() or status == 204):
            self._close()
        elif length.isdigit():
            await reader.readexactly(int(length))
        return status

    def _close(self) -> None:
        if self._pair is not None:
            self._pair[1].close()
            self._pair = None
