"""Whole sets of rows in one statement: INSERT and UPDATE from arrays, whatever their number.

Django's `bulk_create` and `bulk_update` split into many statements and build one parameter per cell; a stage
must not grow in statements with its batch, and an update must be able to compare versions.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import repeat
from operator import attrgetter, is_
from typing import Any, Final

from django.db import connection, models


def _switch(value: Any) -> str:
    return "true" if value else "false"


def _hexadecimal(value: Any) -> str:
    return "\\x" + bytes(value).hex()


def _moment(value: date) -> str:
    return value.isoformat()


# How a value is written for PostgreSQL to read; psycopg's own way costs ten times as much for each element.
_WRITE: Final[dict[str, Callable[[Any], str]]] = {
    "JSONField": json.dumps,
    "BinaryField": _hexadecimal,
    "BooleanField": _switch,
    "DateField": _moment,
    "DateTimeField": _moment,
    "UUIDField": attrgetter("hex"),
}
_NEEDS_NO_QUOTES: Final = frozenset(
    {
        "BigAutoField",
        "BigIntegerField",
        "BooleanField",
        "DateField",
        "DateTimeField",
        "DecimalField",
        "IntegerField",
        "PositiveIntegerField",
        "PositiveSmallIntegerField",
        "SmallIntegerField",
        "UUIDField",
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Column:
    name: str
    attribute: str
    db_type: str
    write: Callable[[Any], str]
    needs_quotes: bool


def _column(model: type[models.Model], name: str) -> _Column:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    db_type = field.db_type(connection)
    assert db_type is not None
    target: models.Field[Any, Any] = field
    while isinstance(target, models.ForeignKey):
        target = target.target_field
    kind = target.get_internal_type()
    assert field.column is not None
    return _Column(
        field.column, field.attname, db_type, _WRITE.get(kind, str), needs_quotes=kind not in _NEEDS_NO_QUOTES
    )


def _columns(model: type[models.Model]) -> list[_Column]:
    return [_column(model, field.name) for field in model._meta.concrete_fields]


class _Set:
    """Rows as parameters of one statement: what is the same in all of them once, the rest as arrays side by side."""

    def __init__(self) -> None:
        self.constants: list[str | None] = []
        self._arrays: list[str] = []
        self._types: list[str] = []

    def add(self, column: _Column, values: Sequence[Any], *, joins: bool = False) -> str:
        """Give the SQL that stands for the column's value; constants must be placed in the order of these calls.

        What rows are joined by is no constant even where it is the same in all of them: by statistics that are a
        little old no row has that version yet, and the planner would compare every row with every other.
        """
        if not joins and all(map(is_, values, repeat(values[0]))):
            values = values[:1]
        texts = [None if value is None else column.write(value) for value in values]
        if not joins and texts.count(texts[0]) == len(texts):
            self.constants.append(texts[0])
            return f"%s::{column.db_type}"
        self._arrays.append(_array(texts, quoted=column.needs_quotes))
        self._types.append(column.db_type)
        return f"d.c{len(self._arrays) - 1}"

    def source(self, count: int) -> tuple[str, list[Any]]:
        """Give the FROM of so many rows, and its parameters."""
        if not self._arrays:
            return "generate_series(1, %s) AS d(c)", [count]
        unnested = ", ".join(f"%s::{db_type}[]" for db_type in self._types)
        aliases = ", ".join(f"c{n}" for n in range(len(self._arrays)))
        return f"unnest({unnested}) AS d({aliases})", list(self._arrays)


def _array(texts: Sequence[str | None], *, quoted: bool) -> str:
    if not quoted:
        return "{" + ",".join("NULL" if text is None else text for text in texts) + "}"
    parts = (
        "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for text in texts
    )
    return "{" + ",".join(parts) + "}"


def insert(
    model: type[models.Model], rows: Sequence[object], *, on_conflict: str = "", returning: str = ""
) -> list[Any]:
    """This will insert unsaved instances in one statement, in their order.

    Whatever has the attributes of the model's columns will do, where an instance would be too dear.
    `on_conflict` is the SQL after ON CONFLICT (`DO NOTHING`); `returning` names one column whose values come back.
    """
    if not rows:
        return []
    columns = [c for c in _columns(model) if not _is_serial(model, c, rows[0])]
    given = _Set()
    values = ", ".join([given.add(c, list(map(attrgetter(c.attribute), rows))) for c in columns])
    source, arrays = given.source(len(rows))
    quote = connection.ops.quote_name
    names = ", ".join(quote(c.name) for c in columns)
    sql = f"INSERT INTO {quote(model._meta.db_table)} ({names}) SELECT {values} FROM {source}"  # noqa: S608 - names are quoted, values are parameters
    if on_conflict:
        sql += f" ON CONFLICT {on_conflict}"
    if returning:
        sql += f" RETURNING {quote(returning)}"
    with connection.cursor() as cursor:
        cursor.execute(sql, [*given.constants, *arrays])
        found = [row[0] for row in cursor.fetchall()] if returning else []
    for row in rows:
        if isinstance(row, models.Model):
            row._state.adding = False  # noqa: SLF001 - as bulk_create does
    return found


def _is_serial(model: type[models.Model], column: _Column, row: object) -> bool:
    primary = model._meta.pk
    return primary.column == column.name and getattr(row, column.attribute) is None


def update(
    model: type[models.Model],
    rows: Sequence[Mapping[str, Any]],
    *,
    match: Sequence[str] = ("id",),
    bump: str = "",
    returning: str = "id",
) -> list[Any]:
    """This will update many rows in one statement; each mapping names the same fields.

    The `match` fields select the row (`("id", "version")` compares and sets); the others are set; `bump` names a
    counter to raise by one. Gives the `returning` column of the rows that were updated: the caller compares it
    with what it asked for.
    """
    if not rows:
        return []
    given, quote = _Set(), connection.ops.quote_name
    columns = {name: _column(model, name) for name in rows[0]}
    place = {
        name: given.add(column, [row[name] for row in rows], joins=name in match)
        for name, column in columns.items()
    }
    changes = [f"{quote(columns[n].name)} = {place[n]}" for n in columns if n not in match]
    changes += [f"{quote(bump)} = t.{quote(bump)} + 1"] if bump else []
    sets = ", ".join(changes)
    where = " AND ".join(f"t.{quote(columns[n].name)} = {place[n]}" for n in match)
    source, arrays = given.source(len(rows))
    sql = (
        f"UPDATE {quote(model._meta.db_table)} AS t SET {sets} FROM {source}"  # noqa: S608 - names are quoted, values are parameters
        f" WHERE {where} RETURNING t.{quote(returning)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*given.constants, *arrays])
        return [row[0] for row in cursor.fetchall()]
