"""PayPal put together: which door leads where, and what steering may do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.core import BadRequest, Request, Response, Route, Service, World
from sandbox.core.routing import Handler
from sandbox.core.steering import fields_of
from sandbox.core.webhooks import is_loopback
from sandbox.paypal import oauth
from sandbox.paypal.books import Books, Item
from sandbox.paypal.currencies import UNIT
from sandbox.paypal.fates import checked, reason_of
from sandbox.paypal.notifications import Listener, Notifications
from sandbox.paypal.oauth import InvalidToken, OAuth
from sandbox.paypal.payouts import Payouts
from sandbox.paypal.problems import Problem
from sandbox.paypal.processing import Processing
from sandbox.paypal.reporting import Reporting
from sandbox.paypal.signing import write_authority
from sandbox.paypal.webhook_api import WebhookApi


class PayPal(Service):
    """Payouts, webhooks and reporting of one PayPal business account and one app."""

    name, port = "paypal", 8802
    kinds = {
        "burn_id": "The sender_batch_id is consumed, no batch is made, the answer is an error (`status`, else 500).",
        "deny_batch": "The batch is accepted, then DENIED with reason `value` (else RISK_DECLINE).",
        "duplicate_without_link": "The refusal of a used sender_batch_id does not link to the original batch.",
        "name_first_only": "Of several bad items the refusal names the first one only.",
        "name_none": "The refusal does not say which items are bad.",
        "fail_item": "The item FAILED for RISK_DECLINE; nothing is debited for it.",
        "fee_change": "`seconds` after success the fee rises to `value` units (else to more than twice itself).",
        "partial_return": "`seconds` after success `value` units (else half) come back; the status does not change.",
        "convert": "The batch is paid out of the balance in `value` (else USD), with a currency_conversion.",
        "stuck_pending": "The batch, or the item, stays as it is until the fault is lifted.",
        "late_cancel_refused": "Cancelling an unclaimed item ends in ITEM_CANCELLATION_FAILED.",
        "result_limit": "A statement of more than `value` rows (else 10000) is refused as RESULTSET_TOO_LARGE.",
        "expire_token": "The access token is no longer known: 401 in the gateway's form.",
        "missing_scope": "Tokens are issued without the scope that ends in `value` (else payments/payouts).",
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.books = Books(world)
        self.oauth = OAuth(world)
        self.news = Notifications(world=world, books=self.books)
        self.processing = Processing(world=world, books=self.books, news=self.news)
        denies_late = os.environ.get("SANDBOX_PAYPAL_INSUFFICIENT") == "denied"
        self.payouts = Payouts(
            world=world, books=self.books, processing=self.processing, news=self.news, denies_late=denies_late
        )
        fresh = os.environ.get("SANDBOX_PAYPAL_FRESH") == "1"
        self.reporting = Reporting(world=world, books=self.books, always_fresh=fresh)
        self.webhooks = WebhookApi(world=world, books=self.books, news=self.news)

    def credentials(self) -> dict[str, str]:
        """Give what the product's settings need, the authority's certificate both as a file and as text."""
        pem = self.news.signer.authority_pem
        path = write_authority(pem, self.world.journal.beside("webhook-ca.pem"))
        return {
            "client_id": self.oauth.client_id,
            "client_secret": self.oauth.client_secret,
            "webhook_id": self.news.first_id,
            "webhook_ca_file": str(path),
            "webhook_ca_pem": pem,
        }

    def routes(self) -> Iterable[Route]:
        """Give all of PayPal's routes."""
        root = "/v1/payments"
        pay, reports, balances = oauth.PAYOUTS, oauth.SEARCH, oauth.BALANCES
        closed = [
            (pay, Route("POST", f"{root}/payouts", self.payouts.create)),
            (pay, Route("GET", f"{root}/payouts/{{id}}", self.payouts.show)),
            (pay, Route("GET", f"{root}/payouts-item/{{payout_item_id}}", self.payouts.show_item)),
            (pay, Route("POST", f"{root}/payouts-item/{{payout_item_id}}/cancel", self.payouts.cancel)),
            (balances, Route("GET", "/v1/reporting/balances", self.reporting.balances)),
            (reports, Route("GET", "/v1/reporting/transactions", self.reporting.transactions)),
            (oauth.VERIFY, Route("POST", "/v1/notifications/verify-webhook-signature", self.webhooks.verify)),
            *((oauth.WEBHOOKS, route) for route in self.webhooks.routes()),
        ]
        opened = [
            Route("POST", "/v1/oauth2/token", self._answered(self.oauth.issue, None)),
            Route("GET", "/v1/notifications/certs/{id}", self._answered(self.webhooks.certificate, None)),
        ]
        return [
            *opened,
            *(route._replace(handler=self._answered(route.handler, scope)) for scope, route in closed),
        ]

    def _answered(self, handler: Handler, scope: str | None) -> Handler:
        """Wrap a handler: token, scope, PayPal's error forms, and the debug id on every answer."""

        def answer(request: Request) -> Response:
            debug_id = f"{self.world.rng.getrandbits(52):013x}"
            try:
                if scope is not None:
                    self.oauth.require(request, scope)
                response = handler(request)
            except Problem as problem:
                return problem.response(debug_id)
            except InvalidToken as refusal:
                response = refusal.response()
            except BadRequest as wrong:
                return Problem(400, "MALFORMED_REQUEST", message=str(wrong)).response(debug_id)
            response.headers = {**(response.headers or {}), "Paypal-Debug-Id": debug_id}
            return response

        return answer

    # Steering ------------------------------------------------------------------------------------------------

    def steering(self) -> Iterable[Route]:
        """Give PayPal's own steering: fresh reports, the webhook's address, a return in part."""
        doors: tuple[tuple[str, Callable[[Request], Response]], ...] = (
            ("fresh", self._freshen),
            ("webhook", self._point_webhook),
            ("return", self._give_back),
        )
        return [Route("POST", f"/_sandbox/{name}", handler) for name, handler in doors]

    def _freshen(self, request: Request) -> Response:
        """Bring the reports up to date, with {"always": true} from now on."""
        if request.body:
            (self.reporting.always_fresh,) = fields_of(request, always=bool)
        self.reporting.refresh()
        return Response(204)

    def _point_webhook(self, request: Request) -> Response:
        """Send all events to {"url"}, under the webhook id of the credentials."""
        (url,) = fields_of(request, url=str)
        if not is_loopback(url):
            raise BadRequest("`url` must be plain http on loopback")
        self.news.register(Listener(self.news.first_id, url, None))
        return Response.of({"webhook_id": self.news.first_id, "url": url})

    def _give_back(self, request: Request) -> Response:
        """Bring {"units"} of the payment {"reference"} back, its status unchanged."""
        reference, units = fields_of(request, reference=str, units=int)
        items = [item for item in self.books.named(reference) if item.out]
        if not items or not 0 < units <= items[0].line.units - items[0].returned:
            raise BadRequest(f"No payment {reference!r} is out with at least {units} units")
        self.processing.give_back(items[0], units)
        return Response.of({"returned": str(items[0].returned)})

    def set_fate(self, *, reference: str, status: str) -> int:
        """Decide by item id, sender_item_id, receiver, batch id or sender_batch_id."""
        spelled = checked(status)
        self.books.decree(reference, spelled)
        changed = [item for item in self.books.named(reference) if self._turn(item, spelled)]
        self.books.keep_funds()
        return len(changed)

    def _turn(self, item: Item, status: str) -> bool:
        if item.status == status or status == "PENDING" or item.batch.status in ("PENDING", "PROCESSING"):
            return False
        self.processing.move(item, status, error=reason_of(status))
        return True

    def set_funds(self, *, currency: str, units: int) -> None:
        """Set what is available in one currency; the difference stands on the statement."""
        if currency not in UNIT:
            raise BadRequest(f"Unknown currency {currency!r}; known: {', '.join(UNIT)}")
        difference = units - self.books.available[currency]
        self.books.available[currency] = units
        if difference:
            self.books.add_row("T0300" if difference > 0 else "T0400", currency, difference)
        self.books.keep_funds()

    # What the core asks --------------------------------------------------------------------------------------

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact."""
        if kind == "token":
            self.oauth.restore(fact)
        elif kind in ("listener", "event", "told"):
            self.news.restore(kind, fact)
        else:
            self.books.restore(kind, fact)

    def start(self) -> None:
        """Go on where the state file ended."""
        self.news.start()
        self.processing.resume()

    def reset(self) -> None:
        """Begin anew, with the same credentials and tokens, and the webhook of the command line."""
        for part in (self.books, self.news, self.processing, self.reporting):
            part.forget()
        self.oauth.keep()
        self.news.start()

    def error(self, request: Request, *, status: int, why: str) -> Response:
        """Give an error in PayPal's form."""
        name = {400: "MALFORMED_REQUEST"}.get(status)
        return Problem(status, name).response(f"{self.world.rng.getrandbits(52):013x}")

    def aliases(self, request: Request) -> Iterable[str]:
        """Give the other names of the batch or item in the path; a batch also goes by those of its items."""
        wanted = request.path.split("/")
        for part in wanted[4:5]:
            item, batch = self.books.items.get(part), self.books.batches.get(part)
            if item is not None:
                yield from item.names()
            elif batch is not None:
                yield batch.sender_batch_id
                for one in batch.items:
                    yield from one.names()

    def falsify(self, request: Request, response: Response) -> Response:
        """Tell another amount, or another sender_batch_id, than the true one."""
        try:
            body = json.loads(response.body)
        except ValueError:
            return response
        _lie(body)
        return Response.of(body, status=response.status, headers=response.headers)


def _lie(value: Any) -> None:
    """Put a digit before every amount, and turn every sender_batch_id around."""
    if isinstance(value, list):
        for one in value:
            _lie(one)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "amount" and isinstance(inner, dict) and isinstance(inner.get("value"), str):
                inner["value"] = "1" + inner["value"]
            elif name == "sender_batch_id" and isinstance(inner, str):
                value[name] = inner[::-1]
            else:
                _lie(inner)
