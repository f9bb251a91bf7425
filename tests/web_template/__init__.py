"""The files of `examples/sharetribe-web-template`, put where they belong among what stands in for the template."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests import node

HERE: Final = Path(__file__).resolve().parent
EXAMPLE: Final = HERE.parents[1] / "examples" / "sharetribe-web-template"


class Template:
    """A template with our files in it, built."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._modules = node.install(HERE)
        for source in (HERE / "template", EXAMPLE):
            shutil.copytree(source, home, dirs_exist_ok=True)
        built = subprocess.run(
            [node.tool("node"), "build.js"],
            cwd=home,
            env=self._environ(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert built.returncode == 0, built.stderr
        assert not built.stderr, built.stderr

    @contextmanager
    def serving(self, settings: Mapping[str, str]) -> Iterator[str]:
        """Run its server for as long as needed, and give its address."""
        log = (self.home / "server.log").open("w")
        with log, _server(self.home, {**self._environ(), **settings}, log) as process:
            assert process.stdout is not None
            try:
                url = process.stdout.readline().strip()
                assert url, (self.home / "server.log").read_text()
                yield url
            finally:
                process.terminate()
                process.wait(5)

    def _environ(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "NODE_PATH": str(self._modules), "NO_PROXY": "127.0.0.1"}


def _server(home: Path, environ: Mapping[str, str], log: object) -> subprocess.Popen[str]:
    words = [node.tool("node"), "server/index.js"]
    return subprocess.Popen(words, cwd=home, env=environ, stdout=subprocess.PIPE, stderr=log, text=True)  # type: ignore[call-overload,no-any-return]  # a file
