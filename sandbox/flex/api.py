"""The Integration API: each endpoint reads its parameters and makes one call into the marketplace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.core import Fault, Request
from sandbox.flex import engine, trading
from sandbox.flex.commands import Commands
from sandbox.flex.errors import ApiError
from sandbox.flex.events import Audit
from sandbox.flex.lists import Lists
from sandbox.flex.params import Params, only
from sandbox.flex.people import PROFILE_FIELDS, user
from sandbox.flex.records import Record
from sandbox.flex.showing import Fields, Include, include_tree, one
from sandbox.flex.values import Keyword, Uuid, parse_uuid
from sandbox.flex.wire import body_of

_SOURCE: Final = "source/integration-api"
Locked = Callable[[Request, str], Fault | None]


class Reads:
    """The endpoints that change nothing."""

    def __init__(self, *, commands: Commands, lists: Lists) -> None:
        self._commands = commands
        self.lists = lists

    def marketplace(self, request: Request) -> dict[str, Any]:
        """Answer marketplace/show."""
        params = Params(request)
        fields = params.fields()
        params.uuid("id")
        params.finish()
        return one(self._commands.market, self._commands.market.as_resource(), include={}, fields=fields)

    def transaction(self, request: Request) -> dict[str, Any]:
        """Answer transactions/show."""
        return self._show(request, "transaction", lambda key: self._commands.market.transactions.get(key))

    def listing(self, request: Request) -> dict[str, Any]:
        """Answer listings/show."""
        return self._show(request, "listing", lambda key: self._commands.market.listings.get(key))

    def reservation(self, request: Request) -> dict[str, Any]:
        """Answer stock_reservations/show."""
        return self._show(request, "stockReservation", lambda key: self._commands.market.companions.get(key))

    def user(self, request: Request) -> dict[str, Any]:
        """Answer users/show, by id or by e-mail address."""
        if request.arg("email") is not None and request.arg("id") is None:
            return self._show(
                request, "user", lambda key: self._commands.market.by_email.get(key), by="email"
            )
        return self._show(request, "user", lambda key: self._commands.market.users.get(key))

    def current_user(self, request: Request, user_id: Uuid) -> dict[str, Any]:
        """Answer current_user/show of the Marketplace API: what users see of themselves."""
        params = Params(request)
        include = include_tree(params.text("include"), type_name="user")
        fields = params.fields()
        params.finish()
        record = user(self._commands.market, user_id)
        wanted = {"user": fields["currentUser"]} if "currentUser" in fields else {}
        answer = one(self._commands.market, record, include=include, fields={**fields, **wanted})
        answer["data"]["type"] = Keyword("currentUser")
        return answer

    def _show(
        self, request: Request, type_name: str, find: Callable[[str], Record | None], *, by: str = "id"
    ) -> dict[str, Any]:
        params = Params(request)
        key = params.required(by) if by == "email" else (params.uuid("id") or params.required("id"))
        include = include_tree(params.text("include"), type_name=type_name)
        fields = params.fields()
        params.finish()
        record = find(key)
        if record is None:
            raise ApiError("not-found", f"there is no such {type_name}", path=(by,), where="query")
        return one(self._commands.market, record, include=include, fields=fields)


class Writes:
    """The endpoints that change something. Each answers with the id alone, unless `expand=true`."""

    def __init__(self, *, commands: Commands, locked: Locked) -> None:
        self._commands = commands
        self._locked = locked

    def transition(self, request: Request, client: Uuid) -> dict[str, Any]:
        """Answer transactions/transition."""
        show, body = Show(request, "transaction"), body_of(request)
        record_id, transition, params = _transition_of(body)
        self._unlocked(request, record_id)
        self._commands.do(
            "transition",
            {"id": record_id, "transition": transition, "actor": "operator", "params": params},
            audit=Audit(client=client),
        )
        return show.answer(self._commands, record_id)

    def speculate(self, request: Request, client: Uuid) -> dict[str, Any]:
        """Answer transactions/transition_speculative: the same, and nothing is kept."""
        show, body = Show(request, "transaction"), body_of(request)
        record_id, transition, params = _transition_of(body)
        self._unlocked(request, record_id)
        record = trading.transaction(self._commands.market, record_id)
        plan = engine.plan(
            record=record, transition=transition, actor="operator", params=params, at=self._commands.now()
        )
        answer = show.answer(self._commands, record_id)
        if show.expand:
            attributes = plan.attributes()
            answer["data"]["attributes"] = {name: attributes[name] for name in answer["data"]["attributes"]}
        return answer

    def metadata(self, request: Request, client: Uuid) -> dict[str, Any]:
        """Answer transactions/update_metadata."""
        show, body = Show(request, "transaction"), body_of(request)
        only(body, ("id", "metadata"))
        record_id, patch = _id(body), map_of(body, "metadata")
        self._unlocked(request, record_id)
        args = {"id": record_id, "metadata": patch}
        self._commands.do("metadata", args, audit=Audit(client=client), source=_SOURCE)
        return show.answer(self._commands, record_id)

    def profile(self, request: Request, client: Uuid) -> dict[str, Any]:
        """Answer users/update_profile."""
        show, body = Show(request, "user"), body_of(request)
        only(body, ("id", *PROFILE_FIELDS))
        user_id = _id(body)
        user(self._commands.market, user_id)
        for name in ("publicData", "protectedData", "privateData", "metadata"):
            if name in body:
                map_of(body, name)
        profile = {name: value for name, value in body.items() if name != "id"}
        args = {"id": user_id, "profile": profile}
        self._commands.do("change-user", args, audit=Audit(client=client), source=_SOURCE)
        return show.answer(self._commands, user_id)

    def _unlocked(self, request: Request, record_id: str) -> None:
        """Refuse as Sharetribe does while another change of the same transaction is under way."""
        if self._locked(request, record_id) is not None:
            raise ApiError("transaction-locked", "another operation on the transaction is under way")


class Show:
    """What a command's query string says about its answer; read before anything is done."""

    def __init__(self, request: Request, type_name: str) -> None:
        params = Params(request)
        self.expand = bool(params.flag("expand"))
        self._type = type_name
        self._include: Include = include_tree(params.text("include"), type_name=type_name)
        self._fields: Fields = params.fields()
        params.finish()

    def answer(self, commands: Commands, record_id: str) -> dict[str, Any]:
        """Show what the command was about: the id alone, or all of it where that was asked for."""
        if not self.expand:
            return {"data": {"id": Uuid(record_id), "type": Keyword(self._type)}}
        record = commands.market.find(type_name=self._type, record_id=record_id)
        if record is None:
            raise ApiError("not-found")
        return one(commands.market, record, include=self._include, fields=self._fields)


