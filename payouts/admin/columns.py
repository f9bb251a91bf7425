"""Columns that many lists share, made from a field's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin

from accounts.backoffice import cells

Cell = Callable[[Any], Any]


def amount(units: str = "units", currency: str = "currency", *, title: str = "Amount") -> Cell:
    """This will make a column for an amount."""

    @admin.display(description=title)
    def cell(row: Any) -> Any:
        return cells.amount(getattr(row, units), getattr(row, currency))

    return _named(cell, f"amount_{units}")


def moment(field: str, title: str = "") -> Cell:
    """This will make a column for a moment."""

    @admin.display(description=title or field.removesuffix("_at").replace("_", " ").capitalize())
    def cell(row: Any) -> Any:
        return cells.moment(getattr(row, field))

    return _named(cell, f"moment_{field}")


def state(field: str = "state", title: str = "State") -> Cell:
    """This will make a column for a state as a badge."""

    @admin.display(description=title)
    def cell(row: Any) -> Any:
        return cells.state(row, field) if getattr(row, field) else cells.EMPTY

    return _named(cell, f"state_{field}")


def page(field: str, title: str = "", *, text: str = "") -> Cell:
    """This will make a column that links to another row's page."""

    @admin.display(description=title or field.replace("_", " ").capitalize())
    def cell(row: Any) -> Any:
        other = getattr(row, field)
        return cells.page_of(other, text or str(other) if other is not None else "")

    return _named(cell, f"page_{field}")


def code(field: str, title: str = "") -> Cell:
    """This will make a column in fixed pitch."""

    @admin.display(description=title or field.replace("_", " ").capitalize())
    def cell(row: Any) -> Any:
        return cells.code(getattr(row, field))

    return _named(cell, f"code_{field}")


def json(field: str, title: str = "") -> Cell:
    """This will make a field that shows JSON with one thing per line."""

    @admin.display(description=title or field.replace("_", " ").capitalize())
    def cell(row: Any) -> Any:
        return cells.pretty(getattr(row, field))

    return _named(cell, f"json_{field}")


def short(field: str, title: str = "", *, length: int = 80) -> Cell:
    """This will make a column that cuts a long text."""

    @admin.display(description=title or field.replace("_", " ").capitalize())
    def cell(row: Any) -> Any:
        return cells.short(str(getattr(row, field) or ""), length)

    return _named(cell, f"short_{field}")


def digest(field: str, title: str = "Digest") -> Cell:
    """This will make a field that shows bytes in hexadecimal."""

    @admin.display(description=title)
    def cell(row: Any) -> Any:
        return cells.code(bytes(getattr(row, field) or b"").hex())

    return _named(cell, f"digest_{field}")


def _named(cell: Cell, name: str) -> Cell:
    # Django names the column's CSS class after the function.
    cell.__name__ = name
    return cell
