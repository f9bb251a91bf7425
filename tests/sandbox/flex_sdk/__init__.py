"""Sharetribe's official SDK for JavaScript, installed under `var/` as the committed lock file says."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
VAR = HERE.parents[2] / "var" / "node"
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


def install() -> Path:
    """Install the SDK, once per lock file, and give the folder `node_modules`.

    :raises CannotInstall: when node or npm is missing, or there is no network.
    """
    npm, _node = tool("npm"), tool("node")
    lock = (HERE / "package-lock.json").read_bytes()
    home = VAR / f"flex-sdk-{hashlib.sha256(lock).hexdigest()[:12]}"
    home.mkdir(parents=True, exist_ok=True)
    # Test processes run side by side: one installs, the others wait and find it done.
    with (home / ".lock").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)
        done = home / ".installed"
        if not done.exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, home / name)
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


def run_tests(
    *, url: str, client_id: str, client_secret: str, modules: Path
) -> subprocess.CompletedProcess[str]:
    """Run `sdk.test.cjs` against a sandbox."""
    environment = {
        **os.environ,
        "SANDBOX_URL": url,
        "CLIENT_ID": client_id,
        "CLIENT_SECRET": client_secret,
        "NODE_PATH": str(modules),
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    words = [tool("node"), "--test", "--test-reporter=tap", str(HERE / "sdk.test.cjs")]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
