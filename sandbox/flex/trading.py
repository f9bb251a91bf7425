"""Commands about transactions: what the customer, the provider, the operator and time make of them."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.flex import engine
from sandbox.flex.engine import Plan
from sandbox.flex.errors import ApiError
from sandbox.flex.events import NOBODY, Audit
from sandbox.flex.lines import line_set, partly_refunded, usual_lines
from sandbox.flex.market import Doing, Market
from sandbox.flex.people import create_listing, create_user, user
from sandbox.flex.processes import EXAMPLE_PROCESS, Actor, Process, ProcessError, Transition
from sandbox.flex.records import Resource, Transaction, author_of
from sandbox.flex.values import Keyword, Uuid, instant, parse_uuid

_ORDER = ("lineItems", "protectedData", "bookingStart", "bookingEnd", "stockReservationQuantity")


def transaction(market: Market, transaction_id: Any) -> Transaction:
    """Find a transaction for a command.

    :raises ApiError: `transaction-not-found`.
    """
    found = market.transactions.get(transaction_id)
    if found is None:
        raise ApiError("transaction-not-found", path=("id",))
    return found


def audit_of(market: Market, record: Transaction, actor: Actor) -> Audit:
    """Say who an actor is, as the marketplace's own site or Console would have noted it."""
    site, console = (Uuid(uuid.uuid5(uuid.UUID(market.id), name)) for name in ("site", "console"))
    match actor:
        case "customer":
            return Audit(user=record.customer, client=site)
        case "provider":
            return Audit(user=record.provider, client=site)
        case "operator":
            return Audit(admin=console)
        case "system":
            return NOBODY


def process_of(market: Market, name: str) -> Process:
    """Find a process.

    :raises ApiError: when there is none of that name.
    """
    if name not in market.processes:
        known = ", ".join(sorted(market.processes))
        raise ApiError("validation-invalid-value", f"no process {name!r}; known: {known}", path=("process",))
    return market.processes[name]


def wanted_path(process: Process, args: Mapping[str, Any]) -> tuple[Transition, ...]:
    """Give the transitions that were asked for by name, or that lead to the state asked for.

    :raises ApiError: when the process has none such.
    """
    names = args.get("transitions")
    try:
        if names:
            return tuple(process.transitions[_prefixed("transition", name)] for name in names)
        if args.get("state"):
            return process.path_to(_prefixed("state", args["state"]))
    except (KeyError, ProcessError) as error:
        raise ApiError("validation-invalid-value", f"{process.name}: {error}", path=("state",)) from error
    return (next(iter(_initial(process))),)


def _initial(process: Process) -> list[Transition]:
    """Give the ways to begin, an order before a mere question."""
    initial = [transition for transition in process.transitions.values() if transition.source is None]
    return sorted(
        initial, key=lambda transition: "action/privileged-set-line-items" not in transition.actions
    )


def _prefixed(kind: str, name: str) -> str:
    return name if name.startswith(f"{kind}/") else f"{kind}/{name}"


def create_transaction(market: Market, doing: Doing, args: Mapping[str, Any]) -> Uuid:
    """Begin a transaction and take it as far as asked; whoever is missing is invented.

    :raises ApiError: when something that is named is not there, or a transition is not possible.
    """
    process = process_of(market, args.get("process") or EXAMPLE_PROCESS)
    path = wanted_path(process, args)
    record = _new_record(market, doing, process, args)
    order = {name: args[name] for name in _ORDER if args.get(name) is not None}
    order.setdefault("lineItems", _usual(args))
    for edge in path:
        params = {name: value for name, value in order.items() if name in engine.params_of(edge)}
        _go(market, doing, record, edge.name, edge.actor, params)
    if args.get("metadata"):
        by_console = dataclasses.replace(
            doing, audit=audit_of(market, record, "operator"), source="source/console"
        )
        market.write_metadata(by_console, record=record, patch=args["metadata"])
    return record.id


def _usual(args: Mapping[str, Any]) -> list[dict[str, Any]]:
    return usual_lines(
        price=args.get("price", 10_000),
        currency=args.get("currency", "EUR"),
        quantity=args.get("quantity", 1),
        provider_percent=args.get("provider_percent", 10),
        customer_percent=args.get("customer_percent", 0),
    )


def _new_record(market: Market, doing: Doing, process: Process, args: Mapping[str, Any]) -> Transaction:
    provider, listing = _seller(market, doing, args)
    customer = user(market, args["customer"]).id if args.get("customer") else create_user(market, doing, {})
    record_id = parse_uuid(args["id"]) if args.get("id") else doing.new_id()
    if record_id in market.transactions:
        raise ApiError("conflict", "there is such a transaction already", path=("id",))
    return Transaction(
        record_id=record_id,
        process=process,
        created=doing.at,
        marketplace=market.id,
        customer=customer,
        provider=provider,
        listing=listing,
    )


