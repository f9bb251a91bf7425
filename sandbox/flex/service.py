"""The Flex service: Sharetribe's Integration and Authentication APIs over one marketplace."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.core import Request, Response, Route, Service, World
from sandbox.flex import wire
from sandbox.flex.api import Reads, Writes
from sandbox.flex.auth import LIMITED, USER, Tokens, unauthorized
from sandbox.flex.commands import EVENT_FAULTS, Commands
from sandbox.flex.default_processes import default_processes
from sandbox.flex.doors import Doors
from sandbox.flex.errors import CODE_OF_STATUS, TITLES, ApiError
from sandbox.flex.feed import Feed
from sandbox.flex.limits import Kind, Limits
from sandbox.flex.lists import Lists
from sandbox.flex.marketplace_api import Users
from sandbox.flex.processes import example
from sandbox.flex.settings import at_start
from sandbox.flex.values import Uuid

API = "/v1/integration_api"
MARKETPLACE_API = "/v1/api"
Work = Callable[[Request, Uuid], Response | dict[str, Any]]


class Flex(Service):
    """One marketplace, its events, an application that may call, and the one through which users log in."""

    name, port = "flex", 8801
    kinds = {
        **EVENT_FAULTS,
        "transaction_locked": "A command about a transaction is refused with 409 transaction-locked.",
        "api_error": "The API refuses with the error code in `value`, such as transaction-payment-failed.",
        "token_refused": "The Authentication API answers 401 to a request for a token.",
        "token_expired": "The access token is treated as expired.",
    }
    unsupported = frozenset(
        (
            "webhook_lose",
            "webhook_double",
            "webhook_replay",
            "webhook_reorder",
            "webhook_forge",
            "webhook_early",
            "webhook_late",
            "return",
            "insufficient_funds",
            "refuse",
        )
    )

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._client_id = world.credential("client_id", self._new_uuid)
        self._client_secret = world.credential("client_secret")
        self._front_end_id = world.credential("marketplace_client_id", self._new_uuid)
        self._front_end_secret = world.credential("marketplace_client_secret")
        market_id = Uuid(world.credential("marketplace_id", self._new_uuid))
        self._name = world.credential("marketplace_name", lambda: f"Sandbox market {market_id[:4]}")
        processes = (example(), *default_processes())
        self.commands = Commands(world=world, market_id=market_id, name=self._name, processes=processes)
        self.tokens = Tokens(now=world.clock.time, user_of=self._user_of)
        self.tokens.allow(client_id=self._client_id, client_secret=self._client_secret)
        self.tokens.allow(client_id=self._front_end_id, client_secret=self._front_end_secret)
        self.limits = Limits(now=world.clock.time)
        self.settings = at_start()
        self._doors = Doors(commands=self.commands)
        self._lists = Lists(self.commands.market)
        self._renew()

    def _new_uuid(self) -> str:
        return str(uuid.UUID(hex=self.world.token(16), version=4))

    def _user_of(self, email: str, password: str) -> str | None:
        market = self.commands.market
        user = market.by_email.get(email)
        return user.id if user is not None and market.passwords.get(user.id, "") == password != "" else None

    def _apply_settings(self) -> None:
        settings = self.settings
        self.tokens.access_ttl, self.tokens.refresh_ttl = settings.access_ttl_s, settings.refresh_ttl_s
        self.limits.on, self.limits.burst_s = settings.rate_limits, settings.burst_s
        self.limits.fill()
        self._lists.totals = settings.totals

    # ------------------------------------------------------------------------- what the core asks for

    def credentials(self) -> dict[str, str]:
        """Give what the applications of both APIs need, and which marketplace this is."""
        return {
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "marketplace_client_id": self._front_end_id,
            "marketplace_client_secret": self._front_end_secret,
            "marketplace_id": self.commands.market.id,
            "marketplace_name": self._name,
        }

    def routes(self) -> Iterable[Route]:
        """Give the routes of both APIs."""
        reads, writes = Reads(commands=self.commands, lists=self._lists), self._writes()
        shown: dict[str, Callable[[Request], dict[str, Any]]] = {
            "marketplace/show": reads.marketplace,
            "users/show": reads.user,
            "users/query": lambda request: self._lists.users(request),
            "listings/show": reads.listing,
            "listings/query": lambda request: self._lists.listings(request),
            "transactions/show": reads.transaction,
            "transactions/query": lambda request: self._lists.transactions(request),
            "stock_reservations/show": reads.reservation,
        }
        done: dict[str, Work] = {
            "transactions/transition": writes.transition,
            "transactions/transition_speculative": writes.speculate,
            "transactions/update_metadata": writes.metadata,
            "users/update_profile": writes.profile,
        }
        return [
            Route("POST", "/v1/auth/token", self._token),
            Route("POST", "/v1/auth/revoke", self.tokens.revoke),
            Route("GET", f"{API}/events/query", self._guarded("query", self._events)),
            *(
                Route("GET", f"{API}/{path}", self._guarded("query", _read(read)))
                for path, read in shown.items()
            ),
            *(Route("POST", f"{API}/{path}", self._guarded("command", work)) for path, work in done.items()),
            *self._marketplace_api(reads),
            *(
                Route(method, f"{MARKETPLACE_API}/{{resource}}/{{action}}", self._reserved)
                for method in ("GET", "POST")
            ),
        ]

    def _marketplace_api(self, reads: Reads) -> Iterable[Route]:
        """Give the routes by which users call."""
        users = Users(commands=self.commands, reads=reads, is_trusted=self.tokens.is_trusted)
        doors: tuple[tuple[str, str, Kind, Work], ...] = (
            ("GET", "current_user/show", "query", reads.current_user),
            ("GET", "listings/show", "query", users.listing),
            ("GET", "transactions/show", "query", users.transaction),
            ("POST", "transactions/initiate", "command", users.initiate),
        )
        return [
            Route(method, f"{MARKETPLACE_API}/{path}", self._guarded(kind, work, who=self.tokens.user_of))
            for method, path, kind, work in doors
        ]

    def steering(self) -> Iterable[Route]:
        """Give the routes for steering the marketplace."""
        return [
            *self._doors.routes(),
            Route("GET", "/_sandbox/settings", lambda _request: Response.of(self.settings.shown())),
            Route("POST", "/_sandbox/settings", self._set),
            Route("POST", "/_sandbox/tokens/expire", self._expire_tokens),
            Route("POST", "/_sandbox/clients", self._add_client),
            Route("POST", "/_sandbox/users/{id}/login", self._log_in),
        ]

    def restore(self, kind: str, fact: Any) -> None:
        """Take back one fact from the state file."""
        if kind == "client":
            self.tokens.allow(client_id=fact[0], client_secret=fact[1])
            return
        if kind == "settings":
            self.settings = self.settings.changed(fact)
            self._apply_settings()
            return
        self.commands.restore(kind, fact)
        if kind == "life":
            self._renew()

    def reset(self) -> None:
        """Forget everything but the credentials."""
        self.tokens.clear(keep=(self._client_id, self._front_end_id))
        self.commands.start_over()
        self.settings = at_start()
        self._renew()

    def _renew(self) -> None:
        """Point at the market of the new life; the routes stay."""
        self._lists.turn_to(self.commands.market)
        self._feed = Feed(self.commands.market.log)
        self._apply_settings()

    def error(self, request: Request, *, status: int, why: str) -> Response:
        """Give an error in Sharetribe's form."""
        if request.path.startswith("/v1/auth/") and status == 401:
            return unauthorized()
        error = ApiError(CODE_OF_STATUS.get(status, "internal-server-error"), why)
        return wire.respond(request, error.body(self._new_uuid()), status=status)

    def falsify(self, request: Request, response: Response) -> Response:
        """Give the same answer with another payout total."""
        value = wire.decoded(response)
        data = value.get("data") if isinstance(value, dict) else None
        for record in data if isinstance(data, list) else [data]:
            total = (record or {}).get("attributes", {}).get("payoutTotal")
            if total:
                total["amount"] += 100
        return wire.respond(request, value, status=response.status)

    # ------------------------------------------------------------------------------------- requests

    def _writes(self) -> Writes:
        def locked(request: Request, record_id: str) -> Any:
            return self.world.faults.take("transaction_locked", references=(record_id,), request=request)

        return Writes(commands=self.commands, locked=locked)

    def _guarded(
        self, kind: Kind, work: Work, *, who: Callable[[Request], str] | None = None
    ) -> Callable[[Request], Response]:
        """Put the checks that every call passes before an endpoint, and its errors into form.

        `who` tells who calls, and refuses strangers; by default the application that calls the Integration API.
        """

        def handle(request: Request) -> Response:
            try:
                caller = Uuid((who or self.tokens.client_of)(request))
                self._admit(request, kind)
                # Timed transitions are done when somebody looks, each as of its own moment.
                self.commands.catch_up()
                answer = work(request, caller)
                response = answer if isinstance(answer, Response) else wire.respond(request, answer)
            except ApiError as error:
                response = wire.respond(request, error.body(self._new_uuid()), status=error.status)
            return self._slowed(response)

        return handle

    def _admit(self, request: Request, kind: Kind) -> None:
        self.limits.take(kind)
        if self.world.faults:
            self._suffer(request)

    def _suffer(self, request: Request) -> None:
        if self.world.faults.take("token_expired", request=request) is not None:
            raise ApiError("auth-invalid-access-token")
        refused = self.world.faults.take("api_error", request=request)
        if refused is not None:
            raise ApiError(refused.value if refused.value in TITLES else "conflict", "steered to refuse")

    def _slowed(self, response: Response) -> Response:
        """Hold the answer back for as long as the settings say; until then it counts as under way."""
        if self.settings.latency_ms:
            self.limits.in_flight += 1
            over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            over.get_loop().call_later(self.settings.latency_ms / 1000, self._landed, over)
            response.wait_for.append(over)
        return response

    def _landed(self, over: asyncio.Future[None]) -> None:
        self.limits.in_flight -= 1
        if not over.done():
            over.set_result(None)

    def _events(self, request: Request, _client: Uuid) -> Response:
        return self._feed.page(request, now_ms=self.commands.now(), retention_ms=self.settings.retention_ms)

    def _token(self, request: Request) -> Response:
        if self.world.faults.take("token_refused", request=request) is not None:
            return unauthorized()
        return self.tokens.issue(request)

    def _reserved(self, request: Request) -> Response:
        why = "this part of the Marketplace API is not in this sandbox"
        return self.error(request, status=501, why=why)

    # ------------------------------------------------------------------------------------- steering

    def _set(self, request: Request) -> Response:
        asked = request.json()
        self.settings = self.settings.changed(asked)
        self._apply_settings()
        self.world.journal.write("settings", asked)
        return Response.of(self.settings.shown())

    def _add_client(self, _request: Request) -> Response:
        """Register another application of the same marketplace."""
        made = {"client_id": self._new_uuid(), "client_secret": self.world.token(20)}
        self.tokens.allow(**made)
        self.world.journal.write("client", list(made.values()))
        return Response.of(made, status=201)

    def _log_in(self, request: Request) -> Response:
        """Give tokens of a user without asking for a password; `as_operator` as when an operator logs in as them."""
        asked = request.json() if request.body else {}
        if request.params["id"] not in self.commands.market.users:
            return self.error(request, status=404, why="there is no such user")
        scope = LIMITED if asked.get("as_operator") else USER
        return self.tokens.grant(self._front_end_id, scope, request.params["id"])

    def _expire_tokens(self, _request: Request) -> Response:
        return Response.of({"expired": self.tokens.forget_access()})


def _read(read: Callable[[Request], dict[str, Any]]) -> Work:
    return lambda request, _client: read(request)