def _id(body: Mapping[str, Any]) -> Uuid:
    if body.get("id") is None:
        raise ApiError("validation-missing-key", path=("id",))
    try:
        return parse_uuid(body["id"])
    except ValueError as error:
        raise ApiError("validation-invalid-value", str(error), path=("id",)) from error


def map_of(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Give a field of a body that must be a map.

    :raises ApiError: when it is missing or something else.
    """
    if name not in body:
        raise ApiError("validation-missing-key", path=(name,))
    if not isinstance(body[name], Mapping):
        raise ApiError("validation-invalid-value", f"{name} must be a map", path=(name,))
    value: Mapping[str, Any] = body[name]
    return value


def _transition_of(body: Mapping[str, Any]) -> tuple[Uuid, str, Mapping[str, Any]]:
    only(body, ("id", "transition", "params"))
    record_id = _id(body)
    transition = body.get("transition")
    if transition is None:
        raise ApiError("validation-missing-key", path=("transition",))
    if not isinstance(transition, str) or not transition.startswith("transition/"):
        raise ApiError(
            "validation-invalid-value", "a transition begins with transition/", path=("transition",)
        )
    # The SDK always sends params; plain clients tend to leave empty ones out.
    params = map_of(body, "params") if body.get("params") is not None else {}
    return record_id, str(transition), params
