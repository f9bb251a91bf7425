"""Sharetribe's official SDK for JavaScript against a sandbox."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests import node

HERE = Path(__file__).resolve().parent


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
    words = [node.tool("node"), "--test", "--test-reporter=tap", str(HERE / "sdk.test.cjs")]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
