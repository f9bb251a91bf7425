"""Stripe put together: which door leads where, and what the core asks."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

from sandbox.core import BadRequest, Request, Response, Route, Service, World
from sandbox.stripe import problems
from sandbox.stripe.account_parts import AccountParts
from sandbox.stripe.accounts import Accounts
from sandbox.stripe.cards import Cards
from sandbox.stripe.charging import Charging
from sandbox.stripe.currencies import CURRENCIES
from sandbox.stripe.customers import Customers
from sandbox.stripe.desk import Desk, Endpoint
from sandbox.stripe.doors import Doors
from sandbox.stripe.ground import ground_of
from sandbox.stripe.hooks import Hooks
from sandbox.stripe.idempotency import Keys
from sandbox.stripe.intents import Intents
from sandbox.stripe.links import Links
from sandbox.stripe.names import names_of
from sandbox.stripe.paying import Paying
from sandbox.stripe.paying_out import PayingOut
from sandbox.stripe.payouts import Payouts
from sandbox.stripe.readings import Readings
from sandbox.stripe.refunds import Refunds
from sandbox.stripe.reversals import Reversals
from sandbox.stripe.transfers import Transfers
from sandbox.stripe.verification import Verification


class Stripe(Service):
    """One platform and its connected accounts."""

    name, port = "stripe", 8805
    kinds = {
        "sticky_error": 'The work is done (unless `when`: "before"), the answer is an error (`status`, else 500) that '
        "is kept under the idempotency key and given again.",
        "in_progress": "The work is done, the answer leaves after `seconds` (else 1, at most 10); until then others "
        "with its idempotency key are told that it is in use.",
        "conflict": "409 as if another request with the same idempotency key were in progress, without the work done.",
        "lock_timeout": "429 lock_timeout without the work done.",
        "search_late": "What was made in the last `seconds` (else 60) is not found by a search.",
        "payout_fails": "The seller's bank sends a payout back `seconds` after it was paid, for `value` (else "
        'account_closed); with `when`: "before", before it was paid.',
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.ground = ground = ground_of(world)
        self.keys = Keys(world)
        self.desk = Desk(ground, keys=self.keys)
        self.verification = verification = Verification(ground)
        self.paying_out = paying_out = PayingOut(ground, verification=verification)
        country = os.environ.get("SANDBOX_STRIPE_COUNTRY", "US")
        self.accounts = accounts = Accounts(ground, verification=verification, country=country)
        self.links = Links(ground, accounts=accounts, verification=verification)
        self.hooks = Hooks(ground)
        reversals, cards, charging = Reversals(ground), Cards(ground), Charging(ground)
        paying = Paying(ground, cards=cards, charging=charging)
        self._parts = (
            accounts,
            AccountParts(ground, accounts=accounts, verification=verification),
            self.links,
            Customers(ground, cards=cards),
            cards,
            Intents(ground, cards=cards, paying=paying),
            Refunds(ground, charging=charging),
            Transfers(ground, paying_out=paying_out, reversals=reversals),
            reversals,
            Payouts(ground, paying_out=paying_out),
            self.hooks,
            Readings(ground),
        )
        self.doors = Doors(
            ground,
            hooks=self.hooks,
            verification=verification,
            paying=paying,
            paying_out=paying_out,
            reversals=reversals,
        )

    def credentials(self) -> dict[str, str]:
        """Give what the product's settings need, and the platform's own account."""
        return {
            "secret_key": self.desk.secret_key,
            "publishable_key": self.desk.publishable_key,
            "webhook_secret": self.hooks.secret,
            "account": self.ground.platform,
        }

    def endpoints(self) -> list[Endpoint]:
        """Give every operation of the API."""
        return [endpoint for part in self._parts for endpoint in part.endpoints()]

    def routes(self) -> Iterable[Route]:
        """Give the API's routes, and the pages'."""
        endpoints = self.endpoints()
        # Fixed last steps before placeholders: /v1/payment_intents/search is no payment intent.
        endpoints.sort(key=lambda endpoint: endpoint.path.count("{"))
        return [
            *(Route(one.method, one.path, self.desk.handler(one)) for one in endpoints),
            *self.links.routes(),
        ]

    def steering(self) -> Iterable[Route]:
        """Give Stripe's own steering."""
        return [
            *self.doors.routes(),
            Route("GET", "/_sandbox/settings", lambda _request: Response.of(self.ground.settings.shown())),
            Route("POST", "/_sandbox/settings", self._set),
        ]

    def _set(self, request: Request) -> Response:
        asked = request.json()
        self.ground.settings.change(asked)
        self.world.journal.write("settings", asked)
        return Response.of(self.ground.settings.shown())

    def set_fate(self, *, reference: str, status: str) -> int:
        """Decide by any name of an account, a payout, a transfer or a payment."""
        return self.doors.decide(reference, status)

    def set_funds(self, *, currency: str, units: int) -> None:
        """Set what the platform has available in one currency."""
        if currency.lower() not in CURRENCIES:
            raise BadRequest(f"Unknown currency {currency!r}")
        self.ground.balances.set_available(currency.lower(), units)

    # What the core asks --------------------------------------------------------------------------------------

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact."""
        match kind:
            case "key":
                self.keys.restore(fact)
            case "told":
                self.ground.events.told(fact)
            case "fate":
                self.ground.fates.restore(fact)
            case "settings":
                self.ground.settings.change(fact)
            case _:
                self.ground.store.restore(kind, fact)

    def start(self) -> None:
        """Go on where the state file ended."""
        self.accounts.start()
        self.hooks.start()
        self.ground.balances.start()
        self.verification.start()
        self.paying_out.start()
        self.ground.events.start()

    def reset(self) -> None:
        """Begin anew, with the same credentials, and the webhook of the command line."""
        ground = self.ground
        parts = (
            ground.settings,
            ground.store,
            ground.fates,
            ground.events,
            ground.balances,
            self.keys,
            self.paying_out,
        )
        for part in parts:
            part.forget()
        self.start()

    def error(self, request: Request, *, status: int, why: str) -> Response:
        """Give an error in Stripe's form."""
        if status == 404:
            problem = problems.no_door(request.method, request.path)
        elif status >= 500:
            problem = problems.broken(status)
        elif status == 429:
            problem = problems.too_many()
        else:
            problem = problems.Problem(status, why)
        response = problem.response()
        response.headers = {**(response.headers or {}), "Request-Id": self.desk.request_id()}
        return response

    def aliases(self, request: Request) -> Iterable[str]:
        """Give the idempotency key, the account, and all names of what the path is about."""
        for name in ("idempotency-key", "stripe-account"):
            if name in request.headers:
                yield request.headers[name]
        for part in request.path.split("/")[3:]:
            record = self.ground.store.get(part)
            if record is not None:
                yield from names_of(record, self.ground.store)

    def falsify(self, request: Request, response: Response) -> Response:
        """Tell another amount, another destination, or other abilities of an account than the true ones."""
        try:
            body = json.loads(response.body)
        except ValueError:
            return response
        _lie(body)
        return Response.of(body, status=response.status, headers=response.headers)


def _lie(value: Any) -> None:
    """Put a digit before every amount, turn every destination around, and every ability of an account."""
    if isinstance(value, list):
        for one in value:
            _lie(one)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name == "amount" and isinstance(inner, int):
                value[name] = int(f"1{inner}")
            elif name == "destination" and isinstance(inner, str):
                value[name] = inner[:5] + inner[:4:-1]
            elif name in ("charges_enabled", "payouts_enabled", "details_submitted"):
                value[name] = not inner
            else:
                _lie(inner)
