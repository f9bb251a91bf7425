"""Reads a mass payout request: all of it or nothing, each bad payment named."""

from __future__ import annotations

from typing import Any, NamedTuple

from sandbox.core import World
from sandbox.payoneer.books import INACTIVE, Books
from sandbox.payoneer.money import units_of
from sandbox.payoneer.problems import Problem, at, refused

MOST = 500
_LONGEST = {"client_reference_id": 60, "payee_id": 30, "description": 100, "group_id": 50}


class Line(NamedTuple):
    """One payment as it was accepted."""

    reference: str
    payee_id: str
    units: int
    currency: str
    description: str


class Entry:
    """Knows what may be asked for."""

    def __init__(self, world: World, books: Books) -> None:
        self._world = world
        self._books = books

    def read(self, body: Any) -> list[Line]:
        """Read a request.

        :raises Problem: naming everything that is wrong with it.
        """
        payments = body.get("Payments") if isinstance(body, dict) else None
        if not isinstance(payments, list) or not payments:
            raise refused(at("Payments", "Payments is required"))
        if len(payments) > MOST:
            raise refused(at("Payments", f"At most {MOST} payments are allowed", value=len(payments)))
        errors: list[dict[str, Any]] = []
        lines: list[Line] = []
        seen: set[str] = set()
        for n, payment in enumerate(payments):
            found = list(self._errors(payment, n, seen))
            errors += found
            if not found:
                lines.append(_line(payment))
        if errors:
            raise refused(*errors)
        self._must_hold(lines)
        return lines

    def _errors(self, payment: Any, n: int, seen: set[str]) -> list[dict[str, Any]]:
        where = f"Payments[{n}]"
        if not isinstance(payment, dict):
            return [at(where, "A payment must be an object")]
        wrong = [
            at(
                f"{where}.{name}",
                f"{name} is required, of at most {most} characters",
                value=payment.get(name),
            )
            for name, most in _LONGEST.items()
            if not _fits(payment.get(name), most, needed=name != "group_id")
        ]
        if wrong:
            return wrong
        reference = payment["client_reference_id"]
        if reference in seen or reference in self._books.payments:
            return [at(f"{where}.client_reference_id", "client_reference_id already exists", value=reference)]
        seen.add(reference)
        if units_of(payment.get("amount")) is None:
            return [at(f"{where}.amount", "Amount is invalid", value=payment.get("amount"))]
        if payment.get("currency") != self._books.currency:
            return [at(f"{where}.currency", "Currency mismatch", value=payment.get("currency"))]
        return self._payee_errors(payment["payee_id"], where, reference)

    def _payee_errors(self, payee_id: str, where: str, reference: str) -> list[dict[str, Any]]:
        payee = self._books.payees.get(payee_id)
        if payee is None:
            return [at(f"{where}.payee_id", "Payee does not exist", value=payee_id)]
        inactive = self._world.faults.take("inactive_at_once", references={reference, payee_id})
        if payee.status == INACTIVE or inactive is not None:
            return [at(f"{where}.payee_id", "Payee is inactive", value=payee_id)]
        return []

    def _must_hold(self, lines: list[Line]) -> None:
        references = {name for line in lines for name in (line.reference, line.payee_id)}
        poor = self._world.faults.take("insufficient_funds", references=references)
        if poor is not None or sum(line.units for line in lines) > self._books.balance:
            raise Problem(400, "Insufficient funds", sub_code=1000)


def _fits(value: Any, most: int, *, needed: bool) -> bool:
    if value is None:
        return not needed
    return isinstance(value, str) and len(value) <= most and bool(value or not needed)


def _line(payment: dict[str, Any]) -> Line:
    return Line(
        payment["client_reference_id"],
        payment["payee_id"],
        units_of(payment["amount"]) or 0,
        payment["currency"],
        payment["description"],
    )
