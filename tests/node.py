"""Node and packages of npm for tests, installed under `var/` as a committed lock file says."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

VAR = Path(__file__).resolve().parents[1] / "var" / "node"
_OFFLINE = ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH", "ECONNRESET")


class CannotInstall(Exception):
    """Node or npm is missing, or npm could not reach its registry; the text says which."""


def tool(name: str) -> str:
    """Give the path of `node` or `npm`.

    :raises CannotInstall: when it is not on the path.
    """
    found = shutil.which(name)
    if found is None:
        raise CannotInstall(f"{name} is not installed")
    return found


def install(folder: Path) -> Path:
    """Install what a folder's `package.json` and lock file say, once per lock file, and give `node_modules`.

    :raises CannotInstall: when node or npm is missing, or there is no network.
    """
    npm, _node = tool("npm"), tool("node")
    lock = (folder / "package-lock.json").read_bytes()
    home = VAR / f"{folder.name}-{hashlib.sha256(lock).hexdigest()[:12]}"
    home.mkdir(parents=True, exist_ok=True)
    # Test processes run side by side: one installs, the others wait and find it done.
    with (home / ".lock").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)
        done = home / ".installed"
        if not done.exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(folder / name, home / name)
            _npm_ci(npm, home)
            done.touch()
    return home / "node_modules"


def _npm_ci(npm: str, home: Path) -> None:
    words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    ended = subprocess.run(words, cwd=home, capture_output=True, text=True, timeout=300, check=False)
    if ended.returncode == 0:
        return
    if any(sign in ended.stderr for sign in _OFFLINE):
        raise CannotInstall("npm cannot reach its registry")
    raise RuntimeError(f"npm ci failed:\n{ended.stderr[-2000:]}")
