"""How Django speaks with PostgreSQL where its own way costs a stage more than its work: long lists, and moments.

`pk__among=ids` is `pk__in=ids` with one parameter, an array, however many ids there are. Like any plain comparison it
says nothing of NULL: beware of `exclude` where a column may be empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import ForeignKey, Lookup, OneToOneField, UUIDField
from django.db.models.sql.compiler import SQLCompiler
from psycopg.types.datetime import TimestamptzLoader

_TIMESTAMPTZ: Final = "timestamptz"


class Among(Lookup[Any]):
    """Whether a UUID, or the UUID that a foreign key holds, is one of these; None is among nothing."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """This will write `column = ANY (array)`."""
        column, params = self.process_lhs(compiler, connection)
        wanted: Iterable[Any] = self.rhs
        texts = ",".join([str(getattr(one, "pk", one)) for one in wanted if one is not None])
        return f"{column} = ANY (%s::uuid[])", (*params, "{" + texts + "}")


class _MomentLoader(TimestamptzLoader):
    """Reads moments by the standard library's C code; psycopg's own loader is Python, and slow."""

    timezone = UTC

    def load(self, data: Any) -> datetime:
        """This will read one; what is beyond ISO 8601 (infinity, years before Christ) as psycopg does."""
        try:
            found = datetime.fromisoformat(bytes(data).decode())
        except ValueError:
            return super().load(data).replace(tzinfo=UTC)
        # As Django does it; the sessions are in UTC, and another zone would otherwise go unnoticed.
        return found if found.tzinfo is UTC else found.astimezone(UTC)


def speed_up() -> None:
    """This will have every connection, and every model, use what is here."""
    for field in (UUIDField, ForeignKey, OneToOneField):
        field.register_lookup(Among)
    connection_created.connect(_on_connection, dispatch_uid="moments")


def _on_connection(*, connection: BaseDatabaseWrapper, **_more: Any) -> None:
    if connection.timezone == UTC:
        connection.connection.adapters.register_loader(_TIMESTAMPTZ, _MomentLoader)
