"""Questions to the database that are put together once and asked often.

Django takes several times longer to write a query with joins than PostgreSQL takes to answer it by a unique index.
Where every request asks the same, what was written the first time is kept; rows become instances as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators  # what `select_related` is made of

Row = TypeVar("Row", bound=Model)


class ReadyQuery(Generic[Row]):
    """A query whose SQL does not change; `make` gives it with any values in the place of its parameters.

    It must name its parameters in the order in which they stand in the SQL, and add nothing to the rows but what
    `select_related` brings.
    """

    def __init__(self, make: Callable[[], QuerySet[Row]]) -> None:
        self._make = make

    def rows(self, *params: Any) -> list[Row]:
        """This will ask with these parameters, and give the instances with what is related to them."""
        model, names, columns, populators = self._shape
        sql, expected = self._written
        assert len(params) == expected, f"{expected} parameters are asked for"
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            answer = cursor.fetchall()
        found = []
        for row in self._compiler.results_iter([answer]):
            one = model.from_db(connection.alias, names, row[columns])
            for populator in populators:
                populator.populate(row, one)
            found.append(one)
        return found

    @cached_property
    def _compiler(self) -> Any:
        return self._make().query.get_compiler(connection.alias)

    @cached_property
    def _written(self) -> tuple[str, int]:
        sql, params = self._compiler.as_sql()
        return sql, len(params)

    @cached_property
    def _shape(self) -> tuple[type[Row], list[str], slice, list[Any]]:
        _ = self._written  # what was selected is known once it is written
        info, select = self._compiler.klass_info, self._compiler.select
        first, last = info["select_fields"][0], info["select_fields"][-1]
        columns = slice(first, last + 1)
        names = [column[0].target.attname for column in select[columns]]
        populators = get_related_populators(info, select, connection.alias)  # type: ignore[call-arg]  # stub of 6.1
        return info["model"], names, columns, populators
