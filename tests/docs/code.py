"""Reads the product's source for what it says to people at a certain place, where no table holds it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.docs.pages import ROOT

_APPS: Final = ("accounts", "flexsync", "payments", "payouts")


@dataclass(frozen=True)
class Call:
    """One call in the source."""

    node: ast.Call

    def said(self, name: str, place: int | None = None) -> str | None:
        """This will give a text argument by name or place; an inserted value is `…`, and what is no text is None."""
        found = next((word.value for word in self.node.keywords if word.arg == name), None)
        if found is None and place is not None and len(self.node.args) > place:
            found = self.node.args[place]
        if isinstance(found, ast.Subscript):
            found = found.value  # cut to a length
        if isinstance(found, ast.Constant) and isinstance(found.value, str):
            return found.value
        if isinstance(found, ast.JoinedStr):
            return "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…" for part in found.values
            )
        return None


def calls(*names: str) -> Iterator[Call]:
    """This will find every call of functions or classes of these names."""
    for app in _APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and _name(node.func) in names:
                    yield Call(node)


def _name(called: ast.expr) -> str:
    return getattr(called, "id", getattr(called, "attr", ""))
