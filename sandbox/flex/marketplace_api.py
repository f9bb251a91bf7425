"""What users do through the Marketplace API: look at listings and at their own transactions, and begin one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sandbox.core import Request
from sandbox.flex import engine
from sandbox.flex.api import Reads, Show, map_of
from sandbox.flex.commands import Commands
from sandbox.flex.errors import ApiError
from sandbox.flex.params import only
from sandbox.flex.processes import Transition
from sandbox.flex.trading import process_of
from sandbox.flex.values import Uuid, parse_uuid
from sandbox.flex.wire import body_of

_PRIVILEGED: Final = "action/privileged-"


class Users:
    """The endpoints; each is told which user calls. `is_trusted` says whether a request carries a trusted token."""

    def __init__(self, *, commands: Commands, reads: Reads, is_trusted: Callable[[Request], bool]) -> None:
        self._commands = commands
        self._reads = reads
        self._is_trusted = is_trusted

    def listing(self, request: Request, _user: Uuid) -> dict[str, Any]:
        """Answer listings/show."""
        return self._reads.listing(request)

    def transaction(self, request: Request, user: Uuid) -> dict[str, Any]:
        """Answer transactions/show: only to its customer and its provider."""
        shown = self._reads.transaction(request)
        record = self._commands.market.transactions[shown["data"]["id"]]
        if user not in (record.customer, record.provider):
            raise ApiError("forbidden", "the transaction is somebody else's")
        return shown

    def initiate(self, request: Request, user: Uuid) -> dict[str, Any]:
        """Answer transactions/initiate: the user is the customer; what is privileged needs a trusted token."""
        show, body = Show(request, "transaction"), body_of(request)
        only(body, ("processAlias", "transition", "params"))
        edge = self._initial(str(body.get("processAlias")), str(body.get("transition")))
        if any(action.startswith(_PRIVILEGED) for action in edge.actions) and not self._is_trusted(request):
            raise ApiError("forbidden", f"{edge.name} is privileged: exchange the token for a trusted one")
        params = dict(map_of(body, "params"))
        listing = _listing_of(params)
        _must_fit(edge, params)
        record_id = self._commands.do(
            "transaction",
            {
                "process": str(body["processAlias"]).partition("/")[0],
                "transitions": [edge.name],
                "listing": listing,
                "customer": user,
                **params,
            },
        )
        return show.answer(self._commands, record_id)

    def _initial(self, alias: str, transition: str) -> Transition:
        process = process_of(self._commands.market, alias.partition("/")[0])
        edge = process.transitions.get(transition)
        if edge is None or edge.source is not None or edge.actor != "customer":
            raise ApiError(
                "transaction-invalid-transition", f"{process.name} does not begin with {transition}"
            )
        return edge


def _listing_of(params: dict[str, Any]) -> Uuid:
    if params.get("listingId") is None:
        raise ApiError("validation-missing-key", path=("params", "listingId"))
    try:
        return parse_uuid(params.pop("listingId"))
    except ValueError as error:
        raise ApiError("validation-invalid-value", str(error), path=("params", "listingId")) from error


def _must_fit(edge: Transition, params: dict[str, Any]) -> None:
    """Refuse what the transition does not take, and an order without lines, which steering would make up."""
    unknown = sorted(set(params) - engine.params_of(edge))
    if unknown:
        raise ApiError("validation-disallowed-key", path=("params", unknown[0]))
    if "lineItems" in engine.params_of(edge) and not params.get("lineItems"):
        raise ApiError("validation-missing-key", path=("params", "lineItems"))
