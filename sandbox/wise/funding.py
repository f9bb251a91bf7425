"""Funding: the one call by which money leaves; its answer of 200 may say that nothing did."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.core import Request, Response
from sandbox.wise.auth import Auth
from sandbox.wise.books import WAITING, Books, Transfer
from sandbox.wise.numbers import answer, read
from sandbox.wise.problems import Problem
from sandbox.wise.processing import Processing

_SHORT = "transfer.insufficient_funds"


class Funding:
    """Pays transfers from the balance."""

    def __init__(self, books: Books, processing: Processing, auth: Auth) -> None:
        self._books = books
        self._processing = processing
        self._auth = auth
        self._cleared: set[str] = set()

    def forget(self) -> None:
        """Begin anew."""
        self._cleared.clear()

    def fund(self, transfer: Transfer, request: Request) -> Response:
        """Fund one transfer."""
        if read(request).get("type") != "BALANCE":
            raise Problem(422, "NOT_SUPPORTED", "Only BALANCE is supported", path="type")
        self.authenticate(request, transfer.names())
        if transfer.status != WAITING or transfer.payments:
            raise Problem(422, "transfer.invalid-state", "The transfer is in an invalid state")
        why = self.refusal([transfer], request)
        if why:
            return answer(_told("REJECTED", why))
        self._processing.fund(transfer)
        made = self._books.world.faults.take("fund_created", references=transfer.names(), request=request)
        return answer(
            {**_told("COMPLETED", None), "balanceTransactionId": transfer.payments[-1]["id"]},
            status=200 if made is None else 201,
        )

    def by_hand(self, transfer: Transfer) -> None:
        """Fund a transfer as a person does on Wise's own pages.

        :raises Problem: when it cannot be.
        """
        if transfer.status != WAITING or transfer.payments:
            raise Problem(422, "transfer.invalid-state", "The transfer is in an invalid state")
        if transfer.source_units > self._books.funds.get(transfer.source, 0):
            raise Problem(422, _SHORT, "There is too little in the balance")
        self._processing.fund(transfer)

    def refusal(self, transfers: Iterable[Transfer], request: Request) -> str:
        """Say why the balance does not pay transfers, or nothing."""
        found = list(transfers)
        names = {name for one in found for name in one.names()}
        faults = self._books.world.faults
        rejected = faults.take("reject_fund", references=names, request=request)
        if rejected is not None:
            return str(rejected.value or "balance.payment-option-unavailable")
        short = faults.take("insufficient_funds", references=names, request=request)
        cost = sum(one.source_units for one in found)
        if short is not None or cost > self._books.funds.get(found[0].source, 0):
            return _SHORT
        return ""

    def authenticate(self, request: Request, names: set[str]) -> None:
        """Ask for strong authentication where steering wants it; a challenge once given clears the next call.

        :raises Problem: with the challenge, or where the token may not fund at all.
        """
        faults = self._books.world.faults
        if self._auth.is_personal(request) and faults.take(
            "token_cannot_fund", references=names, request=request
        ):
            raise Problem(403, "forbidden", "A personal token may not fund transfers")
        given = request.headers.get("x-2fa-approval", "")
        if given and given in self._cleared:
            self._cleared.remove(given)
            return
        if faults.take("sca", references=names, request=request):
            challenge = self._books.new_uuid()
            self._cleared.add(challenge)
            headers = {"x-2fa-approval-result": "REJECTED", "x-2fa-approval": challenge}
            raise Problem(403, "forbidden", "Strong customer authentication is needed", headers=headers)


def _told(status: str, code: str | None) -> dict[str, Any]:
    return {"type": "BALANCE", "status": status, "errorCode": code}
