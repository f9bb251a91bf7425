"""Balances, their statements, and the top-up of Wise's own simulation."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.core import Request, Response
from sandbox.wise import views
from sandbox.wise.books import HELD, Books, Row
from sandbox.wise.funding import Funding
from sandbox.wise.numbers import answer, decimal, read, units_of
from sandbox.wise.problems import Problem
from sandbox.wise.quotes import Quotes

LONGEST_S = 469 * 86_400.0


class Balances:
    """The doors of balances."""

    def __init__(self, books: Books, *, quotes: Quotes, funding: Funding) -> None:
        self._books = books
        self._quotes = quotes
        self._funding = funding

    def profiles(self, request: Request) -> Response:
        """List the person's profile and the business's."""
        return answer(
            [
                {"id": self._books.personal, "type": "PERSONAL", "fullName": "Alice Operator"},
                {"id": self._books.business, "type": "BUSINESS", "businessName": "Marketplace Ltd"},
            ]
        )

    def list(self, request: Request) -> Response:
        """List the balances of a profile; only the business has any."""
        if self._quotes.profile(request) != self._books.business:
            return answer([])
        return answer([views.balance(currency, self._books) for currency in HELD])

    def statement(self, request: Request) -> Response:
        """Show the rows of one balance for a time, each with its fee in it."""
        self._quotes.profile(request)
        currency = self._currency(request)
        if self._books.world.faults.take("statement_forbidden", request=request):
            raise Problem(403, "forbidden", "A personal token may not read statements")
        self._funding.authenticate(request, {currency})
        since, until = _moment(request, "intervalStart"), _moment(request, "intervalEnd")
        if until - since > LONGEST_S:
            raise Problem(400, "NOT_VALID", "A statement covers at most 469 days", path="intervalEnd")
        rows = [one for one in self._books.rows if one.currency == currency and since <= one.at <= until]
        body = {
            "accountHolder": {"type": "BUSINESS", "businessName": "Marketplace Ltd"},
            "transactions": [self._shown(one) for one in reversed(rows)],
            "endOfStatementBalance": _amount(self._books.funds[currency], currency),
            "query": {
                "intervalStart": request.arg("intervalStart"),
                "intervalEnd": request.arg("intervalEnd"),
                "type": request.arg("type"),
                "currency": currency,
                "accountId": self._books.balance_id(currency),
            },
        }
        return answer(body)

    def top_up(self, request: Request) -> Response:
        """Put money into a balance, as Wise's own sandbox does."""
        asked = read(request)
        currency = str(asked.get("currency"))
        if currency not in HELD or asked.get("balanceId") != self._books.balance_id(currency):
            raise Problem(404, "balance.not-found", "There is no such balance")
        units = units_of(asked.get("amount"), currency, path="amount")
        self.add(currency, units)
        after = {
            "id": self._books.balance_id(currency),
            "value": decimal(self._books.funds[currency], currency),
            "currency": currency,
        }
        return answer(
            {"transactionId": self._books.next_id(), "state": "COMPLETED", "balancesAfter": [after]}
        )

    def add(self, currency: str, units: int) -> None:
        """Put money into a balance, or take some out."""
        about = f"TRANSFER-{self._books.next_id()}"
        if units > 0:
            self._books.enter(currency, units, kind="DEPOSIT", about=about, text="Received money from us")
        elif units < 0:
            self._books.enter(
                currency, units, kind="OUTGOING_CROSS_BALANCE", about=about, text="Moved to a jar"
            )

    def _shown(self, row: Row) -> dict[str, Any]:
        details: dict[str, Any] = {"type": row.kind, "description": row.text}
        if row.kind == "DEPOSIT":
            details |= {"senderName": "Marketplace Ltd", "senderAccount": "", "paymentReference": ""}
        return {
            "type": "DEBIT" if row.units < 0 else "CREDIT",
            "date": datetime.fromtimestamp(row.at, UTC).isoformat(timespec="milliseconds"),
            "amount": _amount(row.units, row.currency),
            "totalFees": _amount(row.fee, row.currency),
            "details": details,
            "exchangeDetails": None,
            "runningBalance": _amount(row.running, row.currency),
            "referenceNumber": row.about,
        }

    def _currency(self, request: Request) -> str:
        for currency in HELD:
            if request.params["balance"] == str(self._books.balance_id(currency)):
                return currency
        raise Problem(404, "balance.not-found", "There is no such balance")


def _amount(units: int, currency: str) -> dict[str, Decimal | str]:
    return {"value": decimal(units, currency), "currency": currency}


def _moment(request: Request, name: str) -> float:
    try:
        return datetime.fromisoformat(str(request.arg(name))).astimezone(UTC).timestamp()
    except ValueError:
        raise Problem(400, "NOT_VALID", f"{name} is no moment", path=name) from None
