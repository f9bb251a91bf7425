"""The payouts API: submit, status by the caller's reference, cancel, balance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.core import BadRequest, Request, Response, World
from sandbox.payoneer.books import Books, Payment
from sandbox.payoneer.entry import Entry
from sandbox.payoneer.money import shown
from sandbox.payoneer.problems import PAYOUT_NOT_FOUND, Problem, no_payout
from sandbox.payoneer.processing import CANCELLED, TRANSFERRED, Processing

CREATED = "Payments Created"


class Payouts:
    """Handlers."""

    def __init__(self, *, world: World, books: Books, entry: Entry, processing: Processing) -> None:
        self._world = world
        self._books = books
        self._entry = entry
        self._processing = processing

    def submit(self, request: Request) -> Response:
        """Answer POST …/masspayouts: that the payments were created, and no more."""
        if self._take("failure_in_2xx", request):
            return Response.of(_failure())
        try:
            lines = self._entry.read(request.json())
        except BadRequest as wrong:
            raise Problem(400, str(wrong), sub_code=1000) from wrong
        for line in lines:
            self._processing.take(line)
        if self._take("failure_after", request):
            return Response.of(_failure())
        return Response.of({"result": CREATED}, status=201)

    def status(self, request: Request) -> Response:
        """Answer GET …/payouts/{reference}/status."""
        payment = self._find(request)
        word = payment.status
        other = self._world.faults.take("unknown_status", references=payment.names())
        if other is not None:
            word = other.value if isinstance(other.value, str) else "Scheduled"
        return Response.of({"result": _shown(payment, word)})

    def cancel(self, request: Request) -> Response:
        """Answer PUT …/payouts/{reference}/cancel: a request, that has not been acted upon."""
        payment = self._find(request)
        if payment.status in (TRANSFERRED, CANCELLED):
            raise Problem(400, f"Payout cannot be cancelled in status {payment.status}", sub_code=1000)
        self._processing.cancel(payment)
        text = "The request was received successfully. The cancel action has not yet been performed."
        return Response.of({"result": {"description": text}})

    def balance(self, request: Request) -> Response:
        """Answer GET …/balance."""
        return Response.of(
            {"result": {"balance": shown(self._books.balance), "currency": self._books.currency}}
        )

    def _find(self, request: Request) -> Payment:
        payment = self._books.payments.get(request.params["reference"])
        if payment is not None and payment.visible <= self._world.clock.time():
            return payment
        if self._take("not_found_400", request):
            raise Problem(400, "Payout not found", code=PAYOUT_NOT_FOUND)
        raise no_payout()

    def _take(self, kind: str, request: Request) -> bool:
        return bool(self._world.faults) and self._world.faults.take(kind, request=request) is not None


def _failure() -> dict[str, Any]:
    return {
        "status": "Failure",
        "error": "Internal Error",
        "error_description": "The request was not processed",
    }


def _shown(payment: Payment, word: str) -> dict[str, Any]:
    return {
        "payout_date": _moment(payment.created),
        "amount": shown(payment.units),
        "currency": payment.currency,
        "status": word,
        "payee_id": payment.payee_id,
        "payout_id": payment.id,
        "target_amount": None,
        "target_currency": None,
        "scheduled_payout_date": None,
        "load_date": None if payment.loaded is None else _moment(payment.loaded),
        "reason_code": None,
        "reason_description": None,
        "cancel_reason_code": payment.reason_code,
        "cancel_reason_description": payment.reason,
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
