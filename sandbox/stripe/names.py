"""What a resource may be called by: faults, fates and webhooks are matched by any of these."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.stripe.store import Record, Store

_POINTING = ("destination", "payment_intent", "charge", "transfer", "source_transfer", "customer", "account")


def own_names(record: Record) -> Iterator[str]:
    """Give its id, its e-mail address, its transfer group, and the values of its metadata."""
    data = record.data
    yield record.id
    for name in ("email", "transfer_group"):
        if data.get(name):
            yield data[name]
    yield from (data.get("metadata") or {}).values()


def names_of(record: Record, store: Store) -> set[str]:
    """Give its own names, those of what it points at directly, and those of its account."""
    names = set(own_names(record))
    pointed = [record.data.get(name) for name in _POINTING]
    for identity in (*pointed, record.account):
        other = store.get(identity) if isinstance(identity, str) else None
        if other is not None and not other.hidden.get("platform"):
            names.update(own_names(other))
    return names
