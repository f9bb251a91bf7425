"""How records are shown: with what they are related to (`include`) and which attributes (`fields.…`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sandbox.flex.market import Market
from sandbox.flex.params import invalid
from sandbox.flex.records import Record, linked
from sandbox.flex.values import Keyword

Include = Mapping[str, Any]
"""Names of relationships, each with what is to be included of those."""
Fields = Mapping[str, tuple[str, ...]]

_RELATIONSHIPS: Final[Mapping[str, frozenset[str]]] = {
    "transaction": frozenset(
        (
            "marketplace",
            "listing",
            "provider",
            "customer",
            "booking",
            "stockReservation",
            "reviews",
            "messages",
            "protectedFileAttachments",
        )
    ),
    "listing": frozenset(("marketplace", "author", "images", "currentStock")),
    "user": frozenset(("marketplace", "profileImage", "stripeAccount", "effectivePermissionSet")),
    "booking": frozenset(("transaction",)),
    "stockReservation": frozenset(("transaction", "stockAdjustments")),
    "marketplace": frozenset(),
}
_MANY: Final = frozenset(("reviews", "messages", "images", "protectedFileAttachments", "stockAdjustments"))


def include_tree(text: str | None, *, type_name: str) -> Include:
    """Read `provider,listing.author` as a tree.

    :raises ApiError: when the type has no such relationship.
    """
    tree: dict[str, Any] = {}
    for path in (text or "").split(","):
        branch = tree
        for number, name in enumerate(path.split(".") if path else ()):
            if number == 0 and name not in _RELATIONSHIPS[type_name]:
                raise invalid("include", f"{type_name} has no {name}")
            branch = branch.setdefault(name, {})
    return tree


def sparse(attributes: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
    """Give only the wanted attributes; a dot goes one level down."""
    kept: dict[str, Any] = {}
    for name in wanted:
        head, _, rest = name.partition(".")
        if head not in attributes:
            continue
        value = attributes[head]
        if rest and isinstance(value, Mapping):
            kept[head] = {**kept.get(head, {}), **sparse(value, (rest,))}
        else:
            kept[head] = value
    return kept


class Document:
    """One answer under construction."""

    def __init__(self, *, market: Market, fields: Fields) -> None:
        self._market = market
        self._fields = fields
        self._included: dict[tuple[str, str], dict[str, Any]] = {}

    def data(self, record: Record, include: Include) -> dict[str, Any]:
        """Show one record, and note what is to be included with it."""
        attributes = record.attributes_of(record.version)  # type: ignore[arg-type]  # its own version
        if record.type in self._fields:
            attributes = sparse(attributes, self._fields[record.type])
        shown: dict[str, Any] = {"id": record.id, "type": Keyword(record.type), "attributes": attributes}
        if include:
            shown["relationships"] = {
                name: self._related(record, name, below) for name, below in include.items()
            }
        return shown

    def _related(self, record: Record, name: str, below: Include) -> dict[str, Any]:
        related = record.relationships.get(name)
        if related is None:
            return {"data": [] if name in _MANY else None}
        for type_name, record_id in related if isinstance(related, list) else [related]:
            self._take_in(type_name, record_id, below)
        return linked(related)

    def _take_in(self, type_name: str, record_id: str, below: Include) -> None:
        key = (type_name, record_id)
        found = self._market.find(type_name=type_name, record_id=record_id)
        if found is not None and (key not in self._included or below):
            self._included[key] = self.data(found, below)

    def finished(
        self, data: Any, *, include: Include, meta: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Put the answer together."""
        whole: dict[str, Any] = {"data": data}
        if include:
            whole["included"] = list(self._included.values())
        if meta is not None:
            whole["meta"] = dict(meta)
        return whole


def one(market: Market, record: Record, *, include: Include, fields: Fields) -> dict[str, Any]:
    """Show one record as a whole answer."""
    document = Document(market=market, fields=fields)
    return document.finished(document.data(record, include), include=include)


def many(
    market: Market, records: Sequence[Record], *, include: Include, fields: Fields, meta: Mapping[str, Any]
) -> dict[str, Any]:
    """Show a page of records as a whole answer."""
    document = Document(market=market, fields=fields)
    return document.finished(
        [document.data(record, include) for record in records], include=include, meta=meta
    )
