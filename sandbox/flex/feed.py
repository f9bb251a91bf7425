"""events/query: pages of the event log, kept ready in bytes.

A full page never changes, so it is put together once per format and kept compressed: measurements run against
this, and the sandbox must not be what they measure.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from typing import Any, Final

from sandbox.core import Request, Response
from sandbox.flex import wire
from sandbox.flex.events import PER_PAGE, EventLog, Query
from sandbox.flex.params import Params
from sandbox.flex.showing import sparse

_CACHE_BYTES: Final = 64 * 1024 * 1024


class PageCache:
    """The pages that were asked for last, up to a number of compressed bytes."""

    def __init__(self) -> None:
        self._pages: OrderedDict[Any, bytes] = OrderedDict()
        self._size = 0

    def get(self, key: Any) -> bytes | None:
        """Give a page."""
        packed = self._pages.get(key)
        if packed is None:
            return None
        self._pages.move_to_end(key)
        return zlib.decompress(packed)

    def put(self, key: Any, page: bytes) -> None:
        """Keep a page, and drop the oldest when there are too many."""
        packed = zlib.compress(page, 1)
        self._pages[key] = packed
        self._size += len(packed)
        while self._size > _CACHE_BYTES:
            self._size -= len(self._pages.popitem(last=False)[1])


class Feed:
    """Answers events/query for one marketplace."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._cache = PageCache()

    def page(self, request: Request, *, now_ms: int, retention_ms: int) -> Response:
        """Answer with at most a hundred events after the cursor, oldest first.

        :raises ApiError: when a parameter is not as it must be.
        """
        params = Params(request)
        query, fields = _query(params), params.fields().get("event")
        params.finish()
        form = wire.wanted(request)
        start = self._log.first_position(query, oldest=now_ms - retention_ms)
        # Where events may still turn up late, no page is final.
        keep = fields is None and not self._log.withheld
        key = (start, query.resource, query.related, query.types, query.limit, form)
        page = self._cache.get(key) if keep else None
        if page is None:
            positions = self._log.positions(query, start=start, now=now_ms)
            events = [self._log.render(position) for position in positions]
            if fields is not None:
                events = [{**event, "attributes": sparse(event["attributes"], fields)} for event in events]
            page = wire.encode({"data": events, "meta": {"perPage": query.limit}}, form)
            if keep and len(positions) >= query.limit:
                self._cache.put(key, page)
        return wire.answer(page, form)


def _query(params: Params) -> Query:
    after = params.text("startAfterSequenceId")
    return Query(
        after=None if after is None else params.whole("startAfterSequenceId", default=0, least=0),
        created_from=params.moment("createdAtStart"),
        resource=params.uuid("resourceId"),
        related=params.uuid("relatedResourceId"),
        types=params.words("eventTypes"),
        # Sharetribe's own clients never send perPage here; smaller pages are handy in tests.
        limit=params.whole("perPage", default=PER_PAGE, most=PER_PAGE),
    )
