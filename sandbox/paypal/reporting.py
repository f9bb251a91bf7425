"""Balances and the statement: true, but hours old."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.core import Request, Response, World
from sandbox.paypal import views
from sandbox.paypal.books import Books, Row
from sandbox.paypal.currencies import UNIT, money
from sandbox.paypal.problems import Detail, Problem

REFRESH_S = 3 * 3600.0
FIRST_AGE_S = 2 * 3600.0
MOST_DAYS = 31
MOST_ROWS = 10_000
_INSTANT = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)([.]\d+)?"
    r"([Zz]|[+-]\d{2}:?\d{2})"
)
_CUSTOM = re.compile(r"[a-zA-Z0-9_'\-., \":;\\!?]{1,127}")
_HOLDS = frozenset({"T1503", "T1105"})


class Reporting:
    """What was true at the last refresh; one comes every three hours of the sandbox's time."""

    def __init__(self, *, world: World, books: Books, always_fresh: bool) -> None:
        self._world = world
        self._books = books
        self._starts_fresh = always_fresh
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.always_fresh = self._starts_fresh
        self._refreshed = self._world.clock.time() - FIRST_AGE_S
        self.account = "SANDBXMERCH22"

    def refresh(self) -> None:
        """Bring the reports up to date."""
        self._refreshed = self._world.clock.time()

    def refreshed(self) -> float:
        """Give the moment up to which the reports tell the truth."""
        now = self._world.clock.time()
        if self.always_fresh:
            self._refreshed = now
        while now - self._refreshed >= REFRESH_S:
            self._refreshed += REFRESH_S
        return self._refreshed

    # Balances ------------------------------------------------------------------------------------------------

    def balances(self, request: Request) -> Response:
        """Answer GET /v1/reporting/balances."""
        refreshed = self.refreshed()
        asked = request.arg("as_of_time")
        moment = refreshed if asked is None else min(_moment("as_of_time", asked), refreshed)
        currency = request.arg("currency_code", "ALL") or "ALL"
        if currency != "ALL" and currency not in UNIT:
            raise _invalid("currency_code", currency, "INVALID_CURRENCY_CODE")
        available, withheld = self._at(moment)
        wanted = [code for code in UNIT if currency in ("ALL", code)]
        shown = [
            {
                "currency": code,
                "primary": code == "USD",
                "total_balance": money(available[code] + withheld[code], code),
                "available_balance": money(available[code], code),
                "withheld_balance": money(withheld[code], code),
            }
            for code in wanted
        ]
        return Response.of(
            {
                "balances": shown,
                "account_id": self.account,
                "as_of_time": views.instant(moment),
                "last_refresh_time": views.instant(refreshed),
            }
        )

    def _at(self, moment: float) -> tuple[dict[str, int], dict[str, int]]:
        """Give both balances as they were: today's, with everything since taken back."""
        available, withheld = dict(self._books.available), dict(self._books.withheld)
        for row in reversed(self._books.rows):
            if row.at <= moment:
                break
            available[row.currency] -= row.units
            if row.code in _HOLDS:
                withheld[row.currency] += row.units
        return available, withheld

    # The statement -------------------------------------------------------------------------------------------

    def transactions(self, request: Request) -> Response:
        """Answer GET /v1/reporting/transactions."""
        start, end = (
            _moment("start_date", request.arg("start_date")),
            _moment("end_date", request.arg("end_date")),
        )
        if end < start:
            raise _invalid("end_date", request.arg("end_date"), "INVALID_DATE_RANGE")
        if end - start > MOST_DAYS * 86_400:
            raise _invalid("end_date", request.arg("end_date"), "DATE_RANGE_EXCEEDS_31_DAYS")
        page, size = _whole(request, "page", 1, 2**31 - 1), _whole(request, "page_size", 100, 500)
        refreshed = self.refreshed()
        rows = self._between(start, end, refreshed, _filter(request))
        self._limit(request, len(rows))
        part = rows[(page - 1) * size : page * size]
        with_payer = (
            "payer_info" in (fields := request.arg("fields", "transaction_info") or "") or fields == "all"
        )
        pages = -(-len(rows) // size)
        body: dict[str, Any] = {
            "account_number": self.account,
            "start_date": views.instant(start),
            "end_date": views.instant(min(end, refreshed)),
            "last_refreshed_datetime": views.instant(refreshed),
            "page": page,
            "total_items": len(rows),
            "total_pages": pages,
            "links": _links(self._world.url + request.target, page, pages),
        }
        if part:  # PayPal's own file allows no empty list here
            body["transaction_details"] = [self._shown(row, with_payer) for row in part]
        return Response.of(body)

    def _between(self, start: float, end: float, refreshed: float, keep: Callable[[Row], bool]) -> list[Row]:
        """Find rows by the whole seconds that they show: a fraction must not fall between two windows."""
        return [
            row
            for row in self._books.rows
            if row.at <= refreshed and start <= int(row.at) <= end and keep(row)
        ]

    def _limit(self, request: Request, found: int) -> None:
        fault = self._world.faults.take("result_limit", request=request) if self._world.faults else None
        if fault is not None and found > (fault.value if isinstance(fault.value, int) else MOST_ROWS):
            raise _invalid("start_date", request.arg("start_date"), "RESULTSET_TOO_LARGE")

    def _shown(self, row: Row, with_payer: bool) -> dict[str, Any]:
        info: dict[str, Any] = {
            "paypal_account_id": self.account,
            "transaction_id": row.id,
            "transaction_event_code": row.code,
            "transaction_initiation_date": views.instant(row.at),
            "transaction_updated_date": views.instant(row.at),
            "transaction_amount": money(row.units, row.currency),
            "transaction_status": "S",
            "protection_eligibility": "02",
        }
        if row.about is not None:
            info["paypal_reference_id"] = row.about
            info["paypal_reference_id_type"] = "TXN"
        if row.custom is not None and _CUSTOM.fullmatch(row.custom):
            info["custom_field"] = row.custom
        shown: dict[str, Any] = {"transaction_info": info}
        if with_payer and row.receiver is not None and "@" in row.receiver:
            shown["payer_info"] = {"email_address": row.receiver, "payer_status": "Y"}
        return shown


def _filter(request: Request) -> Callable[[Row], bool]:
    transaction_id, code = request.arg("transaction_id"), request.arg("transaction_type")
    status, currency = request.arg("transaction_status"), request.arg("transaction_currency")
    if transaction_id is not None and not 17 <= len(transaction_id) <= 19:
        raise _invalid("transaction_id", transaction_id, "INVALID_TRANSACTION_ID")

    def keep(row: Row) -> bool:
        return (
            transaction_id in (None, row.id)
            and code in (None, row.code)
            and status in (None, "S")
            and currency in (None, row.currency)
        )

    return keep


def _links(url: str, page: int, pages: int) -> list[dict[str, str]]:
    base = re.sub(r"([?&])page=\d+&?", r"\1", url).rstrip("?&")
    joint = "&" if "?" in base else "?"
    wanted = (("self", page), ("next", page + 1), ("prev", page - 1), ("last", pages))
    return [
        {"href": f"{base}{joint}page={number}", "rel": rel, "method": "GET"}
        for rel, number in wanted
        if rel == "self" or (1 <= number <= pages and number != page)
    ]


def _moment(name: str, text: str | None) -> float:
    # A plus sign that the caller forgot to escape arrives as a space.
    text = None if text is None else text.replace(" ", "+").upper()
    if text is None or not _INSTANT.fullmatch(text):
        raise _invalid(name, text, "INVALID_DATE_FORMAT" if text else "MISSING_REQUIRED_PARAMETER")
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise _invalid(name, text, "INVALID_DATE_FORMAT") from error


def _whole(request: Request, name: str, default: int, most: int) -> int:
    text = request.arg(name, str(default)) or ""
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise _invalid(name, text, "INVALID_PARAMETER_VALUE")
    return int(text)


def _invalid(field: str, value: str | None, issue: str) -> Problem:
    detail: Detail = {
        "field": field,
        "location": "query",
        "issue": issue,
        "description": f"{field} is not valid.",
    }
    if value is not None:
        detail["value"] = value
    return Problem(400, "INVALID_REQUEST", details=[detail])
