"""A judgement: figures, and a sentence for each thing that is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final


@dataclass(slots=True)
class Figures:
    """What the judgement counts; everything in `BROKEN` must be nought."""

    payables: int = 0
    payouts: int = 0
    paid: int = 0
    returned: int = 0
    under_way: int = 0
    """Known to the provider, and asked about again."""
    seen: int = 0
    """Not paid, and before a person: unknown, failed with a reason, held, awaiting approval, overdue."""
    held: int = 0
    held_with_money: int = 0
    """Of those that are held and not at their end, the ones whose money left."""
    unknown: int = 0
    oldest_unknown_s: float = 0.0
    waiting: dict[str, int] = field(default_factory=dict)
    """What is owed and in no payout: how many payables wait for what."""
    debits: int = 0
    not_debited: dict[str, int] = field(default_factory=dict)
    """The payouts for which nothing ever left: how many are held, or in which state."""
    duplicates: int = 0
    lost: int = 0
    wrong_amount: int = 0
    wrong_destination: int = 0
    not_approved: int = 0
    stuck: int = 0
    mistold: int = 0
    unbalanced: int = 0
    forged: int = 0
    """Forged webhooks that were answered."""
    believed: int = 0
    """Of those, the ones that were answered as if they were genuine."""
    incidents: int = 0
    """Also those that people have closed."""


BROKEN: Final = (
    "duplicates",
    "lost",
    "wrong_amount",
    "wrong_destination",
    "not_approved",
    "stuck",
    "mistold",
    "unbalanced",
    "believed",
)
"""The figures that must be nought."""


@dataclass(slots=True)
class Verdict:
    """The figures, and a sentence for each thing that is wrong."""

    figures: Figures = field(default_factory=Figures)
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    def blame(self, figure: str, sentence: str) -> None:
        """Count something that is wrong."""
        setattr(self.figures, figure, getattr(self.figures, figure) + 1)
        self.wrong.append(f"{figure}: {sentence}")

    def to_json(self) -> dict[str, Any]:
        """Give it as it is written down."""
        return {"ok": self.ok, "figures": asdict(self.figures), "wrong": self.wrong}


def count(counts: dict[str, int], name: str, n: int = 1) -> None:
    """This will count something by its name."""
    counts[name] = counts.get(name, 0) + n


def add(figures: Iterable[Figures]) -> Figures:
    """This will add figures of several runs up; of the oldest unknown the oldest stays."""
    total = Figures()
    for one in figures:
        for name, value in asdict(one).items():
            have = getattr(total, name)
            if isinstance(value, dict):
                for what, n in value.items():
                    count(have, what, n)
                continue
            setattr(total, name, max(have, value) if name == "oldest_unknown_s" else have + value)
    return total
