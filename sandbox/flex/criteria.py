"""transactions/query and the other lists: which records fit, in which order, page by page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sandbox.flex.market import Market
from sandbox.flex.params import Params, invalid
from sandbox.flex.records import Record, Resource, Transaction
from sandbox.flex.values import parse_instant

MOST_ROWS: Final = 10_000
"""Beyond so many rows no page can be asked for."""

Fits = Callable[[Any], bool]
Key = Callable[[Any], int]


def _extended(values: Mapping[str, Any], wanted: Mapping[str, str], prefix: str) -> bool:
    return all(str(values.get(name.removeprefix(prefix))) == value for name, value in wanted.items())


def _parties(params: Params) -> list[Fits]:
    tests: list[Fits] = []
    customer, provider = params.uuid("customerId"), params.uuid("providerId")
    user, listing = params.uuid("userId"), params.uuid("listingId")
    if customer is not None:
        tests.append(lambda record: record.customer == customer)
    if provider is not None:
        tests.append(lambda record: record.provider == provider)
    if user is not None:
        tests.append(lambda record: user in (record.customer, record.provider))
    if listing is not None:
        tests.append(lambda record: record.listing == listing)
    return tests


def _progress(params: Params) -> list[Fits]:
    tests: list[Fits] = []
    last = params.words("lastTransitions", prefix="transition/")
    states = params.words("states", prefix="state/")
    names = params.words("processNames")
    if last is not None:
        tests.append(lambda record: record.last.transition in last)
    if states is not None:
        tests.append(lambda record: record.state in states)
    if names is not None:
        tests.append(lambda record: record.process.name in names)
    return tests


def _created(params: Params) -> list[Fits]:
    start, end = params.moment("createdAtStart"), params.moment("createdAtEnd")
    tests: list[Fits] = []
    if start is not None:
        tests.append(lambda record: record.created >= start)
    if end is not None:
        tests.append(lambda record: record.created < end)
    return tests


_PRESENCE: Final[dict[str, Fits]] = {
    "hasBooking": lambda record: record.booking is not None,
    "hasStockReservation": lambda record: record.reservation is not None,
    "hasPayin": lambda record: "stripePaymentIntents" in record.version.protected,
    # There are no messages here.
    "hasMessage": lambda record: False,
}


def _presence(params: Params) -> list[Fits]:
    asked = {name: params.flag(name) for name in _PRESENCE}
    return [_is(_PRESENCE[name], wanted) for name, wanted in asked.items() if wanted is not None]


def _is(there: Fits, wanted: bool) -> Fits:
    return lambda record: there(record) == wanted


def _companions(params: Params, market: Market) -> list[Fits]:
    def attribute(record_id: str | None, name: str) -> Any:
        found = market.companions.get(record_id or "")
        return found.version.get(name) if found else None

    def within(name: str, span: tuple[int, int]) -> Fits:
        def fits(record: Transaction) -> bool:
            at = attribute(record.booking, name)
            return at is not None and span[0] <= parse_instant(at) < span[1]

        return fits

    tests: list[Fits] = []
    bookings, stocks = params.words("bookingStates"), params.words("stockReservationStates")
    if bookings is not None:
        tests.append(lambda record: attribute(record.booking, "state") in bookings)
    if stocks is not None:
        tests.append(lambda record: attribute(record.reservation, "state") in stocks)
    spans = {name: params.span(f"booking{name.title()}") for name in ("start", "end")}
    tests.extend(within(name, span) for name, span in spans.items() if span is not None)
    return tests


def _extended_data(params: Params) -> list[Fits]:
    metadata, protected = params.starting("meta_"), params.starting("prot_")
    tests: list[Fits] = []
    if metadata:
        tests.append(lambda record: _extended(record.version.metadata, metadata, "meta_"))
    if protected:
        tests.append(lambda record: _extended(record.version.protected, protected, "prot_"))
    return tests


def transaction_tests(params: Params, market: Market) -> list[Fits]:
    """Read the filters of transactions/query.

    :raises ApiError: when one is not as it must be.
    """
    return [
        *_parties(params),
        *_progress(params),
        *_created(params),
        *_presence(params),
        *_companions(params, market),
        *_extended_data(params),
    ]


_PROFILE_DATA: Final = (
    ("meta_", "metadata"),
    ("prot_", "protectedData"),
    ("priv_", "privateData"),
    ("pub_", "publicData"),
)


def user_tests(params: Params) -> list[Fits]:
    """Read the filters of users/query."""

    def holds(name: str, wanted: Mapping[str, str], prefix: str) -> Fits:
        return lambda record: _extended(record.version["profile"][name], wanted, prefix)

    asked = [(name, params.starting(prefix), prefix) for prefix, name in _PROFILE_DATA]
    return [*_created(params), *(holds(name, wanted, prefix) for name, wanted, prefix in asked if wanted)]


def listing_tests(params: Params) -> list[Fits]:
    """Read the filters of listings/query."""
    tests = _created(params)
    author, ids, states = params.uuid("authorId"), params.words("ids"), params.words("states")
    if author is not None:
        tests.append(lambda record: record.relationships["author"][1] == author)
    if ids is not None:
        tests.append(lambda record: record.id in ids)
    if states is not None:
        tests.append(lambda record: record.version["state"] in states)
    return tests


_TRANSACTION_KEYS: Final[dict[str, Key]] = {
    "createdAt": lambda record: record.created,
    "lastTransitionedAt": lambda record: record.last.at,
    # There are no messages here.
    "lastMessageAt": lambda record: 0,
}
_OTHER_KEYS: Final[dict[str, Key]] = {"createdAt": lambda record: record.created}


def order(params: Params, *, market: Market, transactions: bool) -> list[tuple[Key, bool]]:
    """Read `sort`: keys, each with whether the newest comes first, which is so *without* a minus sign.

    :raises ApiError: when there is no such key, or more than three.
    """
    keys: dict[str, Key] = dict(_TRANSACTION_KEYS if transactions else _OTHER_KEYS)
    if transactions:
        for name in ("start", "end"):
            keys[f"booking{name.title()}"] = _booking_key(market, name)
    words = (params.text("sort") or "createdAt").split(",")
    unknown = [word for word in words if word.removeprefix("-") not in keys]
    if unknown or len(words) > 3:
        raise invalid("sort", f"at most three of {', '.join(keys)}")
    return [(keys[word.removeprefix("-")], not word.startswith("-")) for word in words]


def _booking_key(market: Market, name: str) -> Key:
    def moment(record: Transaction) -> int:
        booking = market.booking_of(record)
        return parse_instant(booking[name]) if booking else 0

    return moment


def chosen(
    records: Mapping[str, Record], *, tests: list[Fits], by: list[tuple[Key, bool]]
) -> list[Transaction | Resource]:
    """Give the records that fit, in order."""
    fitting = [record for record in records.values() if all(test(record) for test in tests)]
    for key, newest_first in reversed(by):
        fitting.sort(key=key, reverse=newest_first)
    return fitting
