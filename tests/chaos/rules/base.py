"""What every rule is told of: the installation, what was sold in it, and how one of several is chosen."""

from __future__ import annotations

from typing import Any, ClassVar, Final, TypeVar

from django.db.models import QuerySet
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from tests.chaos.miniature import SELLERS, Ground, Installation

SELLER: Final = st.sampled_from([name for name, *_ in SELLERS])
NTH: Final = st.integers(0, 5)
"""Which of several: counted from the newest, round and round."""
PERSON: Final = st.sampled_from(["bob", "carol", "dave"])

Row = TypeVar("Row", bound=Any)


def pick(rows: QuerySet[Row], nth: int) -> Row | None:
    """Choose one of some rows, or none where there are none."""
    found = list(rows.order_by("-pk")[:6])
    return found[nth % len(found)] if found else None


class History(RuleBasedStateMachine):
    """One installation, to which anything may happen."""

    ground: ClassVar[Ground]

    def __init__(self) -> None:
        super().__init__()
        self.world: Installation = self.ground.restart()
        self.sales: list[str] = []
        self.accounts = 0
