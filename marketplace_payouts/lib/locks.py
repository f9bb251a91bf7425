"""The send lock: a session advisory lock on a connection of its own, held from before a call until after it.

While the session lives, no other process can take the lock, so nobody else sends under the same key. The session
ends when its process dies; it may also end while the process lives on, because the server was stopped or lost a
backend, or an administrator or the network ended the session, and then the lock being free proves nothing. `sender`
says in which life of the server and by which process it was taken, so that this can be told apart where the process
can be seen; where it cannot, its end counts as unproven.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from django.db import connection


class LockTaken(Exception):
    """Another session holds the lock: it may be sending right now."""


class LockLost(Exception):
    """The session that held the lock is gone, so nothing may be transmitted under it."""


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


# A backend that crashes ends all sessions without a new start of the server; its statistics then begin anew.
LIFE = """
    extract(epoch FROM pg_postmaster_start_time()) || '-'
    || coalesce((SELECT extract(epoch FROM stats_reset) FROM pg_stat_bgwriter), 0)
"""

_inside: set[str] = set()
"""The senders of this very process that are not through yet."""


def server_life() -> str:
    """This will name the time for which the database server has kept every session that did not end by itself."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {LIFE}")
        return str(cursor.fetchone()[0])


def _process(pid: int) -> str:
    """Name a process for ever, among all that this machine shows us; nothing where it is gone or cannot be seen."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # The name of the program, in brackets, may itself hold brackets and blanks.
        born = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}:{pid}:{born}"
    except (OSError, IndexError):
        return ""


class SendLock:
    """The lock of one batch, to be used as a context.

    :raises LockTaken: on entering, when another session holds it.
    """

    def __init__(self, name: str) -> None:
        self._name, self._key = name, _number(name)
        self._session: psycopg.Connection[Any] | None = None
        self.sender = ""

    def __enter__(self) -> Self:
        self._session = _connect()
        row = self._session.execute(
            f"SELECT pg_try_advisory_lock(%s), pg_backend_pid(), {LIFE}",
            [self._key],
        ).fetchone()
        assert row is not None
        if not row[0]:
            self._session.close()
            raise LockTaken(self._name)
        self.sender = f"{row[1]}/{row[2]}/{_process(os.getpid())}"
        _inside.add(self.sender)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _inside.discard(self.sender)
        if self._session is not None:
            self._session.close()

    def still_held(self) -> None:
        """This will make sure that the session lives and holds the lock, right before a transmission.

        :raises LockLost: when it does not.
        """
        assert self._session is not None
        try:
            row = self._session.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted"
            ).fetchone()
        except psycopg.Error as error:
            raise LockLost(self._name) from error
        if row is None or row[0] < 1:
            raise LockLost(self._name)


def keep_senders_out(name: str) -> bool:
    """This will take the lock until the caller's transaction ends; False when a sender holds it: it may be sending."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_number(name)])
        return bool(cursor.fetchone()[0])


def wait_for(name: str) -> None:
    """This will take a lock of this name, waiting for whoever has it, until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_number(name)])


def _connect() -> psycopg.Connection[Any]:
    settings = dict(connection.get_connection_params())
    for ours in ("cursor_factory", "context", "prepare_threshold", "server_side_binding"):
        settings.pop(ours, None)
    settings["application_name"] = "marketplace-payouts send lock"
    # No statement or idle limit may end a session whose end means that its sender is gone.
    settings["options"] = "-c idle_session_timeout=0 -c statement_timeout=0"
    session: psycopg.Connection[Any] = psycopg.connect(**settings, autocommit=True)
    return session


def end_is_proven(sender: str) -> bool:
    """This will tell, once the lock was found free, whether whoever last held it must be through with its call.

    False when the server was started anew since, for the lock then fell with the server; and unless the process is
    seen to be gone. Of another machine or container nobody can tell: a session that the network or an administrator
    ended looks like one whose process died. Whoever works where the sender did can tell, sooner or later.
    """
    if not sender:
        return True
    _, life, process = [*sender.split("/", 2), "", ""][:3]
    if process and process == _process(os.getpid()):
        return sender not in _inside
    return life == server_life() and _is_here(process) and not _lives_on(process)


def is_seen_to_live(sender: str) -> bool:
    """This will tell whether whoever last held the lock is seen, from here, not to be through with its call."""
    process = [*sender.split("/", 2), "", ""][2]
    if process and process == _process(os.getpid()):
        return sender in _inside
    return _lives_on(process)


def _is_here(process: str) -> bool:
    """Tell whether a process of this name would be seen from here: the same boot, the same space of ids."""
    ours = _process(os.getpid())
    return bool(ours) and process.split(":")[:2] == ours.split(":")[:2]


def _lives_on(process: str) -> bool:
    pid = process.split(":")[2] if process else ""
    return pid.isdecimal() and _process(int(pid)) == process
