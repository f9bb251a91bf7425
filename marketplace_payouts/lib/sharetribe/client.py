"""The questions and commands of the Integration API that the product uses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final
from uuid import UUID

from marketplace_payouts.lib.clock import in_utc
from marketplace_payouts.lib.pool import Item
from marketplace_payouts.lib.sharetribe.calling import Call, Caller
from marketplace_payouts.lib.sharetribe.config import FlexConfig
from marketplace_payouts.lib.sharetribe.errors import FlexBadAnswer, FlexError, FlexUnknownOutcome
from marketplace_payouts.lib.sharetribe.paging import PAGE, Page, oldest_first, transitioned_since
from marketplace_payouts.lib.sharetribe.records import (
    EventPage,
    JsonObject,
    Marketplace,
    Transaction,
    User,
    as_int,
    as_object,
    parse_event,
    parse_marketplace,
    parse_user,
)

_METADATA_BYTES: Final = 50 * 1024


class FlexClient:
    """Speaks for one application of one marketplace; safe to share among threads, and to keep across a fork.

    `on_call` hears the kind of every request (``events/query``, …), for counting what they cost. Nothing here may be
    called while a database transaction is open. `patience_s` bounds a call with all its waiting and asking again; it
    is the configuration's where not given.

    :raises BadBaseUrl: when the base URL is not one of Sharetribe's.
    """

    def __init__(self, *, config: FlexConfig, on_call: Callable[[str], None] | None = None) -> None:
        self._caller = Caller(config=config, on_call=on_call)

    def side_by_side(self, function: Callable[[Item], object], items: Sequence[Item]) -> None:
        """Call a function that asks this client with each item, as many at once as may be, and wait for all.

        The first error is raised once all are done.
        """
        self._caller.side_by_side(function, items)

    def close(self) -> None:
        """Close the kept connections."""
        self._caller.close()

    def marketplace_show(self, *, patience_s: float | None = None) -> Marketplace:
        """Read which marketplace our credentials belong to; the cheapest test of them.

        :raises FlexError: as its classes say.
        """
        body = self._caller.call(Call("marketplace/show", {}), patience_s=patience_s)
        return parse_marketplace(body.get("data"))

    def events(
        self,
        *,
        start_after: int | None = None,
        created_at_start: datetime | None = None,
        event_types: Sequence[str] = (),
        patience_s: float | None = None,
    ) -> EventPage:
        """Read the next events after a sequence id, or since a moment, in their strict order.

        Give one of the two, not both: Sharetribe does not say what both mean.

        :raises FlexBadAnswer: when an event has no id or the order is broken; nothing of the page is then usable.
        :raises FlexError: in its other forms.
        """
        if start_after is not None and created_at_start is not None:
            raise ValueError("Ask for events after a sequence id or since a moment, not both.")
        params = {"eventTypes": ",".join(event_types)} if event_types else {}
        if start_after is not None:
            params["startAfterSequenceId"] = str(start_after)
        if created_at_start is not None:
            params["createdAtStart"] = _written(created_at_start)
        body = self._caller.call(Call("events/query", params), patience_s=patience_s)
        events = [parse_event(entry) for entry in _list(body)]
        _check_order([event.sequence_id for event in events], start_after=start_after, is_full=_is_full(body))
        return EventPage(events=events, is_full=_is_full(body))

    def transaction(
        self, transaction_id: UUID, *, include: Sequence[str] = (), patience_s: float | None = None
    ) -> Transaction:
        """Read a transaction as it is now.

        :raises FlexNotFound: when there is none.
        :raises FlexError: in its other forms.
        """
        params = {"id": str(transaction_id)} | _include(include)
        return _transaction(self._caller.call(Call("transactions/show", params), patience_s=patience_s))

    def transactions(
        self,
        *,
        created_at_start: datetime | None = None,
        created_at_end: datetime | None = None,
        transitioned_after: datetime | None = None,
        last_transitions: Sequence[str] = (),
        process_names: Sequence[str] = (),
        states: Sequence[str] = (),
        provider_id: UUID | None = None,
        customer_id: UUID | None = None,
        include: Sequence[str] = (),
        on_unreadable: Callable[[object, FlexBadAnswer], None] | None = None,
        patience_s: float | None = None,
    ) -> Iterator[Transaction]:
        """Walk all transactions that fit, each once, reading page by page as they are wanted.

        They come oldest first; with `transitioned_after` the most recently changed come first and the walk ends
        where they get older. `patience_s` is for each page. A transaction that cannot be read goes to
        `on_unreadable` and the walk goes on; without that it ends the walk.

        :raises FlexTooMany: when Sharetribe's limit on paging ends the walk before its end.
        :raises FlexError: in its other forms.
        """
        params = _include(include) | {
            name: ",".join(values)
            for name, values in (
                ("lastTransitions", last_transitions),
                ("processNames", process_names),
                ("states", states),
                ("providerId", [str(provider_id)] if provider_id else []),
                ("customerId", [str(customer_id)] if customer_id else []),
                ("createdAtEnd", [_written(created_at_end)] if created_at_end else []),
            )
            if values
        }

        def page(number: int, more: Mapping[str, str]) -> Page:
            call = Call("transactions/query", {**params, **more, "page": str(number), "perPage": str(PAGE)})
            return _page(self._caller.call(call, patience_s=patience_s), on_unreadable)

        if transitioned_after is not None:
            start = {"createdAtStart": _written(created_at_start)} if created_at_start else {}
            return transitioned_since(page, in_utc(transitioned_after), start=start)
        return oldest_first(page, created_at_start and in_utc(created_at_start), write=_written)

    def update_metadata(
        self,
        transaction_id: UUID,
        metadata: Mapping[str, object],
        *,
        expand: bool = True,
        patience_s: float | None = None,
    ) -> Transaction | None:
        """Merge keys into a transaction's metadata, on its top level; None deletes a key, nested values are replaced.

        Gives the transaction as it then is, or None without `expand`. Asked again after a doubtful outcome, because
        twice is the same as once.

        :raises FlexConflict: when the transaction is not there or locked for longer than we may wait.
        :raises FlexError: in its other forms.
        """
        if len(json.dumps(metadata).encode()) > _METADATA_BYTES:
            raise ValueError("Metadata of a transaction must not be larger than 50 KB.")
        call = Call(
            "transactions/update_metadata",
            _expand(expand),
            {"id": str(transaction_id), "metadata": dict(metadata)},
        )
        body = self._caller.call(call, patience_s=patience_s)
        return _transaction(body) if expand else None

    def transition(
        self,
        transaction_id: UUID,
        transition: str,
        params: Mapping[str, object] | None = None,
        *,
        patience_s: float | None = None,
    ) -> Transaction:
        """Make an operator's transition, once.

        :raises FlexUnknownOutcome: when it may have been made: read the transaction and look.
        :raises FlexConflict: when it does not fit the present state; after an unknown outcome it may fit no more
            because it was made.
        :raises FlexError: in its other forms.
        """
        body = {"id": str(transaction_id), "transition": transition, "params": dict(params or {})}
        call = Call("transactions/transition", _expand(True), body, repeatable=False)  # noqa: FBT003
        answer = self._caller.call(call, patience_s=patience_s)
        try:
            return _transaction(answer)
        except FlexError as error:
            raise FlexUnknownOutcome("Sharetribe's answer to a transition cannot be read") from error

    def transition_speculative(
        self,
        transaction_id: UUID,
        transition: str,
        params: Mapping[str, object] | None = None,
        *,
        patience_s: float | None = None,
    ) -> Transaction:
        """Try a transition without making it, and give the transaction as it would then be.

        :raises FlexConflict: when it would not fit the present state.
        :raises FlexError: in its other forms.
        """
        body = {"id": str(transaction_id), "transition": transition, "params": dict(params or {})}
        call = Call("transactions/transition_speculative", _expand(True), body)  # noqa: FBT003
        return _transaction(self._caller.call(call, patience_s=patience_s))

    def user(self, user_id: UUID, *, patience_s: float | None = None) -> User:
        """Read a user.

        :raises FlexNotFound: when there is none.
        :raises FlexError: in its other forms.
        """
        call = Call("users/show", {"id": str(user_id)})
        return parse_user(self._caller.call(call, patience_s=patience_s).get("data"))

    def update_user_metadata(
        self, user_id: UUID, metadata: Mapping[str, object], *, patience_s: float | None = None
    ) -> User:
        """Merge keys into a user's public metadata, which only operators and we can write, and give the user.

        Merged on the top level: None deletes a key, other keys are left alone. Asked again after a doubtful outcome,
        because twice is the same as once.

        :raises FlexConflict: when there is no such user any more.
        :raises FlexError: in its other forms.
        """
        body = {"id": str(user_id), "metadata": dict(metadata)}
        call = Call("users/update_profile", _expand(True), body)  # noqa: FBT003
        return parse_user(self._caller.call(call, patience_s=patience_s).get("data"))

    def user_by_email(self, email: str, *, patience_s: float | None = None) -> User:
        """Read the user who has an e-mail address, verified or not.

        :raises FlexNotFound: when there is none.
        :raises FlexError: in its other forms.
        """
        call = Call("users/show", {"email": email})
        return parse_user(self._caller.call(call, patience_s=patience_s).get("data"))


def _transaction(body: JsonObject) -> Transaction:
    included = body.get("included")
    return Transaction.parse(
        body.get("data"),
        included=[as_object(entry, "included") for entry in included] if isinstance(included, list) else (),
    )


def _page(body: JsonObject, on_unreadable: Callable[[object, FlexBadAnswer], None] | None) -> Page:
    included = body.get("included")
    meta = body.get("meta")
    facts = meta if isinstance(meta, dict) else {}
    pages, limit = facts.get("totalPages"), facts.get("paginationLimit")
    entries, transactions = _list(body), []
    for entry in entries:
        try:
            transactions.append(
                Transaction.parse(entry, included=included if isinstance(included, list) else ())
            )
        except FlexBadAnswer as error:
            if on_unreadable is None:
                raise
            on_unreadable(entry, error)
    return Page(
        transactions=transactions,
        size=len(entries),
        pages=pages if isinstance(pages, int) else None,
        limit=limit if isinstance(limit, int) else None,
    )


def _list(body: JsonObject) -> list[object]:
    data = body.get("data")
    if not isinstance(data, list):
        raise FlexBadAnswer("Sharetribe's answer has no list")
    return data


def _is_full(body: JsonObject) -> bool:
    meta = body.get("meta")
    per_page = meta.get("perPage") if isinstance(meta, dict) else None
    return len(_list(body)) >= (PAGE if per_page is None else max(as_int(per_page, "perPage"), 1))


def _check_order(ids: Sequence[int], *, start_after: int | None, is_full: bool) -> None:
    # One given out twice does no harm. Going backwards would make the cursor pass what was never seen, and a full
    # page without anything new would be read for ever.
    if any(later < earlier for earlier, later in pairwise(ids)):
        raise FlexBadAnswer("Sharetribe's events are not in the order of their sequence ids")
    if is_full and start_after is not None and ids[-1] <= start_after:
        raise FlexBadAnswer("Sharetribe gave out nothing but events from before the cursor")


def _include(names: Sequence[str]) -> dict[str, str]:
    return {"include": ",".join(names)} if names else {}


def _expand(wanted: bool) -> dict[str, str]:
    return {"expand": "true"} if wanted else {}


def _written(moment: datetime) -> str:
    # Sharetribe keeps milliseconds.
    return in_utc(moment).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