def _seller(market: Market, doing: Doing, args: Mapping[str, Any]) -> tuple[Uuid, Uuid]:
    """Find or invent the listing and who offers it."""
    if not args.get("listing"):
        wanted = {"author": args.get("provider"), "price": args.get("price", 10_000)}
        listing = market.listings[
            create_listing(market, doing, {**wanted, "currency": args.get("currency", "EUR")})
        ]
    elif args["listing"] in market.listings:
        listing = market.listings[args["listing"]]
    else:
        raise ApiError("listing-not-found", path=("listing",))
    author = author_of(listing)
    if args.get("provider") not in (None, author):
        raise ApiError("validation-invalid-value", "the listing is somebody else's", path=("provider",))
    return author, listing.id


def _go(
    market: Market,
    doing: Doing,
    record: Transaction,
    transition: str,
    actor: Actor,
    params: Mapping[str, Any],
) -> Plan:
    plan = engine.plan(record=record, transition=transition, actor=actor, params=params, at=doing.at)
    audit = doing.audit if doing.audit != NOBODY else audit_of(market, record, actor)
    market.carry_out(dataclasses.replace(doing, audit=audit), plan=plan)
    return plan


def make_transition(market: Market, doing: Doing, args: Mapping[str, Any]) -> None:
    """Take a transaction one transition further, as the actor that is named.

    :raises ApiError: when there is no such transaction, or the transition is not possible.
    """
    record = transaction(market, args["id"])
    name = _prefixed("transition", args["transition"])
    edge = record.process.transitions.get(name)
    actor = args.get("actor") or (edge.actor if edge else "operator")
    _go(market, doing, record, name, actor, args.get("params") or {})


def write_metadata(market: Market, doing: Doing, args: Mapping[str, Any]) -> None:
    """Merge into a transaction's metadata.

    :raises ApiError: `transaction-not-found`, or when it grows too large.
    """
    market.write_metadata(doing, record=transaction(market, args["id"]), patch=args["metadata"])


def set_lines(market: Market, doing: Doing, args: Mapping[str, Any]) -> None:
    """Set the line items anew, or refund a part (`refund`: `amount` or `percent`), as a privileged transition does.

    With `transition` it is that transition, which must take line items; without, the change comes by itself.

    :raises ApiError: when the lines are not as they must be.
    """
    record = transaction(market, args["id"])
    lines = line_set(args["lineItems"]) if args.get("lineItems") is not None else None
    if lines is None:
        lines = partly_refunded(record.lines, amount=_refund_amount(record, args.get("refund") or {}))
    if args.get("transition"):
        raw = [{name: value for name, value in item.items() if name != "lineTotal"} for item in lines.items]
        edge = _prefixed("transition", args["transition"])
        known = record.process.transitions.get(edge)
        _go(market, doing, record, edge, known.actor if known else "operator", {"lineItems": raw})
        return
    previous = record.version
    record.line_sets = (*record.line_sets, lines)
    record.version = previous._replace(lines=len(record.line_sets) - 1)
    market.emit(doing, subtype="updated", record=record, previous=previous)


def _refund_amount(record: Transaction, refund: Mapping[str, Any]) -> int:
    goods = sum(item["lineTotal"]["amount"] for item in record.lines.items if "percentage" not in item)
    amount = refund.get("amount")
    if amount is None:
        amount = goods * refund.get("percent", 100) // 100
    if not isinstance(amount, int) or not 0 < amount <= goods:
        raise ApiError(
            "validation-invalid-value", f"between 1 and {goods} can be given back", path=("refund",)
        )
    return int(amount)


def delete_transaction(market: Market, doing: Doing, args: Mapping[str, Any]) -> None:
    """Take a transaction away.

    :raises ApiError: `transaction-not-found`.
    """
    market.delete(doing, record=transaction(market, args["id"]))


def add_event(market: Market, doing: Doing, args: Mapping[str, Any]) -> int:
    """Write an event of any type, known or not, about anything; give its sequence id.

    With `resource_id` of a transaction, and no `attributes`, it is about that transaction as it is.
    """
    kind, _, subtype = str(args["event_type"]).partition("/")
    record_id = parse_uuid(args["resource_id"]) if args.get("resource_id") else doing.new_id()
    about = market.transactions.get(record_id)
    if about is not None and kind == "transaction" and args.get("attributes") is None:
        position = market.emit(doing, subtype=subtype, record=about, previous=about.version)
        return market.log.sequence_id(position)
    attributes = {"createdAt": instant(doing.at), "state": Keyword("new"), **(args.get("attributes") or {})}
    record = Resource(type_name=kind, record_id=record_id, created=doing.at, attributes=attributes)
    return market.log.sequence_id(market.emit(doing, subtype=subtype, record=record, previous=None))
