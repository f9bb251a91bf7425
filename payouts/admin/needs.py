"""What the first page is made of: things that wait for a person, in groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Need:
    """One kind of thing that waits: how many, what it comes to, and where to see them."""

    label: str
    count: int
    url: str
    tone: str = "wait"
    """`bad` for what contradicts the books or is broken, `wait` for work, `info` for what is good to know."""
    told: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Group:
    """Needs that belong together."""

    title: str
    needs: Sequence[Need]

    @property
    def waiting(self) -> list[Need]:
        """The needs that there are any of."""
        return [need for need in self.needs if need.count]
