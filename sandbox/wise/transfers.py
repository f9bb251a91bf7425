"""Transfers: made of a quote and a recipient, listed, shown, and cancelled while that is possible."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sandbox.core import Request, Response
from sandbox.wise import views
from sandbox.wise.books import CANCELLED, WAITING, Books, Quote, Transfer
from sandbox.wise.numbers import answer, decimal, read
from sandbox.wise.prices import balance_price
from sandbox.wise.problems import Problem
from sandbox.wise.processing import Processing

MOST = 100
_CANCELLABLE = frozenset({WAITING, "incoming_payment_initiated", "processing"})
_REFERENCES = {"USD": 10}
_LONGEST_REFERENCE = 140


class Transfers:
    """The doors of transfers."""

    def __init__(self, books: Books, processing: Processing) -> None:
        self._books = books
        self._processing = processing

    def create(self, request: Request) -> Response:
        """Make a transfer; a customerTransactionId that is known gives the transfer that it made."""
        return answer(views.transfer(self.make(request), self._books))

    def make(self, request: Request, *, group: str = "") -> Transfer:
        """Make a transfer, perhaps of a group.

        :raises Problem: when it cannot be made.
        """
        asked = read(request)
        key = _uuid(asked.get("customerTransactionId"), "customerTransactionId")
        profiles = (self._books.business, self._books.personal)
        known = next((self._books.by_key[p, key] for p in profiles if (p, key) in self._books.by_key), None)
        if known is not None:
            if self._books.world.faults.take("refuse_known", references=known.names(), request=request):
                raise Problem(422, "NOT_VALID", "The quote cannot be accepted", path="quoteUuid")
            return known
        quote = self._quote(asked, key, request)
        account = asked.get("targetAccount")
        recipient = self._books.recipients.get(account) if isinstance(account, int) else None
        refused = self._books.world.faults.take("refuse", references={key, str(account)}, request=request)
        if recipient is None or not recipient.active or refused is not None:
            raise Problem(422, "NOT_VALID", "The recipient account is not active", path="targetAccount")
        if recipient.currency != quote.target:
            raise Problem(422, "NOT_VALID", "The recipient has another currency", path="targetAccount")
        details = asked.get("details") or {}
        reference = str(details.get("reference", ""))
        if len(reference) > _REFERENCES.get(quote.target, _LONGEST_REFERENCE):
            raise Problem(422, "NOT_VALID", "The reference is too long", path="details.reference")
        price = balance_price(quote)
        transfer = Transfer(
            id=self._books.next_id(),
            profile=quote.profile,
            key=key,
            quote=quote.id,
            account=recipient.id,
            reference=reference,
            source=quote.source,
            target=quote.target,
            source_units=price.source_units,
            target_units=price.target_units,
            fee=price.fee,
            created=self._books.now,
            nature=quote.nature,
            group=group,
        )
        quote.status = "ACCEPTED"
        self._books.keep(quote)
        self._books.keep(transfer)
        self._processing.expire_later(transfer)
        return transfer

    def _quote(self, asked: dict[str, Any], key: str, request: Request) -> Quote:
        quote = self._books.quotes.get(str(asked.get("quoteUuid")))
        if quote is None:
            raise Problem(422, "quote.not-found", "There is no such quote", path="quoteUuid")
        if self._books.world.faults.take("quote_expired", references={quote.id, key}, request=request):
            quote.expires = self._books.now
            self._books.keep(quote)
        if quote.status != "PENDING":
            raise Problem(422, "quote.already-used", "The quote has been used already", path="quoteUuid")
        if quote.expires <= self._books.now:
            raise Problem(422, "quote.expired", "The quote has expired", path="quoteUuid")
        if self._books.world.faults.take("approval_missing", references={key}, request=request):
            text = "Quote cannot be accepted with this request due to missing approval."
            raise Problem(422, "quote.missing-approval", text, path="quoteUuid")
        return quote

    def requirements(self, request: Request) -> Response:
        """Show what a transfer needs beside its recipient and quote."""
        quote = self._books.quotes.get(str(read(request).get("quoteUuid")))
        if quote is None:
            raise Problem(422, "quote.not-found", "There is no such quote", path="quoteUuid")
        one = {
            "key": "reference",
            "name": "Reference",
            "type": "text",
            "refreshRequirementsOnChange": False,
            "required": False,
            "displayFormat": None,
            "example": None,
            "minLength": None,
            "maxLength": _REFERENCES.get(quote.target, _LONGEST_REFERENCE),
            "validationRegexp": None,
            "validationAsync": None,
            "valuesAllowed": None,
        }
        return answer([{"type": "transfer", "fields": [{"name": "Reference", "group": [one]}]}])

    def show(self, request: Request) -> Response:
        """Show a transfer."""
        return answer(views.transfer(self.of_path(request), self._books))

    def list(self, request: Request) -> Response:
        """List transfers of a profile, the newest first, in pages that must fit together."""
        limit, offset = int(request.arg("limit") or 10), int(request.arg("offset") or 0)
        if not 0 < limit <= MOST or offset % limit:
            raise Problem(400, "pagination.inconsistent", "The pagination is inconsistent", path="offset")
        profile = request.arg("profile") or str(self._books.personal)
        since, until = _moment(request.arg("createdDateStart")), _moment(request.arg("createdDateEnd"))
        statuses = set(filter(None, (request.arg("status") or "").split(",")))
        lag = self._books.world.faults.take("list_late", request=request)
        newest = self._books.now - (lag.after(60.0) if lag is not None else 0.0)
        found = [
            one
            for one in sorted(self._books.transfers.values(), key=lambda one: one.id, reverse=True)
            if str(one.profile) == profile
            and (since is None or int(one.created) >= since)
            and (until is None or int(one.created) <= until)
            and (not statuses or one.status in statuses)
            and one.created <= newest
        ]
        return answer([views.transfer(one, self._books) for one in found[offset : offset + limit]])

    def payments(self, request: Request) -> Response:
        """List what was paid into a transfer."""
        return answer(
            [
                {**one, "amount": decimal(one["amount"], one["currency"])}
                for one in self.of_path(request).payments
            ]
        )

    def cancel(self, request: Request) -> Response:
        """Cancel a transfer that was not converted yet."""
        transfer = self.of_path(request)
        if transfer.status == CANCELLED:
            return answer(views.transfer(transfer, self._books))
        if transfer.status not in _CANCELLABLE:
            text = "The transfer can no longer be cancelled"
            raise Problem(409, "transfer.cancellation.not.allowed", text)
        self._processing.cancel(transfer)
        return answer(views.transfer(transfer, self._books))

    def of_path(self, request: Request) -> Transfer:
        """Find the transfer of a path.

        :raises Problem: when there is none.
        """
        text = request.params["transfer"]
        transfer = self._books.transfers.get(int(text)) if text.isdecimal() else None
        if transfer is None:
            raise Problem(404, "transfer.not-found", "Transfer not found")
        return transfer


def _uuid(value: object, path: str) -> str:
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        raise Problem(400, "NOT_VALID", f"{path} must be a UUID", path=path) from None


def _moment(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except ValueError:
        raise Problem(400, "NOT_VALID", "This is no date", path="createdDate") from None
