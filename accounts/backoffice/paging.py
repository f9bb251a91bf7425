"""Counting for lists that may hold millions of rows."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connection, models

_WORTH_COUNTING = 20_000
COUNTED_TO = 10_001


class BoundedPaginator(Paginator[Any]):
    """Estimates the length of a whole table, and counts a filtered one no further than `COUNTED_TO`."""

    @cached_property
    def count(self) -> int:
        """How many rows the pages cover."""
        rows = self.object_list
        if not isinstance(rows, models.QuerySet):
            return len(rows)
        if rows.query.where:
            # Bounded: a page with 10,000 rows behind it wants a narrower filter, not a count.
            return int(rows.order_by()[:COUNTED_TO].count())
        estimate = estimated_rows(rows.model)
        return estimate if estimate > _WORTH_COUNTING else int(rows.count())


def estimated_rows(model: type[models.Model]) -> int:
    """This will say how many rows a table and its partitions had when they were last analysed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint"
            " FROM pg_partition_tree(%s::regclass) t JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf",
            [model._meta.db_table],
        )
        (found,) = cursor.fetchone()
        if not found:
            cursor.execute(
                "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = %s::regclass",
                [model._meta.db_table],
            )
            (found,) = cursor.fetchone()
    return int(found)
