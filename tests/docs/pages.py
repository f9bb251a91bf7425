"""Reads our pages: tables by their header, code spans, links."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted(
    [
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "deploy/README.md")),
    ]
)

_LINE: Final = re.compile(r"^\|(.*)\|$")
_FENCE: Final = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_SPAN: Final = re.compile(r"`([^`\n]+)`")


def text_of(name: str) -> str:
    """This will read a page by its path in the checkout."""
    return (ROOT / name).read_text(encoding="utf-8")


def table(page: str, *header: str) -> list[list[str]]:
    """This will give the rows of the one table of a page that has this header."""
    found = [rows for rows in _tables(text_of(page)) if rows[0] == list(header)]
    assert len(found) == 1, f"{page} has {len(found)} tables with the header {header}"
    return found[0][1:]


def column(page: str, header: Sequence[str], name: str) -> list[str]:
    """This will give one column of a table, without the marks of code."""
    index = list(header).index(name)
    return [bare(row[index]) for row in table(page, *header)]


def bare(cell: str) -> str:
    """This will give a cell's text without marks of code."""
    return cell.replace("`", "").strip()


def words(cell: str) -> list[str]:
    """This will give the code spans of a cell."""
    return _SPAN.findall(cell)


def spans(page: Path) -> list[str]:
    """This will give everything on a page that is marked as code."""
    text = page.read_text(encoding="utf-8")
    fenced = _FENCE.findall(text)
    return [*fenced, *_indented(text), *_SPAN.findall(_FENCE.sub("", text))]


def _indented(text: str) -> list[str]:
    return [line for line in _FENCE.sub("", text).splitlines() if line.startswith("    ")]


def _tables(text: str) -> Iterator[list[list[str]]]:
    rows: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        match = _LINE.match(line.strip())
        if match:
            cells = [cell.strip() for cell in match.group(1).split("|")]
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                rows.append(cells)
        elif rows:
            yield rows
            rows = []
