"""What every measurement is given: the server, how large it is to be, and how often it is repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench.databases import Databases
from bench.results import Row

_SMALLEST: Final = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """How to measure; `scale` divides every size."""

    databases: Databases
    scale: int
    rounds: int
    say: Callable[[str], None]

    def size(self, full: int) -> int:
        """This will give how many of something a row handles."""
        return max(full // self.scale, min(full, _SMALLEST))


Measure = Callable[[Setting], Sequence[Row]]
