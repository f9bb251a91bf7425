"""Whole sets of rows in one statement: INSERT and UPDATE from arrays, whatever their number.

Django's `bulk_create` and `bulk_update` split into many statements and build one parameter per cell; a stage
must not grow in statements with its batch, and an update must be able to compare versions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection, models
from psycopg.types.json import Jsonb


def _jsonb(value: Any) -> Any:
    return None if value is None else Jsonb(value)


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "JSONField": _jsonb,
    "BinaryField": lambda value: None if value is None else bytes(value),
    "DecimalField": lambda value: None if value is None else Decimal(value),
}


@dataclasses.dataclass(frozen=True, slots=True)
class _Column:
    name: str
    attribute: str
    db_type: str
    convert: Callable[[Any], Any] | None


def _column(model: type[models.Model], name: str) -> _Column:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    db_type = field.db_type(connection)
    assert db_type is not None
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    assert field.column is not None
    return _Column(field.column, field.attname, db_type, _CONVERT.get(target.get_internal_type()))


def _array(column: _Column, values: Iterable[Any]) -> list[Any]:
    return [column.convert(value) for value in values] if column.convert else list(values)


def _columns(model: type[models.Model]) -> list[_Column]:
    return [_column(model, field.name) for field in model._meta.concrete_fields]


def insert(
    model: type[models.Model], rows: Sequence[models.Model], *, on_conflict: str = "", returning: str = ""
) -> list[Any]:
    """This will insert unsaved instances in one statement, in their order.

    `on_conflict` is the SQL after ON CONFLICT (`DO NOTHING`); `returning` names one column whose values come back.
    """
    if not rows:
        return []
    columns = [c for c in _columns(model) if not _is_serial(model, c, rows[0])]
    arrays = [_array(c, (getattr(row, c.attribute) for row in rows)) for c in columns]
    quote = connection.ops.quote_name
    names = ", ".join(quote(c.name) for c in columns)
    values = ", ".join(f"%s::{c.db_type}[]" for c in columns)
    sql = f"INSERT INTO {quote(model._meta.db_table)} ({names}) SELECT * FROM unnest({values})"  # noqa: S608 - names are quoted, values are parameters
    if on_conflict:
        sql += f" ON CONFLICT {on_conflict}"
    if returning:
        sql += f" RETURNING {quote(returning)}"
    with connection.cursor() as cursor:
        cursor.execute(sql, arrays)
        found = [row[0] for row in cursor.fetchall()] if returning else []
    for row in rows:
        row._state.adding = False  # noqa: SLF001 - as bulk_create does
    return found


def _is_serial(model: type[models.Model], column: _Column, row: models.Model) -> bool:
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
    names = list(rows[0])
    columns = {name: _column(model, name) for name in names}
    arrays = [_array(columns[name], (row[name] for row in rows)) for name in names]
    quote = connection.ops.quote_name
    unnested = ", ".join(f"%s::{columns[name].db_type}[]" for name in names)
    aliases = ", ".join(f"c{i}" for i in range(len(names)))
    place = {name: f"d.c{i}" for i, name in enumerate(names)}
    changes = [f"{quote(columns[n].name)} = {place[n]}" for n in names if n not in match]
    changes += [f"{quote(bump)} = t.{quote(bump)} + 1"] if bump else []
    sets = ", ".join(changes)
    where = " AND ".join(f"t.{quote(columns[n].name)} = {place[n]}" for n in match)
    sql = (
        f"UPDATE {quote(model._meta.db_table)} AS t SET {sets} FROM unnest({unnested}) AS d({aliases})"  # noqa: S608 - names are quoted, values are parameters
        f" WHERE {where} RETURNING t.{quote(returning)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, arrays)
        return [row[0] for row in cursor.fetchall()]
