"""Payoneer put together: which door leads where, and what steering may do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.core import BadRequest, Request, Response, Route, Service, World
from sandbox.core.routing import Handler
from sandbox.core.steering import fields_of
from sandbox.core.webhooks import is_loopback
from sandbox.payoneer.books import Books
from sandbox.payoneer.entry import Entry
from sandbox.payoneer.money import CURRENCIES
from sandbox.payoneer.notifications import Notifications
from sandbox.payoneer.oauth import OAuth
from sandbox.payoneer.payees import Payees
from sandbox.payoneer.payouts import CREATED, Payouts
from sandbox.payoneer.problems import Problem
from sandbox.payoneer.processing import BAD_BRANCH, FATES, Processing
from sandbox.payoneer.settings import Settings

PROGRAM = "100083940"


class Payoneer(Service):
    """One program of one partner."""

    name, port = "payoneer", 8804
    kinds = {
        "reference_lag": "A new payment is not found by its reference for `seconds` (else 900).",
        "not_found_400": "What is not found is answered with 400 and the code 2306, instead of 404 and the sub code.",
        "drop_payment": "The request is answered as created, and this payment never is.",
        "failure_in_2xx": "A submission is answered 200 with status Failure, and nothing is done.",
        "failure_after": "A submission is answered 200 with status Failure, and the payments are created all the same.",
        "inactive": "The payment is cancelled with reason 10009, because its payee is inactive.",
        "inactive_at_once": "The payee counts as inactive when the payment is submitted, which refuses the request.",
        "pending_payee": "The payment waits for its payee.",
        "stuck_pending": "The payment stays Pending until the fault is lifted.",
        "unknown_status": "The status reads `value` (else Scheduled).",
        "cancel_ignored": "A cancelling is received, and never acted upon.",
        "cancel_forgets": "A payment that is cancelled after it was transferred has no load_date any more.",
        "expire_token": "The access token is no longer known: 401.",
        "wrong_account": "The access token belongs to another account: 403 with the sub code 4012.",
        "webhook_unsigned": "The event comes without a signature, as where none was agreed.",
        "webhook_stale": "The event is rightly signed, with a time 15 minutes ago.",
    }
    unsupported = frozenset({"webhook_early"})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.settings = Settings()
        self.books = Books(world)
        self.oauth = OAuth(world)
        self.program_id = world.credential("program_id", lambda: PROGRAM)
        self.news = Notifications(world)
        self.processing = Processing(world=world, books=self.books, news=self.news, settings=self.settings)
        entry = Entry(world, self.books)
        self.payouts = Payouts(world=world, books=self.books, entry=entry, processing=self.processing)
        self.payees = Payees(
            world=world,
            books=self.books,
            news=self.news,
            processing=self.processing,
            settings=self.settings,
        )

    def credentials(self) -> dict[str, str]:
        """Give what the product's settings need."""
        return {
            "auth_url": self.world.url,
            "program_id": self.program_id,
            "client_id": self.oauth.client_id,
            "client_secret": self.oauth.client_secret,
            "webhook_secret": self.news.secret,
        }

    def routes(self) -> Iterable[Route]:
        """Give all of Payoneer's routes."""
        root = "/v4/programs/{program_id}"
        closed = [
            Route("POST", f"{root}/masspayouts", self.payouts.submit),
            Route("GET", f"{root}/payouts/{{reference}}/status", self.payouts.status),
            Route("PUT", f"{root}/payouts/{{reference}}/cancel", self.payouts.cancel),
            Route("GET", f"{root}/balance", self.payouts.balance),
            Route("POST", f"{root}/payees/registration-link", self.payees.link),
            Route("GET", f"{root}/payees/{{payee_id}}/status", self.payees.status),
            Route("GET", f"{root}/payees/{{payee_id}}/details", self.payees.details),
            Route("DELETE", f"{root}/payees/{{payee_id}}", self.payees.release),
        ]
        return [
            Route("POST", "/api/v2/oauth2/token", self.oauth.issue),
            Route("POST", "/api/v2/oauth2/revoke", self.oauth.revoke),
            Route("GET", "/partners/lp.aspx", self.payees.open),
            Route("POST", "/partners/lp.aspx", self.payees.complete),
            *(route._replace(handler=self._answered(route.handler)) for route in closed),
        ]

    def _answered(self, handler: Handler) -> Handler:
        """Wrap a handler: token, program, and Payoneer's error form."""

        def answer(request: Request) -> Response:
            try:
                self.oauth.require(request)
                if request.params["program_id"] != self.program_id:
                    raise Problem(403, "The program does not belong to this account", sub_code=403)
                return handler(request)
            except Problem as problem:
                return problem.response()

        return answer

    # Steering ------------------------------------------------------------------------------------------------

    def steering(self) -> Iterable[Route]:
        """Give Payoneer's own steering: payees without a page, the webhooks' address, how fast things happen."""
        doors: tuple[tuple[str, Callable[[Request], Response]], ...] = (
            ("payees", self._put_payee),
            ("webhook", self._point_webhook),
            ("settings", self._change_settings),
        )
        return [Route("POST", f"/_sandbox/{name}", handler) for name, handler in doors]

    def _put_payee(self, request: Request) -> Response:
        """Have a payee {"payee_id"} who stands as {"status"} says."""
        payee_id, status = fields_of(request, payee_id=str, status=str)
        try:
            return Response.of(self.payees.put(payee_id, status))
        except Problem as problem:
            raise BadRequest(str(problem)) from problem

    def _point_webhook(self, request: Request) -> Response:
        """Send all events to {"url"}, each type to an address of its own."""
        (url,) = fields_of(request, url=str)
        if not is_loopback(url):
            raise BadRequest("`url` must be plain http on loopback")
        return Response.of(self.news.listen(url))

    def _change_settings(self, request: Request) -> Response:
        """Change how fast things happen, and the program's currency."""
        asked = dict(request.json())
        currency = asked.pop("currency", self.books.currency)
        if currency not in CURRENCIES:
            raise BadRequest(f"Unknown currency {currency!r}; known: {', '.join(sorted(CURRENCIES))}")
        changed = self.settings.change(asked)
        self.books.currency = currency
        self.books.keep_funds()
        return Response.of({"currency": currency, **changed})

    def set_fate(self, *, reference: str, status: str) -> int:
        """Decide by reference, payout id or payee id."""
        spelled = next((fate for fate in FATES if fate.lower() == status.lower()), None)
        if spelled is None:
            raise BadRequest(f"Unknown status {status!r}; known: {', '.join(FATES)}")
        self.books.decree(reference, spelled)
        found = self.books.named(reference)
        return sum(self.processing.move(payment, spelled, BAD_BRANCH) for payment in found)

    def set_funds(self, *, currency: str, units: int) -> None:
        """Set what the program holds."""
        if currency != self.books.currency:
            raise BadRequest(f"The program holds {self.books.currency} alone")
        self.books.balance = units
        self.books.keep_funds()

    # What the core asks --------------------------------------------------------------------------------------

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact."""
        if kind == "token":
            self.oauth.restore(fact)
        elif kind == "listener":
            self.news.restore(fact)
        else:
            self.books.restore(kind, fact)

    def start(self) -> None:
        """Go on where the state file ended."""
        self.processing.resume()

    def reset(self) -> None:
        """Begin anew, with the same credentials and tokens."""
        for part in (self.books, self.news, self.payees, self.settings):
            part.forget()
        self.oauth.keep()

    def error(self, request: Request, *, status: int, why: str) -> Response:
        """Give an error in Payoneer's form."""
        return Problem(status, why).response()

    def aliases(self, request: Request) -> Iterable[str]:
        """Give the other names of the payment in the path."""
        parts = request.path.split("/")
        payment = self.books.payments.get(parts[5]) if len(parts) > 5 and parts[4] == "payouts" else None
        return payment.names() if payment is not None else ()

    def falsify(self, request: Request, response: Response) -> Response:
        """Tell another result, another amount or another payee than the true one."""
        try:
            body = json.loads(response.body)
        except ValueError:
            return response
        result = body.get("result")
        if result == CREATED:
            body["result"] = "Payments Queued"
        elif isinstance(result, dict):
            if "amount" in result:
                result["amount"] += 1000
            if "payee_id" in result:
                result["payee_id"] = result["payee_id"][::-1]
        return Response.of(body, status=response.status, headers=response.headers)
