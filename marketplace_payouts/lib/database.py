"""How Django speaks with PostgreSQL where its own way costs a stage more than its work: long lists, moments, rows.

`pk__among=ids` is `pk__in=ids` with one parameter, an array, however many ids there are. Like any plain comparison it
says nothing of NULL: beware of `exclude` where a column may be empty.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Self
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import ForeignKey, Lookup, Model, OneToOneField, UUIDField
from django.db.models.base import ModelState
from django.db.models.sql.compiler import SQLCompiler
from psycopg.types.datetime import TimestamptzLoader

_TIMESTAMPTZ: Final = "timestamptz"


class Stored(Model):
    """A model whose instances are made all at once.

    Django's `__init__` goes through signals and descriptors column by column; here nobody listens to them.
    """

    class Meta:
        abstract = True

    @classmethod
    def new(cls, **columns: Any) -> Self:
        """This will make an unsaved instance; a column that is not named (`payout_id`) gets its default."""
        fixed, own = _defaults(cls)
        assert columns.keys() <= fixed.keys(), columns.keys() - fixed.keys()
        row = cls.__new__(cls)
        row.__dict__.update(fixed | columns, _state=ModelState())
        row.__dict__.update({name: own[name]() for name in own.keys() - columns.keys()})
        return row

    @classmethod
    def from_db(
        cls, db: str | None, field_names: Collection[str], values: Collection[Any], **more: Any
    ) -> Self:
        """This will make an instance of what was read; a column that was not read is deferred, as ever."""
        row, state = cls.__new__(cls), ModelState()
        # From 6.1 on Django also hands in how deferred columns are fetched.
        state.__dict__.update(more, adding=False, db=db)
        row.__dict__.update(zip(field_names, values, strict=True), _state=state)
        return row


@cache
def _defaults(model: type[Model]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """Give what each column is without being named, and those of which each instance is to have its own."""
    fields = model._meta.concrete_fields
    own = {
        field.attname: field.get_default
        for field in fields
        if field.has_default() and callable(field.default)
    }
    return {field.attname: None if field.attname in own else field.get_default() for field in fields}, own


class Among(Lookup[Any]):
    """Whether a UUID, or the UUID that a foreign key holds, is one of these; None is among nothing."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """This will write `column = ANY (array)`."""
        column, params = self.process_lhs(compiler, connection)
        wanted: Iterable[Any] = self.rhs
        ids = [getattr(one, "pk", one) for one in wanted if one is not None]
        texts = ",".join([one.hex if isinstance(one, UUID) else str(one) for one in ids])
        return f"{column} = ANY (%s::uuid[])", (*params, "{" + texts + "}")


class _MomentLoader(TimestamptzLoader):
    """Reads moments by the standard library's C code; psycopg's own loader is Python, and slow."""

    timezone = UTC

    def load(self, data: Any) -> datetime:
        """This will read one; what is beyond ISO 8601 (infinity, years before Christ) as psycopg does."""
        try:
            found = datetime.fromisoformat(str(data, "ascii"))
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
