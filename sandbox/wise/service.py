"""Wise put together: which door leads where, and what steering may do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from sandbox.core import BadRequest, Request, Response, Route, Service, World
from sandbox.core.routing import Handler
from sandbox.core.steering import fields_of
from sandbox.core.webhooks import is_loopback
from sandbox.wise import views
from sandbox.wise.auth import Auth
from sandbox.wise.balances import Balances
from sandbox.wise.books import CANCELLED, HELD, Books, Transfer
from sandbox.wise.funding import Funding
from sandbox.wise.groups import Groups
from sandbox.wise.notifications import Notifications
from sandbox.wise.numbers import answer, dumps
from sandbox.wise.problems import InvalidToken, Problem, errors, inside
from sandbox.wise.processing import REFUNDED, STATES, Processing
from sandbox.wise.quotes import Quotes
from sandbox.wise.recipients import Recipients
from sandbox.wise.signing import write_key
from sandbox.wise.transfers import Transfers
from sandbox.wise.versions import Door, routes

_PROFILE = "/profiles/{profile}"


class Wise(Service):
    """One business profile at Wise, with its balances."""

    name, port = "wise", 8803
    kinds = {
        "sca": "Funding, or reading a statement, is answered 403 with a challenge for strong authentication.",
        "token_cannot_fund": "A personal token is answered 403 when it funds, as in most countries.",
        "statement_forbidden": "A personal token is answered 403 when it reads a statement.",
        "reject_fund": "Funding answers 200 and REJECTED with the code `value` (else "
        "balance.payment-option-unavailable); nothing moves.",
        "fund_created": "Funding answers 201 instead of 200.",
        "quote_expired": "The quote is over when the transfer is to be made of it.",
        "refuse_known": "A customerTransactionId that made a transfer before is refused as that of a used quote.",
        "approval_missing": "Payment approvals are switched on at Wise: no transfer is made.",
        "blocked_notice": "The quote carries a notice of the kind BLOCKED.",
        "balance_disabled": "The quote cannot be paid in by balance.",
        "name_mismatch": "The bank knows the new recipient by another name: outcome `value` (else FAILURE).",
        "recipient_changed": "The recipient is shown with another hash than it was made with.",
        "partial_refund": "`seconds` after it was sent the transfer bounces, and `value` units (else half) come back.",
        "stuck": "The transfer stays in the state in which it is.",
        "list_late": "What was made in the last `seconds` (else 60) does not stand on the list of transfers yet.",
        "expire_token": "No token of OAuth is good any more.",
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.books = Books(world)
        self.auth = Auth(world)
        self.quotes = Quotes(self.books)
        self.recipients = Recipients(self.books)
        self.news = Notifications(self.books, self.quotes)
        self.processing = Processing(self.books, self.news)
        self.transfers = Transfers(self.books, self.processing)
        self.funding = Funding(self.books, self.processing, self.auth)
        self.balances = Balances(self.books, quotes=self.quotes, funding=self.funding)
        self.groups = Groups(
            self.books,
            quotes=self.quotes,
            transfers=self.transfers,
            funding=self.funding,
            processing=self.processing,
        )

    def credentials(self) -> dict[str, str]:
        """Give what the product's settings need; `funding` says that this token may fund."""
        pem = self.news.signer.public_pem
        return {
            "api_token": self.auth.token,
            "profile_id": str(self.books.business),
            "funding": "api",
            "webhook_public_key_file": str(write_key(pem, self.world.journal.beside("webhook-key.pem"))),
        }

    def routes(self) -> Iterable[Route]:
        """Give all of Wise's doors, each under its legacy and its dated path."""
        found = routes(self._doors())
        token = Route("POST", "/oauth/token", self._answered(self.auth.issue, closed=False))
        return [token, *(route._replace(handler=self._answered(route.handler)) for route in found)]

    def _doors(self) -> list[Door]:
        quotes, transfers, groups = self.quotes, self.transfers, self.groups
        accounts, news = self.recipients, self.news
        quote, group = f"{_PROFILE}/quotes", f"{_PROFILE}/batch-groups"
        return [
            Door("GET", "v2", "/profiles", self.balances.profiles),
            Door("POST", "v3", quote, quotes.create),
            Door("GET", "v3", f"{quote}/{{quote}}", quotes.show),
            Door("PATCH", "v3", f"{quote}/{{quote}}", quotes.change),
            Door("GET", "v1", "/account-requirements", quotes.requirements_without),
            Door("GET", "v1", "/quotes/{quote}/account-requirements", quotes.requirements),
            Door("POST", "v1", "/quotes/{quote}/account-requirements", quotes.requirements),
            Door("POST", "v1", "/accounts", accounts.create),
            Door("GET", "v1", "/accounts", accounts.list_v1),
            Door("GET", "v1", "/accounts/{account}", accounts.show_v1),
            Door("GET", "v2", "/accounts", accounts.list),
            Door("GET", "v2", "/accounts/{account}", accounts.show),
            Door("DELETE", "v2", "/accounts/{account}", accounts.remove),
            Door("POST", "v1", "/transfer-requirements", transfers.requirements),
            Door("POST", "v1", "/transfers", transfers.create),
            Door("GET", "v1", "/transfers", transfers.list),
            Door("GET", "v1", "/transfers/{transfer}", transfers.show),
            Door("PUT", "v1", "/transfers/{transfer}/cancel", transfers.cancel),
            Door("GET", "v1", "/transfers/{transfer}/payments", transfers.payments),
            Door("POST", "v3", f"{_PROFILE}/transfers/{{transfer}}/payments", self._fund),
            Door("POST", "v3", group, groups.create),
            Door("GET", "v3", f"{group}/{{group}}", groups.show),
            Door("PATCH", "v3", f"{group}/{{group}}", groups.change),
            Door("POST", "v3", f"{group}/{{group}}/transfers", groups.add),
            Door("POST", "v3", f"{_PROFILE}/batch-payments/{{group}}/payments", groups.fund),
            Door("GET", "v4", f"{_PROFILE}/balances", self.balances.list),
            Door(
                "GET",
                "v1",
                f"{_PROFILE}/balance-statements/{{balance}}/statement.json",
                self.balances.statement,
            ),
            Door("POST", "v3", f"{_PROFILE}/subscriptions", news.subscribe),
            Door("GET", "v3", f"{_PROFILE}/subscriptions", news.list),
            Door("GET", "v3", f"{_PROFILE}/subscriptions/{{subscription}}", news.show),
            Door("DELETE", "v3", f"{_PROFILE}/subscriptions/{{subscription}}", news.remove),
            Door("GET", "v1", "/simulation/transfers/{transfer}/{status}", self._simulate),
            Door("POST", "v1", "/simulation/balance/topup", self.balances.top_up),
        ]

    def _answered(self, handler: Handler, *, closed: bool = True) -> Handler:
        """Wrap a handler: token, content type, Wise's error forms, and the ids on every answer."""
        guarded = self._guarded(handler) if closed else handler

        def answered(request: Request) -> Response:
            response = self._early(guarded, request)
            headers = {**(response.headers or {}), "x-trace-id": self.world.token(16)}
            told = request.headers.get("x-external-correlation-id")
            if told:
                headers["X-External-Correlation-Id"] = told
            response.headers = headers
            return response

        return answered

    def _guarded(self, handler: Handler) -> Handler:
        def guarded(request: Request) -> Response:
            self.auth.require(request)
            if request.body and "json" not in request.headers.get("content-type", ""):
                return inside(request.path, "Content type is not supported")
            return handler(request)

        return guarded

    def _spoken(self, handler: Handler, request: Request) -> Response:
        """Answer, in Wise's own forms where something is wrong."""
        try:
            return handler(request)
        except (Problem, InvalidToken) as wrong:
            return wrong.response()
        except BadRequest as wrong:
            return Response.of(errors("NOT_VALID", str(wrong)), status=400)

    def _early(self, handler: Handler, request: Request) -> Response:
        """Where steering wants it, have the events arrive before the answer that they come of."""
        if self.world.faults.take("webhook_early", request=request) is None:
            return self._spoken(handler, request)
        pace, self.processing.pace_s, self.news.early = self.processing.pace_s, 0.0, []
        try:
            response = self._spoken(handler, request)
            self.world.clock.run_due()
            response.wait_for.extend(self.news.early)
        finally:
            self.processing.pace_s, self.news.early = pace, None
        return response

    def _fund(self, request: Request) -> Response:
        self.quotes.profile(request)
        return self.funding.fund(self.transfers.of_path(request), request)

    def _simulate(self, request: Request) -> Response:
        transfer = self.transfers.of_path(request)
        self.processing.simulate(transfer, request.params["status"])
        return answer(views.transfer(transfer, self.books))

    # Steering ------------------------------------------------------------------------------------------------

    def steering(self) -> Iterable[Route]:
        """Give Wise's own steering."""
        doors: tuple[tuple[str, Callable[[Request], Response]], ...] = (
            ("webhook", self._listen),
            ("pay", self._pay),
            ("return", self._give_back),
            ("simulate", self._switch_simulation),
            ("oauth", self._show_oauth),
        )
        return [Route("POST", f"/_sandbox/{name}", handler) for name, handler in doors]

    def _listen(self, request: Request) -> Response:
        (url,) = fields_of(request, url=str)
        if not is_loopback(url):
            raise BadRequest("`url` must be plain http on loopback")
        self.news.subscriptions.clear()
        return Response.of({"subscriptions": [one.id for one in self.news.listen(url)]})

    def _pay(self, request: Request) -> Response:
        (reference,) = fields_of(request, reference=str)
        transfer = self._one(reference)
        try:
            self.funding.by_hand(transfer)
        except Problem as problem:
            raise BadRequest(str(problem)) from problem
        return Response.of({"transfer": transfer.id})

    def _give_back(self, request: Request) -> Response:
        reference, units = fields_of(request, reference=str, units=int)
        transfer = self._one(reference)
        if not 0 < units <= transfer.sent - transfer.back or not transfer.payments:
            raise BadRequest(f"No transfer {reference!r} is out with at least {units} units")
        former = transfer.status
        self.processing.give_back(transfer, units)
        self.news.state(transfer, former)
        return Response.of({"returned": str(transfer.back)})

    def _switch_simulation(self, request: Request) -> Response:
        (self.processing.manual,) = fields_of(request, manual=bool)
        return Response(204)

    def _show_oauth(self, request: Request) -> Response:
        auth = self.auth
        names = ("client_id", "client_secret", "refresh_token")
        return Response.of({name: getattr(auth, name) for name in names})

    def _one(self, reference: str) -> Transfer:
        found = self.books.named(reference)
        if len(found) != 1:
            raise BadRequest(f"There is no transfer {reference!r}")
        return found[0]

    def set_fate(self, *, reference: str, status: str) -> int:
        """Decide by transfer id or customerTransactionId in which state it shall end."""
        if status not in STATES:
            raise BadRequest(f"Unknown status {status!r}; known: {', '.join(sorted(STATES))}")
        self.books.decree(reference, status)
        changed = 0
        for transfer in self.books.named(reference):
            moves_money = status in (REFUNDED, CANCELLED)
            if transfer.status != status and (transfer.payments or moves_money):
                self.processing.turn(transfer, status)
                changed += 1
        return changed

    def set_funds(self, *, currency: str, units: int) -> None:
        """Set what a balance holds; the difference stands on its statement."""
        if currency not in HELD:
            raise BadRequest(f"Unknown currency {currency!r}; known: {', '.join(HELD)}")
        self.balances.add(currency, units - self.books.funds[currency])

    # What the core asks --------------------------------------------------------------------------------------

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact."""
        if kind == "token":
            self.auth.restore(fact)
        elif kind in ("subscription", "unsubscribed", "event", "told"):
            self.news.restore(kind, fact)
        else:
            self.books.restore(kind, fact)

    def start(self) -> None:
        """Go on where the state file ended."""
        self.news.start()
        self.processing.resume()

    def reset(self) -> None:
        """Begin anew, with the same credentials and tokens, and the webhook of the command line."""
        for part in (self.books, self.news, self.funding):
            part.forget()
        self.processing.manual = False
        self.auth.keep()
        self.news.start()

    def error(self, request: Request, *, status: int, why: str) -> Response:
        """Give an error in Wise's form."""
        return (
            inside(request.path, why) if status >= 500 else Response.of(errors("error", why), status=status)
        )

    def aliases(self, request: Request) -> Iterable[str]:
        """Give the other names of the transfer in the path."""
        for part in request.path.split("/"):
            transfer = self.books.transfers.get(int(part)) if part.isdecimal() else None
            if transfer is not None:
                yield from transfer.names()

    def falsify(self, request: Request, response: Response) -> Response:
        """Tell another amount than the true one, and another recipient where one is named."""
        try:
            body = json.loads(response.body, parse_float=Decimal)
        except ValueError:
            return response
        return Response(response.status, dumps(_lie(body)), headers=response.headers)


def _lie(value: Any) -> Any:
    """Put ten on top of every target amount."""
    if isinstance(value, list):
        return [_lie(one) for one in value]
    if isinstance(value, dict):
        return {
            name: inner + 10
            if name in ("targetAmount", "targetValue") and isinstance(inner, int | Decimal)
            else _lie(inner)
            for name, inner in value.items()
        }
    return value
