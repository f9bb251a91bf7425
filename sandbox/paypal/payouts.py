"""The payouts API: create, show, cancel."""

from __future__ import annotations

import json
from typing import Any

from sandbox.core import Request, Response, World
from sandbox.paypal import views
from sandbox.paypal.books import Batch, Books, Item
from sandbox.paypal.currencies import UNIT, converted, fee_of
from sandbox.paypal.entry import BAD_RECEIVER, Order, key_in, read
from sandbox.paypal.notifications import Notifications
from sandbox.paypal.problems import Problem, at, invalid, not_found
from sandbox.paypal.processing import Processing

MOST_PER_PAGE = 1000


class Payouts:
    """Handlers; `denies_late`: too little money is found after the answer, as DENIED, instead of as a 422."""

    def __init__(
        self, *, world: World, books: Books, processing: Processing, news: Notifications, denies_late: bool
    ) -> None:
        self._world = world
        self._books = books
        self._processing = processing
        self._news = news
        self._denies_late = denies_late

    # Create --------------------------------------------------------------------------------------------------

    def create(self, request: Request) -> Response:
        """Answer POST /v1/payments/payouts. PayPal-Request-Id is read by nobody, as with PayPal."""
        try:
            body = json.loads(request.body)
        except ValueError as error:
            raise Problem(400, "MALFORMED_REQUEST") from error
        _refuse_by_note(body)
        key = key_in(body)
        try:
            order = self._admit(request, body, key)
        except Problem as problem:
            # An id is consumed even by a request that paid nothing; only what PayPal itself broke off is safe.
            if problem.status < 500 and problem.name != "USER_BUSINESS_ERROR" and not self._is_used(key):
                self._books.burn(key, None)
            raise
        return self._take_in(request, order)

    def _admit(self, request: Request, body: Any, key: str | None) -> Order:
        """Let in what is well-formed, new, and not refused by steering."""
        try:
            order = read(body)
        except Problem as problem:
            raise self._blurred(problem, request) from problem
        self._refuse_duplicate(request, key)
        if self._world.faults:
            self._burn_by_fault(request, key)
            self._refuse_by_fault(request, order)
        return order

    def _take_in(self, request: Request, order: Order) -> Response:
        fees = [fee_of(line.units, order.currency) for line in order.lines]
        names = {name for name in (order.sender_batch_id,) if name}
        source = self._other_balance(request, names)
        denial = self._denial(request, names, self._cost(order, fees, source), source or order.currency)
        early = bool(self._world.faults) and self._world.faults.take(
            "webhook_early", request=request, references=names
        )
        batch = self._books.add(order, fees=fees, source=source, denial=denial)
        # The answer says PENDING, as it was when the batch came in, even if all is done by the time it leaves.
        response = Response.of(views.created(batch, self._world.url), status=201)
        self._news.early = response.wait_for if early else None
        try:
            self._processing.accept(batch, at_once=bool(early))
        finally:
            self._news.early = None
        return response

    def _cost(self, order: Order, fees: list[int], source: str | None) -> int:
        parts = [part for line, fee in zip(order.lines, fees, strict=True) for part in (line.units, fee)]
        if source is None:
            return sum(parts)
        return sum(converted(part, order.currency, source) for part in parts)

    def _is_used(self, key: str | None) -> bool:
        return key is not None and self._books.used(key) is not None

    def _refuse_duplicate(self, request: Request, key: str | None) -> None:
        known = self._books.used(key) if key else None
        if known is None:
            return
        links = [views.link(views.batch_url(self._world.url, known[1]))] if known[1] else []
        if self._world.faults and self._world.faults.take("duplicate_without_link", request=request):
            links = []
        detail = at("SENDER_BATCH_ID", "Duplicate batch request", value=key)
        raise Problem(400, "USER_BUSINESS_ERROR", details=[detail], links=links)

    def _burn_by_fault(self, request: Request, key: str | None) -> None:
        fault = self._world.faults.take("burn_id", request=request)
        if fault is not None:
            self._books.burn(key, None)
            raise Problem(fault.status or 500)

    def _refuse_by_fault(self, request: Request, order: Order) -> None:
        faults = self._world.faults
        if not faults.asked("refuse"):
            return
        details = []
        for n, line in enumerate(order.lines):
            names = {name for name in (line.receiver, line.sender_item_id) if name}
            if faults.take("refuse", references=names, by_name=True):
                details.append(at(f"items[{n}].receiver", BAD_RECEIVER, value=line.receiver))
        if details:
            raise self._blurred(invalid(*details), request)
        # A fault that names no item refuses the whole request.
        fault = faults.take("refuse", request=request)
        if fault is not None:
            name = fault.value if isinstance(fault.value, str) else "USER_COUNTRY_NOT_ALLOWED"
            raise Problem(fault.status or 422, name)

    def _blurred(self, problem: Problem, request: Request) -> Problem:
        """Name fewer of the bad items than there are, where steering asks for it."""
        faults = self._world.faults
        if not faults or not problem.details:
            return problem
        if faults.take("name_none", request=request):
            return Problem(
                problem.status, problem.name, details=[at("items", "One or more items are invalid")]
            )
        if faults.take("name_first_only", request=request):
            return Problem(problem.status, problem.name, details=problem.details[:1])
        return problem

    def _other_balance(self, request: Request, names: set[str]) -> str | None:
        fault = (
            self._world.faults.take("convert", request=request, references=names)
            if self._world.faults
            else None
        )
        if fault is None:
            return None
        return fault.value if fault.value in UNIT else "USD"

    def _denial(self, request: Request, names: set[str], cost: int, currency: str) -> str | None:
        """Say why the batch will be DENIED, or refuse it at once.

        :raises Problem: 422 when the balance is too small.
        """
        faults = self._world.faults
        if faults:
            denied = faults.take("deny_batch", request=request, references=names)
            if denied is not None:
                return denied.value if isinstance(denied.value, str) else "RISK_DECLINE"
        poor = faults.take("insufficient_funds", request=request, references=names) if faults else None
        if poor is None and cost <= self._books.available[currency]:
            return None
        if (poor is not None and poor.value == "denied") or (poor is None and self._denies_late):
            return "INSUFFICIENT_FUNDS"
        detail = {"issue": "INSUFFICIENT_FUNDS", "description": "Sender does not have sufficient funds."}
        raise Problem(422, details=[detail])

    # Show ----------------------------------------------------------------------------------------------------

    def show(self, request: Request) -> Response:
        """Answer GET /v1/payments/payouts/{id}."""
        if request.params["id"] == "ERRPYO015":
            raise Problem(400, "CLOSED_MARKET")
        batch = self._books.batches.get(request.params["id"])
        if batch is None:
            raise not_found()
        page, size = _page(request)
        pages = -(-len(batch.items) // size)
        shown: dict[str, Any] = {"batch_header": views.batch_header(batch)}
        if request.arg("total_required", "false") == "true":
            shown = {"total_items": len(batch.items), "total_pages": pages, **shown}
        fields = request.arg("fields")
        if fields is None or "items" in fields.split(","):
            part = batch.items[(page - 1) * size : page * size]
            shown["items"] = [views.item(item, self._world.url) for item in part]
        shown["links"] = self._page_links(batch, page, size, pages)
        return Response.of(shown)

    def _page_links(self, batch: Batch, page: int, size: int, pages: int) -> list[dict[str, str]]:
        url = views.batch_url(self._world.url, batch.id)
        wanted = (("self", page), ("next", page + 1), ("prev", page - 1), ("last", pages))
        return [
            views.link(f"{url}?page_size={size}&page={number}", rel)
            for rel, number in wanted
            if rel == "self" or (1 <= number <= pages and number != page)
        ]

    def show_item(self, request: Request) -> Response:
        """Answer GET /v1/payments/payouts-item/{payout_item_id}."""
        return Response.of(views.whole_item(self._item(request), self._world.url))

    # Cancel --------------------------------------------------------------------------------------------------

    def cancel(self, request: Request) -> Response:
        """Answer POST /v1/payments/payouts-item/{payout_item_id}/cancel."""
        item = self._item(request)
        if item.cancelled:
            raise Problem(400, "ITEM_ALREADY_CANCELLED")
        if item.status != "UNCLAIMED":
            raise Problem(400, "ITEM_INCORRECT_STATUS")
        faults = self._world.faults
        if faults and faults.take("late_cancel_refused", request=request, references=item.names()):
            raise Problem(400, "ITEM_CANCELLATION_FAILED")
        early = bool(faults) and faults.take("webhook_early", request=request, references=item.names())
        response = Response()
        self._news.early = response.wait_for if early else None
        try:
            item.cancelled = True
            self._processing.move(item, "RETURNED", event="CANCELED")
            self._books.keep_funds()
        finally:
            self._news.early = None
        response.body = Response.of(views.whole_item(item, self._world.url)).body
        return response

    def _item(self, request: Request) -> Item:
        item = self._books.items.get(request.params["payout_item_id"])
        if item is None:
            raise not_found()
        return item


def _refuse_by_note(body: Any) -> None:
    """Serve PayPal's negative testing: the first item's note asks for an error."""
    items = body.get("items") if isinstance(body, dict) else None
    first = items[0] if isinstance(items, list) and items else None
    if isinstance(first, dict) and first.get("note") == "ERRPYO002":
        raise Problem(403, "SENDER_EMAIL_UNCONFIRMED")


def _page(request: Request) -> tuple[int, int]:
    """Read page and page_size.

    :raises Problem: when they are not whole numbers in PayPal's range.
    """
    found = []
    for name, least, default in (("page", 0, 1), ("page_size", 1, MOST_PER_PAGE)):
        text = request.arg(name, str(default)) or ""
        if not text.isdigit() or not least <= int(text) <= 1000:
            raise invalid(
                at(name, f"Value must be a number from {least} to 1000", value=text, location="query")
            )
        found.append(int(text))
    return max(1, found[0]), found[1]
