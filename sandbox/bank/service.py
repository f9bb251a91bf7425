"""The bank put together: it takes each file once, books what it carries out, and makes statements."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any
from uuid import UUID

from sandbox.bank import statements
from sandbox.bank.books import Books, Paid, day_of, units_of
from sandbox.bank.files import BadFile, File, Payment, read
from sandbox.core import BadRequest, Request, Response, Route, Service, World
from sandbox.core.steering import fields_of

_ACCOUNT = "DE89370400440532013000"
_HEX = 32
_ELSEWHERE = "GB29NWBK60161331926819"


class Bank(Service):
    """One account at one bank, as its customer's staff see it."""

    name, port = "bank", 8808
    kinds = {
        "take_twice": "A file that was taken already is taken, and paid, once more.",
        "book_late": "The file is taken, and booked `seconds` (else 60) of the sandbox's time later.",
        "wrong_amount": "The payment is debited with `value` units more (else 1).",
        "other_account": "The statement names another account as the payee's.",
        "forget_id": "The statement leaves the end-to-end id out.",
    }
    unsupported = frozenset(
        {"webhook_lose", "webhook_double", "webhook_replay", "webhook_reorder", "webhook_forge", "webhook_early",
         "webhook_late", "wrong_echo"}
    )  # fmt: skip

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.account = world.credential("account", lambda: _ACCOUNT)
        self.books = Books(world, currency=world.credential("currency", lambda: "EUR"))

    def credentials(self) -> dict[str, str]:
        """Give what the product must know of the account."""
        return {
            "name": "Harbour Market",
            "account": self.account,
            "bic": "COBADEFFXXX",
            "currency": self.books.currency,
        }

    def routes(self) -> Iterable[Route]:
        """Give the bank's doors."""
        return [
            Route("POST", "/files", self.upload),
            Route("GET", "/files/{id}", self.show),
            Route("GET", "/statements/camt053", self.camt),
            Route("GET", "/statements/csv", self.csv),
        ]

    def steering(self) -> Iterable[Route]:
        """Give the bank's own steering: returns in part, fees, and payments that nobody asked for."""
        return [
            Route("POST", "/_sandbox/return", self._give_back),
            Route("POST", "/_sandbox/fee", self._charge),
            Route("POST", "/_sandbox/debit", self._debit),
        ]

    # Doors ---------------------------------------------------------------------------------------------------

    def upload(self, request: Request) -> Response:
        """Take a file, and carry it out."""
        try:
            file = read(request.body, units_of=units_of)
            self._must_be_ours(file)
        except BadFile as error:
            return self.error(request, status=400, why=str(error))
        references = {file.id, *(one.end_to_end for one in file.payments)}
        known = file.id in self.books.files
        if known and not self.world.faults.take("take_twice", request=request, references=references):
            return self.error(request, status=409, why=f"The file {file.id} was taken already.")
        self.books.take(file.id)
        late = self.world.faults.take("book_late", request=request, references=references)
        if late is None:
            self._carry_out(file)
        else:
            self.world.clock.call_later(late.after(60.0), lambda: self._carry_out(file))
        return Response.of({"id": file.id, "payments": len(file.payments)}, status=201)

    def show(self, request: Request) -> Response:
        """Say what became of a file, as a bank's pages show it."""
        name = request.params["id"]
        if name not in self.books.files:
            return self.error(request, status=404, why="No such file was taken.")
        paid = [one.end_to_end for one in self.books.paid if one.file == name]
        return Response.of({"id": name, "taken": self.books.files[name], "carried_out": paid})

    def camt(self, request: Request) -> Response:
        """Make a camt.053."""
        return self._statement(request, statements.camt, "application/xml")

    def csv(self, request: Request) -> Response:
        """Make a CSV."""
        return self._statement(request, statements.csv, "text/csv")

    def _statement(self, request: Request, write: Any, content_type: str) -> Response:
        try:
            first = day_of(request.arg("from"), self.books.first_day())
            last = day_of(request.arg("to"), self.books.today())
        except ValueError as error:
            raise BadRequest(str(error)) from error
        body = write(self.books, account=self.account, first=first, last=max(first, last))
        return Response(200, body, content_type=content_type)

    def _must_be_ours(self, file: File) -> None:
        if file.debtor not in ("", self.account):
            raise BadFile("The file is to be paid from another account.")
        if {one.currency for one in file.payments} != {self.books.currency}:
            raise BadFile(f"The account is kept in {self.books.currency}.")

    # Carrying out --------------------------------------------------------------------------------------------

    def _carry_out(self, file: File) -> None:
        for part, payments in groupby(file.payments, key=lambda one: one.part):
            done = [paid for one in payments if (paid := self._pay(one, file)) is not None]
            if file.as_one and done:
                total = sum(one.units for one in done)
                self.books.book("file", -total, file=part, text="Collective transfer")
            for paid in done:
                self._return_if_asked(paid)

    def _pay(self, one: Payment, file: File) -> Paid | None:
        faults, names = self.world.faults, _names(one.end_to_end, one.account, file.id)
        if faults.take("refuse", references=names):
            self.books.refuse(one.end_to_end, "AC04")
            return None
        wrong = faults.take("wrong_amount", references=names)
        units = one.units + (int(wrong.value or 1) if wrong else 0)
        if self.books.balance < units or faults.take("insufficient_funds", references=names):
            self.books.refuse(one.end_to_end, "AM04")
            return None
        paid = self.books.pay(end_to_end=one.end_to_end, file=file.id, account=one.account, units=units)
        if not file.as_one:
            self.books.book(
                "payment",
                -units,
                end_to_end="" if faults.take("forget_id", references=names) else one.end_to_end,
                file=file.id,
                account=_ELSEWHERE if faults.take("other_account", references=names) else one.account,
                text=f"Payout to {one.name}",
            )
        return paid

    def _return_if_asked(self, paid: Paid) -> None:
        fault = self.world.faults.take("return", references=_names(paid.end_to_end, paid.account, paid.file))
        if fault is None:
            return

        def come_back() -> None:
            if paid.returned < paid.units:
                self.books.give_back(paid, paid.units - paid.returned, reason="AC04")

        self.world.clock.call_later(fault.after(0.0), come_back)

    # Steering ------------------------------------------------------------------------------------------------

    def _give_back(self, request: Request) -> Response:
        """Bring {"units"} of the payment {"reference"} back."""
        reference, units = fields_of(request, reference=str, units=int)
        for paid in self.books.of(reference):
            if 0 < units <= paid.units - paid.returned:
                self.books.give_back(paid, units, reason="MD07")
                return Response.of({"returned": str(paid.returned)})
        raise BadRequest(f"No payment {reference!r} is out with at least {units} units")

    def _charge(self, request: Request) -> Response:
        """Charge the account {"units"}."""
        (units,) = fields_of(request, units=int)
        self.books.book("fee", -units, text="Account fee")
        return Response(204)

    def _debit(self, request: Request) -> Response:
        """Pay {"units"} to {"account"} though nobody asked for it."""
        units, account = fields_of(request, units=int, account=str)
        self.books.book("payment", -units, account=account, text="Who knows")
        return Response(204)

    def set_funds(self, *, currency: str, units: int) -> None:
        """Set what stands on the account; the difference is the owner's, and stands on the statement."""
        if currency != self.books.currency:
            raise BadRequest(f"The account is kept in {self.books.currency}")
        difference = units - self.books.balance
        if difference:
            self.books.book("owner", difference, text="Own transfer")

    def set_fate(self, *, reference: str, status: str) -> int:
        """Have what was paid come back: the only fate that a bank's customer sees."""
        if status != "returned":
            raise BadRequest("The fate of a payment that was carried out is `returned`")
        out = [one for one in self.books.of(reference) if one.returned < one.units]
        for paid in out:
            self.books.give_back(paid, paid.units - paid.returned, reason="AC04")
        return len(out)

    # What the core asks --------------------------------------------------------------------------------------

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact."""
        self.books.restore(kind, fact)

    def reset(self) -> None:
        """Forget everything."""
        self.books.forget()

    def aliases(self, request: Request) -> Iterable[str]:
        """Give the payments of the file in the path."""
        name = request.path.rpartition("/")[2]
        return [one.end_to_end for one in self.books.paid if one.file == name]


def _names(end_to_end: str, account: str, file: str) -> set[str]:
    """Give everything that faults may call a payment by: also the id as whoever made it wrote it, with its dashes."""
    names = {end_to_end, account, file}
    return names | {str(UUID(end_to_end))} if len(end_to_end) == _HEX else names
