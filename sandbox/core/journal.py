"""The state file: one JSON line per fact, appended before any answer leaves, read again at the next start.

Not synced to disk: it survives the process's death (SIGKILL), not the machine's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """Without a path it keeps nothing and costs nothing."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None
        self._waiting: list[str] = []

    @property
    def kept(self) -> bool:
        """Say whether facts are kept at all."""
        return self._path is not None

    def beside(self, ending: str) -> Path | None:
        """Name a file next to the state file, for what others must still find after a restart."""
        return None if self._path is None else self._path.with_name(f"{self._path.name}.{ending}")

    def facts(self) -> Iterator[tuple[str, Any]]:
        """Read all facts, and cut off a last line that death left unfinished.

        :raises ValueError: when the file holds something else; it is left as it is.
        """
        if self._path is None or not self._path.exists():
            return
        good = 0
        with self._path.open("rb") as lines:
            for line in lines:
                if not line.startswith(b'["'):
                    raise ValueError("it holds something else than a sandbox's facts")
                if not line.endswith(b"\n"):
                    break
                good += len(line)
                kind, fact = json.loads(line)
                yield kind, fact
        os.truncate(self._path, good)

    def open(self) -> None:
        """Begin to append."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, kind: str, fact: Any) -> None:
        """Note a fact; it is on file after the next `flush`."""
        if self._path is not None:
            self._waiting.append(json.dumps([kind, fact], ensure_ascii=False, separators=(",", ":")))

    def flush(self) -> None:
        """Put all noted facts into the file at once."""
        if not self._waiting or self._file is None:
            return
        data = ("\n".join(self._waiting) + "\n").encode()
        self._waiting.clear()
        while data:
            data = data[os.write(self._file, data) :]

    def clear(self) -> None:
        """Forget everything that was ever written."""
        self._waiting.clear()
        if self._file is not None:
            os.ftruncate(self._file, 0)
