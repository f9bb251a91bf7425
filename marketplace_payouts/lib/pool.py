"""Running calls of the world side by side in a few threads, each with its own database connection."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import connections

Item = TypeVar("Item")


def run_all(function: Callable[[Item], object], items: Sequence[Item], *, workers: int) -> None:
    """This will call the function with each item, at most `workers` at once, and wait for all.

    One item, or one worker, runs in the caller's thread. The first error is raised once all are done.
    """
    if workers <= 1 or len(items) <= 1:
        for item in items:
            function(item)
        return
    waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    errors: list[BaseException] = []
    threads = [
        threading.Thread(target=_work, args=(function, waiting, errors), daemon=True)
        for _ in range(min(workers, len(items)))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _work(
    function: Callable[[Item], object], waiting: queue.SimpleQueue[Item], errors: list[BaseException]
) -> None:
    try:
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                function(item)
            except Exception as error:  # noqa: BLE001 - raised again in the caller's thread
                errors.append(error)
    finally:
        connections.close_all()
