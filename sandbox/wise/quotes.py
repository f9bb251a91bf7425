"""Quotes: what a transfer would cost, for half an hour."""

from __future__ import annotations

from typing import Any

from sandbox.core import BadRequest, Request, Response
from sandbox.wise import forms, views
from sandbox.wise.books import QUOTE_LIFE_S, Books, Quote
from sandbox.wise.numbers import DECIMALS, answer, read, units_of
from sandbox.wise.problems import Problem

_MERGE = "application/merge-patch+json"


class Quotes:
    """The doors of quotes, and of the forms that belong to them."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def create(self, request: Request) -> Response:
        """Make a quote of a profile."""
        asked = read(request)
        quote = self._new(asked, profile=self.profile(request))
        if self._books.world.faults.take("blocked_notice", request=request):
            quote.blocked = True
        if self._books.world.faults.take("balance_disabled", request=request):
            quote.without_balance = True
        self._books.keep(quote)
        return answer(views.quote(quote, self._books))

    def show(self, request: Request) -> Response:
        """Show a quote."""
        return answer(views.quote(self.of_path(request), self._books))

    def change(self, request: Request) -> Response:
        """Give a quote its recipient, which may change how it is paid out, and so its price."""
        if not request.headers.get("content-type", "").startswith(_MERGE):
            raise Problem(415, "unsupported_media_type", f"Send {_MERGE}")
        quote, asked = self.of_path(request), read(request)
        if quote.status != "PENDING":
            raise Problem(422, "quote.not-pending", "The quote has been used already")
        if "targetAccount" in asked:
            self._aim(quote, asked["targetAccount"])
        metadata = asked.get("paymentMetadata")
        if isinstance(metadata, dict):
            quote.nature = str(metadata.get("transferNature", ""))
        self._books.keep(quote)
        return answer(views.quote(quote, self._books))

    def requirements(self, request: Request) -> Response:
        """Show the forms for a quote, for what was given so far where it is posted."""
        quote = self._books.quotes.get(request.params["quote"])
        if quote is None:
            raise Problem(404, "quote.not-found", "There is no such quote")
        return self._forms(request, quote.target)

    def requirements_without(self, request: Request) -> Response:
        """Show the forms of a currency, without the context of a profile."""
        return self._forms(request, self._currency(request.arg("target"), "target"))

    def _forms(self, request: Request, currency: str) -> Response:
        given = read(request) if request.method == "POST" else {}
        with_name = request.headers.get("accept-minor-version") == "1"
        return answer(forms.requirements(currency, given, with_name=with_name))

    def of_path(self, request: Request) -> Quote:
        """Find the quote of a path.

        :raises Problem: when there is none.
        """
        quote = self._books.quotes.get(request.params["quote"])
        if quote is None or quote.profile != self.profile(request):
            raise Problem(404, "quote.not-found", "There is no such quote")
        return quote

    def profile(self, request: Request) -> int:
        """Read the profile of a path.

        :raises Problem: when it is not one of ours.
        """
        text = request.params["profile"]
        if text not in (str(self._books.business), str(self._books.personal)):
            raise Problem(403, "forbidden", "You may not act for this profile")
        return int(text)

    def _new(self, asked: dict[str, Any], *, profile: int) -> Quote:
        source = self._currency(asked.get("sourceCurrency"), "sourceCurrency")
        target = self._currency(asked.get("targetCurrency"), "targetCurrency")
        by_source, by_target = asked.get("sourceAmount"), asked.get("targetAmount")
        if (by_source is None) == (by_target is None):
            raise Problem(
                422, "quote.amount", "Give either sourceAmount or targetAmount", path="targetAmount"
            )
        name, currency, value = (
            ("targetAmount", target, by_target) if by_source is None else ("sourceAmount", source, by_source)
        )
        try:
            units = units_of(value, currency, path=name)
        except BadRequest as error:
            raise Problem(422, "NOT_VALID", str(error), path=name) from error
        now = self._books.now
        metadata = asked.get("paymentMetadata") or {}
        quote = Quote(
            id=self._books.new_uuid(),
            profile=profile,
            source=source,
            target=target,
            units=units,
            by_target=by_source is None,
            created=now,
            expires=now + QUOTE_LIFE_S,
            nature=str(metadata.get("transferNature", "")),
        )
        if asked.get("targetAccount") is not None:
            self._aim(quote, asked["targetAccount"])
        return quote

    def _aim(self, quote: Quote, account: object) -> None:
        recipient = self._books.recipients.get(account) if isinstance(account, int) else None
        if recipient is None or recipient.currency != quote.target:
            raise Problem(
                422, "NOT_VALID", "There is no such recipient of this currency", path="targetAccount"
            )
        quote.account = recipient.id
        quote.pay_out = "SWIFT" if recipient.type == "swift_code" else "BANK_TRANSFER"

    def _currency(self, value: object, path: str) -> str:
        if not isinstance(value, str) or value not in DECIMALS:
            raise Problem(422, "NOT_SUPPORTED", f"{value} is not supported", path=path)
        return value
