"""Pages of transactions, users and listings; the last few lists are kept while nothing changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sandbox.core import Request
from sandbox.flex.criteria import MOST_ROWS, chosen, listing_tests, order, transaction_tests, user_tests
from sandbox.flex.market import Market
from sandbox.flex.params import Params, invalid
from sandbox.flex.records import Record
from sandbox.flex.showing import include_tree, many

_KEPT: Final = 8


class Lists:
    """Answers the query endpoints of one marketplace."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._found: OrderedDict[Any, Sequence[Record]] = OrderedDict()
        self.totals = True

    def turn_to(self, market: Market) -> None:
        """Answer about another marketplace from now on."""
        self._market = market
        self._found.clear()

    def transactions(self, request: Request) -> dict[str, Any]:
        """Answer transactions/query."""
        params = Params(request)
        tests = transaction_tests(params, self._market)
        return self._page(request, params, tests, self._market.transactions, "transaction")

    def users(self, request: Request) -> dict[str, Any]:
        """Answer users/query."""
        params = Params(request)
        return self._page(request, params, user_tests(params), self._market.users, "user")

    def listings(self, request: Request) -> dict[str, Any]:
        """Answer listings/query."""
        params = Params(request)
        return self._page(request, params, listing_tests(params), self._market.listings, "listing")

    def _page(
        self, request: Request, params: Params, tests: Any, records: Mapping[str, Record], type_name: str
    ) -> dict[str, Any]:
        by = order(params, market=self._market, transactions=type_name == "transaction")
        page = params.whole("page", default=1)
        per_page = params.whole("perPage", default=100, most=100)
        include = include_tree(params.text("include"), type_name=type_name)
        fields = params.fields()
        params.finish()
        if page * per_page > MOST_ROWS:
            raise invalid("page", f"only the first {MOST_ROWS} can be asked for")
        apart = ("page", "perPage", "include")
        asked = tuple(
            sorted((name, values[-1]) for name, values in request.query.items() if name not in apart)
        )
        found = self._list((type_name, asked, self._market.revision), records, tests, by)
        rows = found[(page - 1) * per_page : page * per_page]
        total = len(found) if self.totals else None
        meta = {
            "totalItems": total,
            "totalPages": None if total is None else -(-total // per_page),
            "page": page,
            "perPage": per_page,
            "paginationLimit": MOST_ROWS // per_page,
        }
        return many(self._market, rows, include=include, fields=fields, meta=meta)

    def _list(self, key: Any, records: Mapping[str, Record], tests: Any, by: Any) -> Sequence[Record]:
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = chosen(records, tests=tests, by=by)
            if len(self._found) > _KEPT:
                self._found.popitem(last=False)
        return found
