"""Draws docs/images/states.svg from the table of moves: `.venv/bin/python docs/states_picture.py`."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).resolve().parent
PICTURE: Final = FOLDER / "images" / "states.svg"

_WIDTH, _HEIGHT = 1200, 640
_BOX_WIDTH, _BOX_HEIGHT = 140, 44
# Where each state stands; the picture fails to be drawn when a state has no place.
_PLACES: Final = {
    "pending": (90, 300),
    "awaiting_approval": (300, 300),
    "approved": (510, 300),
    "submitting": (700, 300),
    "submitted": (900, 300),
    "paid": (1110, 300),
    "unknown": (800, 70),
    "failed": (700, 500),
    "returned": (1010, 500),
    "cancelled": (250, 560),
}
# An edge is coloured by where it leads.
_COLOURS: Final = {
    "paid": "#1a7f37",
    "failed": "#c2410c",
    "returned": "#c2410c",
    "unknown": "#7c3aed",
    "cancelled": "#6b7280",
}
_OTHER: Final = "#1d4ed8"
# How far an edge bends to its right, where the usual bend would run through a box or along another edge.
_USUAL_BEND: Final = 16
_BENDS: Final = {
    ("failed", "awaiting_approval"): 30,
    ("failed", "cancelled"): -6,
    ("failed", "paid"): 26,
    ("submitted", "approved"): 62,
    ("submitted", "cancelled"): 205,
    ("unknown", "cancelled"): 106,
    ("unknown", "returned"): -66,
    ("unknown", "failed"): -27,
    ("failed", "unknown"): 50,
    ("submitting", "paid"): -66,
}


class Point(NamedTuple):
    """A place in the picture."""

    x: float
    y: float


def draw(moves: dict[str, set[str]], labels: dict[str, str]) -> str:
    """This will give the picture of a table of moves as SVG."""
    edges = [(one, other) for one in _PLACES for other in _PLACES if other in moves[one]]
    missing = set(moves) - set(_PLACES)
    if missing or sum(map(len, moves.values())) != len(edges):
        raise ValueError(f"Give these states a place in the picture: {sorted(missing)}.")
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        ' aria-label="States of a payout and the moves between them"'
        ' font-family="system-ui, sans-serif" font-size="15">'
    )
    parts = [
        head,
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        *_heads(),
        *(_edge(one, other) for one, other in edges),
        *(_box(state, labels[state], is_end=not moves[state]) for state in _PLACES),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _heads() -> list[str]:
    colours = sorted({_OTHER, *_COLOURS.values()})
    return [
        f'<marker id="h{colour[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"'
        f' orient="auto"><path d="M0 0 8 4 0 8z" fill="{colour}"/></marker>'
        for colour in colours
    ]


def _edge(one: str, other: str) -> str:
    start, end = Point(*_PLACES[one]), Point(*_PLACES[other])
    colour = _COLOURS.get(other, _OTHER)
    length = math.hypot(end.x - start.x, end.y - start.y)
    bend = 2 * _BENDS.get((one, other), _USUAL_BEND)
    bent = Point(
        (start.x + end.x) / 2 - (end.y - start.y) / length * bend,
        (start.y + end.y) / 2 + (end.x - start.x) / length * bend,
    )
    first, last = _border(start, bent), _border(end, bent)
    path = f"M{first.x:.0f} {first.y:.0f} Q{bent.x:.0f} {bent.y:.0f} {last.x:.0f} {last.y:.0f}"
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6" marker-end="url(#h{colour[1:]})">'
        f"<title>{one} → {other}</title></path>"
    )


def _border(centre: Point, towards: Point) -> Point:
    """Where the line from a box's middle leaves the box."""
    x, y = towards.x - centre.x, towards.y - centre.y
    scale = min(
        (_BOX_WIDTH / 2 + 3) / abs(x) if x else math.inf, (_BOX_HEIGHT / 2 + 3) / abs(y) if y else math.inf
    )
    return Point(centre.x + x * scale, centre.y + y * scale)


def _box(state: str, label: str, *, is_end: bool) -> str:
    x, y = _PLACES[state]
    colour = _COLOURS.get(state, _OTHER)
    width = 3 if is_end else 1.6
    return (
        f'<g><rect x="{x - _BOX_WIDTH / 2:.0f}" y="{y - _BOX_HEIGHT / 2:.0f}" width="{_BOX_WIDTH}"'
        f' height="{_BOX_HEIGHT}" rx="9" fill="#ffffff" stroke="{colour}" stroke-width="{width}"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle" fill="#111827">{label}</text></g>'
    )


def of_payouts() -> str:
    """This will draw the moves of payouts; Django must be set up."""
    from payouts.lifecycle import MOVES

    moves = {state.value: {to.value for to in targets} for state, targets in MOVES.items()}
    return draw(moves, {state.value: str(state.label) for state in MOVES})


def main() -> None:
    """Write the picture."""
    import django

    sys.path.insert(0, str(FOLDER.parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace_payouts.settings")
    os.environ.setdefault("DEBUG", "1")
    django.setup()
    PICTURE.write_text(of_payouts(), encoding="utf-8")


if __name__ == "__main__":
    main()
