"""Workers as processes of their own: started together, let go together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from bench.results import CHECKOUT, NotAsPromised


@dataclass(frozen=True, slots=True)
class Told:
    """What one process did, and how much memory it had at its peak."""

    moved: int
    peak_mb: float


def run(work: str, *, database_url: str, count: int = 1) -> tuple[list[Told], float]:
    """This will have so many processes do the same work at once; gives what each did, and the seconds it took."""
    environ = os.environ | {"DATABASE_URL": database_url}
    command = [sys.executable, "-m", "bench.worker", work]
    workers = [
        subprocess.Popen(
            command, cwd=CHECKOUT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(count)
    ]
    try:
        for one in workers:
            _line(one)
        start = time.perf_counter()
        for one in workers:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        found = [json.loads(_line(one)) for one in workers]
        seconds = time.perf_counter() - start
    finally:
        for one in workers:
            _end(one)
    return [Told(one["moved"], one["peak_kb"] / 1024) for one in found], seconds


def _line(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        raise NotAsPromised(f"A worker ended with status {worker.wait(10)} instead of doing its work.")
    return line


def _end(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.close()
    try:
        worker.wait(5)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait(5)
    worker.stdout.close()
