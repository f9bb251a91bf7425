"""The virtual environment, made again only when what is pinned has changed. Standard library only."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[3]
VENV: Final = CHECKOUT / ".venv"
PYTHON: Final = VENV / "bin" / "python"
_STAMP: Final = VENV / ".made-from.json"
_RUNTIME: Final = CHECKOUT / "requirements.txt"
_DEVELOPMENT: Final = CHECKOUT / "requirements-dev.txt"


class CannotStart(Exception):
    """Something is missing; the message is one line that says what to do."""


def ensure_venv(*, development: bool) -> None:
    """Have `.venv` with what is pinned; development tools only where asked for.

    :raises CannotStart: when Python's venv module is missing or the packages cannot be installed.
    """
    wanted = _wanted()
    with _one_at_a_time():
        made = _made()
        if made.get("runtime") != wanted["runtime"] or not PYTHON.exists():
            _make_venv()
            made = {}
        todo = _missing(made, wanted, development=development)
        if todo is not None:
            _install(todo)
            _STAMP.write_text(json.dumps(made | _covers(wanted, todo)))


def read_dotenv() -> None:
    """Put the lines of `.env` into the environment, which wins where it has the name already.

    DOTENV names another file, or is empty for none, as for the settings.
    """
    path = Path(os.environ.get("DOTENV", CHECKOUT / ".env"))
    if not path.is_file():
        return
    for line in path.read_text().splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


def _wanted() -> dict[str, str]:
    version = ".".join(map(str, sys.version_info[:2]))
    runtime = hashlib.sha256(_RUNTIME.read_bytes() + version.encode())
    development = runtime.copy()
    development.update(_DEVELOPMENT.read_bytes())
    return {"runtime": runtime.hexdigest(), "development": development.hexdigest()}


def _made() -> dict[str, str]:
    try:
        made: dict[str, str] = json.loads(_STAMP.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return made


def _missing(made: dict[str, str], wanted: dict[str, str], *, development: bool) -> Path | None:
    if development and made.get("development") != wanted["development"]:
        return _DEVELOPMENT
    return None if made else _RUNTIME


def _covers(wanted: dict[str, str], installed: Path) -> dict[str, str]:
    return wanted if installed == _DEVELOPMENT else {"runtime": wanted["runtime"]}


def _make_venv() -> None:
    say("making .venv")
    if not shutil.which("uv") and importlib.util.find_spec("ensurepip") is None:
        raise CannotStart("Python's venv module is missing: apt install python3-venv")
    shutil.rmtree(VENV, ignore_errors=True)
    if shutil.which("uv") and _succeeds(["uv", "venv", "--quiet", "--python", sys.executable, str(VENV)]):
        return
    if not _succeeds([sys.executable, "-m", "venv", "--clear", str(VENV)]):
        raise CannotStart("Python cannot make a virtual environment: apt install python3-venv")


def _install(requirements: Path) -> None:
    say(f"installing {requirements.name}")
    arguments = ["install", "--quiet", "--require-hashes", "--requirement", str(requirements)]
    if shutil.which("uv") and _succeeds(["uv", "pip", *arguments, "--python", str(PYTHON)]):
        return
    # pip where there is no uv, or where only pip knows the way to the packages.
    if not (VENV / "bin" / "pip").exists():
        _succeeds([str(PYTHON), "-m", "ensurepip", "--upgrade"])
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    if not _succeeds([*pip, *arguments]):
        raise CannotStart(f"The packages of {requirements.name} cannot be installed: see the lines above.")


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, check=False).returncode == 0


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    # The checkout itself is what is locked: a lock file would be one more thing to clean up.
    folder = os.open(CHECKOUT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(f"run: {text}", file=sys.stderr, flush=True)
