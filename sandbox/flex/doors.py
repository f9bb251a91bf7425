"""Steering: how tests, the demo and the benchmark make things happen in the marketplace, and see what is true."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from sandbox.core import BadRequest, Request, Response, Route
from sandbox.flex import params as query
from sandbox.flex.commands import Commands
from sandbox.flex.errors import ApiError
from sandbox.flex.events import Query
from sandbox.flex.processes import PAYOUT_ACTION
from sandbox.flex.records import Transaction
from sandbox.flex.showing import Document
from sandbox.flex.values import instant

_USER: Final = ("id", "email", "password", "emailVerified", "state", "stripeConnected", "profile")
_CHANGE: Final = tuple(name for name in _USER if name not in ("id", "password"))
_LISTING: Final = (
    "id",
    "author",
    "title",
    "description",
    "price",
    "currency",
    "publicData",
    "privateData",
    "metadata",
)
_TRANSACTION: Final = (
    "id",
    "process",
    "customer",
    "provider",
    "listing",
    "price",
    "currency",
    "quantity",
    "provider_percent",
    "customer_percent",
    "lineItems",
    "state",
    "transitions",
    "protectedData",
    "metadata",
    "bookingStart",
    "bookingEnd",
    "stockReservationQuantity",
)
_BULK: Final = (
    "transactions",
    "payees",
    "providers",
    "process",
    "state",
    "transitions",
    "price",
    "currency",
    "provider_percent",
    "stripe_connected",
)
_MANY: Final = 1000


def _asked(request: Request, allowed: Iterable[str]) -> dict[str, Any]:
    value = request.json() if request.body else {}
    if not isinstance(value, dict):
        raise BadRequest("Send a JSON object")
    query.only(value, allowed)
    return value


class Doors:
    """The steering routes of this service."""

    def __init__(self, *, commands: Commands) -> None:
        self._commands = commands

    def routes(self) -> Iterable[Route]:
        """Give all routes."""
        doors: tuple[tuple[str, str, Callable[[Request], Any]], ...] = (
            ("POST", "users", self.add_user),
            ("POST", "users/{id}", self.change_user),
            ("POST", "listings", self.add_listing),
            ("POST", "transactions", self.add_transaction),
            ("GET", "transactions", self.list_transactions),
            ("GET", "transactions/{id}", self.truth),
            ("POST", "transactions/{id}/transition", self.transition),
            ("POST", "transactions/{id}/lines", self.lines),
            ("POST", "transactions/{id}/metadata", self.metadata),
            ("POST", "transactions/{id}/delete", self.delete),
            ("POST", "bulk", self.bulk),
            ("POST", "events", self.event),
            ("GET", "events", self.events),
            ("GET", "processes", self.processes),
        )
        return [Route(method, f"/_sandbox/{path}", _answering(handler)) for method, path, handler in doors]

    def add_user(self, request: Request) -> Any:
        """Let somebody sign up."""
        return self._shown("user", self._commands.do("user", _asked(request, _USER)))

    def change_user(self, request: Request) -> Any:
        """Change a user's account or profile, as the user or Console would."""
        asked = {**_asked(request, _CHANGE), "id": request.params["id"]}
        self._commands.do("change-user", asked, source="source/marketplace-api")
        return self._shown("user", asked["id"])

    def add_listing(self, request: Request) -> Any:
        """Let a user offer something."""
        return self._shown("listing", self._commands.do("listing", _asked(request, _LISTING)))

    def add_transaction(self, request: Request) -> Any:
        """Begin a transaction, and take it to a state."""
        return self._brief(self._commands.do("transaction", _asked(request, _TRANSACTION)))

    def transition(self, request: Request) -> Any:
        """Take a transaction one step further, as any actor."""
        asked = _asked(request, ("transition", "actor", "params"))
        if not isinstance(asked.get("transition"), str):
            raise BadRequest("`transition` is the name of a transition")
        self._commands.do("transition", {**asked, "id": request.params["id"]})
        return self._brief(request.params["id"])

    def lines(self, request: Request) -> Any:
        """Set the line items anew, or give back a part."""
        asked = _asked(request, ("lineItems", "refund", "transition"))
        self._commands.do("lines", {**asked, "id": request.params["id"]})
        return self._brief(request.params["id"])

    def metadata(self, request: Request) -> Any:
        """Merge into a transaction's metadata, as a person in Console would."""
        asked = _asked(request, ("metadata",))
        if not isinstance(asked.get("metadata"), dict):
            raise BadRequest("`metadata` must be an object")
        self._commands.do("metadata", {**asked, "id": request.params["id"]}, source="source/console")
        return self._brief(request.params["id"])

    def delete(self, request: Request) -> Any:
        """Take a transaction away."""
        self._commands.do("delete", {"id": request.params["id"]})
        return {"id": request.params["id"]}

    def bulk(self, request: Request) -> Any:
        """Make very many transactions at once."""
        return self._commands.do("bulk", _asked(request, _BULK))

    def event(self, request: Request) -> Any:
        """Write an event of any type."""
        asked = _asked(request, ("event_type", "resource_id", "attributes"))
        if "/" not in str(asked.get("event_type")):
            raise BadRequest("`event_type` is something like transaction/archived")
        return {"sequence_id": self._commands.do("event", asked, source="source/admin")}

    # ------------------------------------------------------------------------------------------ truth

    def _shown(self, type_name: str, record_id: str) -> Any:
        record = self._commands.market.find(type_name=type_name, record_id=record_id)
        if record is None:
            raise ApiError("not-found")
        return Document(market=self._commands.market, fields={}).data(record, {})

    def _found(self, record_id: str) -> Transaction:
        self._commands.catch_up()
        record = self._commands.market.transactions.get(record_id)
        if record is None:
            raise ApiError("not-found", "there is no such transaction")
        return record

    def _brief(self, record_id: str) -> dict[str, Any]:
        record = self._found(record_id)
        return {
            "id": record.id,
            "process": record.process.name,
            "state": record.state,
            "last_transition": record.last.transition,
            "provider": record.provider,
            "customer": record.customer,
            "listing": record.listing,
            "payin_total": record.lines.payin,
            "payout_total": record.lines.payout,
        }

    def truth(self, request: Request) -> Any:
        """Show all that is true of a transaction, with every write of its metadata."""
        record = self._found(request.params["id"])
        market = self._commands.market
        writes = [
            {"at": instant(write.at), "client_id": write.client, "by": write.by, "patch": write.patch}
            for write in market.writes.get(record.id, ())
        ]
        actions = [
            action
            for step in record.version.steps
            for action in record.process.transitions[step.transition].actions
        ]
        return {
            **self._brief(record.id),
            "metadata": record.version.metadata,
            "metadata_writes": writes,
            "paid_by_stripe": PAYOUT_ACTION in actions,
            "booking": market.booking_of(record),
            "resource": self._shown("transaction", record.id),
        }

    def list_transactions(self, request: Request) -> Any:
        """List transactions in brief; `after` (an id), `limit`, `provider`, `state` narrow it."""
        self._commands.catch_up()
        provider, state = request.arg("provider"), request.arg("state")
        found: list[str] = [
            record.id
            for record in self._commands.market.transactions.values()
            if provider in (None, record.provider) and state in (None, record.state)
        ]
        after = request.arg("after")
        start = found.index(after) + 1 if after in found else 0
        limit = min(int(request.arg("limit") or _MANY), _MANY)
        page = [self._brief(record_id) for record_id in found[start : start + limit]]
        return {"transactions": page, "total": len(found)}

    def events(self, request: Request) -> Any:
        """Show how many events there are, and the newest: what is withheld from the API is shown here."""
        self._commands.catch_up()
        log = self._commands.market.log
        limit = min(int(request.arg("limit") or 100), _MANY)
        start = max(0, len(log) - limit)
        after = request.arg("after")
        if after is not None:
            start = log.first_position(Query(after=int(after)), oldest=0)
        positions = range(start, min(len(log), start + limit))
        now = self._commands.now()
        shown = [
            {**log.render(position), "visible": log.withheld.get(position, 0) <= now}
            for position in positions
        ]
        return {"total": len(log), "events": shown}

    def processes(self, request: Request) -> Any:
        """List the processes and their transitions."""
        return {
            name: [
                {
                    "transition": t.name,
                    "actor": t.actor,
                    "from": t.source,
                    "to": t.target,
                    "actions": t.actions,
                }
                for t in process.transitions.values()
            ]
            for name, process in self._commands.market.processes.items()
        }


def _answering(handler: Callable[[Request], Any]) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        try:
            value = handler(request)
        except ApiError as error:
            return Response.of({"error": str(error)}, status=error.status if error.status != 401 else 400)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise BadRequest(f"That is not understood: {error!r}") from error
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return Response(201 if request.method == "POST" else 200, body)

    return answer
