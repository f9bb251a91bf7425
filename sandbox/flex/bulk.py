"""Very many transactions at once, for benchmarks and load.

One transaction is taken through the process as a template; the others share its versions. They differ in who sells,
who buys, what it costs and when. Bookings and stock reservations are left out, and so are their events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sandbox.flex import engine
from sandbox.flex.errors import ApiError
from sandbox.flex.lines import LineSet, usual_lines
from sandbox.flex.market import Doing, Market
from sandbox.flex.people import create_listing, create_user
from sandbox.flex.processes import EXAMPLE_PROCESS, Process, Transition
from sandbox.flex.records import Transaction, Version, author_of
from sandbox.flex.trading import audit_of, process_of, wanted_path
from sandbox.flex.values import Uuid

GROUP: Final = 100
PRICES: Final = 50
LARGEST: Final = 2_000_000


class Template(NamedTuple):
    """What a transaction goes through: a version for each transition, and the line items that they count into."""

    versions: tuple[Version, ...]
    line_sets: tuple[LineSet, ...]


def create_many(market: Market, doing: Doing, args: Mapping[str, Any]) -> dict[str, Any]:
    """Make many transactions of many payees, all in one state.

    Fields: `transactions`, `payees` (how many; or `providers`, their ids), `process`, `state` or `transitions`,
    `currency`, `price` (the lowest; the highest is twice that), `provider_percent`, `stripe_connected`.

    :raises ApiError: when something asked for is not there.
    """
    wanted = args["transactions"]
    if not isinstance(wanted, int) or not 0 < wanted <= LARGEST:
        raise ApiError("validation-invalid-value", f"between 1 and {LARGEST} at once", path=("transactions",))
    process = process_of(market, args.get("process") or EXAMPLE_PROCESS)
    path = wanted_path(process, args)
    providers = list(
        args.get("providers") or _people(market, doing, args.get("payees") or max(1, wanted // 100), args)
    )
    listings = _listings(market, doing, providers, args)
    customers = _people(market, doing, min(1000, max(1, wanted // 10)), {})
    prices = _prices(market, doing, process, path, args)
    first = len(market.log)
    ids: list[Uuid] = []
    for start in range(0, wanted, GROUP):
        versions = _template(market, doing, process, path, []).versions
        group = [
            _stamp(market, doing, process, listings[n % len(listings)], customers[n % len(customers)])
            for n in range(start, min(start + GROUP, wanted))
        ]
        _tell(market, doing, group, versions, prices, path)
        ids.extend(record.id for record in group)
    return {
        "transactions": wanted,
        "events": len(market.log) - first,
        "first_sequence_id": market.log.sequence_id(first),
        "last_sequence_id": market.log.sequence_id(len(market.log) - 1),
        "providers": providers,
        "first_ids": ids[:GROUP],
        "payout_total": str(sum(_owed(market.transactions[made]) for made in ids)),
    }


def _owed(record: Transaction) -> int:
    payout = record.lines.payout
    return int(payout["amount"]) if payout else 0


def _people(market: Market, doing: Doing, count: int, args: Mapping[str, Any]) -> list[Uuid]:
    connected = bool(args.get("stripe_connected"))
    return [create_user(market, doing, {"stripeConnected": connected}) for _ in range(count)]


def _listings(market: Market, doing: Doing, providers: Sequence[str], args: Mapping[str, Any]) -> list[Uuid]:
    fields = {"price": args.get("price", 10_000), "currency": args.get("currency", "EUR")}
    return [create_listing(market, doing, {"author": provider, **fields}) for provider in providers]


def _prices(
    market: Market, doing: Doing, process: Process, path: Sequence[Transition], args: Mapping[str, Any]
) -> list[tuple[LineSet, ...]]:
    """Give the line items at each of the prices."""
    lowest, currency = args.get("price", 10_000), args.get("currency", "EUR")
    percent = args.get("provider_percent", 10)
    made = []
    for n in range(PRICES):
        lines = usual_lines(price=lowest + lowest * n // PRICES, currency=currency, provider_percent=percent)
        made.append(_template(market, doing, process, path, lines).line_sets)
    return made


def _template(
    market: Market, doing: Doing, process: Process, path: Sequence[Transition], lines: list[dict[str, Any]]
) -> Template:
    """Take one transaction, which is then thrown away, through all transitions."""
    nobody = doing.new_id()
    record = Transaction(
        record_id=nobody, process=process, created=doing.at, marketplace=market.id, customer=nobody, provider=nobody,
        listing=None,
    )  # fmt: skip
    versions = []
    for edge in path:
        params = {"lineItems": lines} if "lineItems" in engine.params_of(edge) else {}
        plan = engine.plan(record=record, transition=edge.name, actor=edge.actor, params=params, at=doing.at)
        record.line_sets, record.version = plan.line_sets, plan.version
        versions.append(record.version)
    return Template(tuple(versions), record.line_sets)


def _stamp(market: Market, doing: Doing, process: Process, listing_id: Uuid, customer: Uuid) -> Transaction:
    return Transaction(
        record_id=doing.new_id(),
        process=process,
        created=doing.at,
        marketplace=market.id,
        customer=customer,
        provider=author_of(market.listings[listing_id]),
        listing=listing_id,
    )


def _tell(
    market: Market,
    doing: Doing,
    group: Sequence[Transaction],
    versions: Sequence[Version],
    prices: Sequence[tuple[LineSet, ...]],
    path: Sequence[Transition],
) -> None:
    """Write the events of a group, transition by transition, as if all had been done side by side."""
    for record in group:
        record.line_sets = prices[doing.rng.randrange(len(prices))]
        market.transactions[record.id] = record
    for edge, version in zip(path, versions, strict=True):
        # One audit for the group: it is shared, and nobody asks who exactly pressed the button.
        audit = audit_of(market, group[0], edge.actor)
        step = Doing(at=doing.at, rng=doing.rng, fates=doing.fates, audit=audit)
        for record in group:
            initial = not record.version.steps
            previous = None if initial else record.version
            record.version = version
            subtype = "initiated" if initial else "transitioned"
            market.emit(step, subtype=subtype, record=record, previous=previous)
    for record in group:
        market.schedule(record)
