"""The five processes that every Sharetribe marketplace starts with.

Their states, transitions, actors and delays are those of Sharetribe's own template (read 2026-11-23); in all but
default-inquiry Sharetribe pays the provider itself. Notifications are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sandbox.flex.processes import (
    Actor,
    Earliest,
    Moment,
    Process,
    Shifted,
    Timepoint,
    Transition,
    milliseconds,
)

# What a transition does, by short names.
_PROTECT: Final = ("update-protected-data",)
_METADATA: Final = ("privileged-update-metadata",)
_LINES: Final = ("privileged-set-line-items",)
_INTENT: Final = ("stripe-create-payment-intent",)
_CONFIRM: Final = ("stripe-confirm-payment-intent",)
_CAPTURE: Final = ("stripe-capture-payment-intent",)
_PAYOUT: Final = ("stripe-create-payout",)
_REFUND: Final = ("calculate-full-refund", "stripe-refund-payment")
_BOOK: Final = ("create-pending-booking",)
_RESERVE: Final = ("create-pending-stock-reservation",)
_OFFER: Final = (*_LINES, *_METADATA)
_FIRST_OFFER: Final = (*_LINES, *_PROTECT, *_METADATA)

_Row = tuple[str, Actor | Moment, str | None, str, tuple[str, ...]]


def _first(state: str, period: str = "PT0S") -> Moment:
    return Shifted(Timepoint("time/first-entered-state", f"state/{state}"), milliseconds(period))


def _last(state: str, period: str) -> Moment:
    return Shifted(Timepoint("time/last-entered-state", f"state/{state}"), milliseconds(period))


def _booking(end: str, period: str = "PT0S") -> Moment:
    return Shifted(Timepoint(f"time/booking-{end}"), milliseconds(period))


def _reviews(done: str, deadline: Moment) -> tuple[_Row, ...]:
    """Give the transitions by which both parties review each other, once in either order."""
    provider, customer = ("post-review-by-provider",), ("post-review-by-customer",)
    publish = ("publish-reviews",)
    return (
        ("review-1-by-provider", "provider", done, "reviewed-by-provider", provider),
        ("review-2-by-provider", "provider", "reviewed-by-customer", "reviewed", (*provider, *publish)),
        ("review-1-by-customer", "customer", done, "reviewed-by-customer", customer),
        ("review-2-by-customer", "customer", "reviewed-by-provider", "reviewed", (*customer, *publish)),
        ("expire-review-period", deadline, done, "reviewed", ()),
        ("expire-provider-review-period", deadline, "reviewed-by-customer", "reviewed", publish),
        ("expire-customer-review-period", deadline, "reviewed-by-provider", "reviewed", publish),
    )


_UNSTOCK_DECLINE: Final = (*_REFUND, "decline-stock-reservation")
_UNSTOCK_CANCEL: Final = (*_REFUND, "cancel-stock-reservation")
_ORDER: Final = (*_PROTECT, *_RESERVE, *_LINES, *_INTENT)

_PURCHASE: Final[tuple[_Row, ...]] = (
    ("inquire", "customer", None, "inquiry", _PROTECT),
    ("request-payment", "customer", None, "pending-payment", _ORDER),
    ("request-payment-after-inquiry", "customer", "inquiry", "pending-payment", _ORDER),
    (
        "confirm-payment",
        "customer",
        "pending-payment",
        "purchased",
        ("accept-stock-reservation", *_CONFIRM, *_CAPTURE),
    ),
    (
        "expire-payment",
        _first("pending-payment", "PT15M"),
        "pending-payment",
        "payment-expired",
        _UNSTOCK_DECLINE,
    ),
    # Delivery comes before the short cut, so that the usual way to "received" leads over "delivered".
    ("mark-delivered", "provider", "purchased", "delivered", ()),
    ("operator-mark-delivered", "operator", "purchased", "delivered", ()),
    ("mark-received-from-purchased", "customer", "purchased", "received", _PAYOUT),
    ("mark-received", "customer", "delivered", "received", _PAYOUT),
    ("auto-mark-received", _first("delivered", "P14D"), "delivered", "received", _PAYOUT),
    ("dispute", "customer", "delivered", "disputed", _PROTECT),
    ("operator-dispute", "operator", "delivered", "disputed", ()),
    ("mark-received-from-disputed", "operator", "disputed", "received", _PAYOUT),
    ("cancel", "operator", "purchased", "canceled", _UNSTOCK_CANCEL),
    ("auto-cancel", _first("purchased", "P14D"), "purchased", "canceled", _UNSTOCK_CANCEL),
    ("cancel-from-disputed", "operator", "disputed", "canceled", _UNSTOCK_CANCEL),
    ("auto-cancel-from-disputed", _first("disputed", "P60D"), "disputed", "canceled", _UNSTOCK_CANCEL),
    # No delay: it follows at once, so "received" is never seen as the last transition for long.
    ("auto-complete", _first("received"), "received", "completed", ()),
    *_reviews("completed", _first("received", "P7D")),
)

_UNBOOK_DECLINE: Final = (*_REFUND, "decline-booking")
_BOOKING_ORDER: Final = (*_PROTECT, *_BOOK, *_LINES, *_INTENT)
_BOOKING_EXPIRY: Final = Earliest(
    (_first("preauthorized", "P6D"), _booking("start", "P1D"), _booking("end")),
)

_BOOKING: Final[tuple[_Row, ...]] = (
    ("inquire", "customer", None, "inquiry", _PROTECT),
    ("request-payment", "customer", None, "pending-payment", _BOOKING_ORDER),
    ("request-payment-after-inquiry", "customer", "inquiry", "pending-payment", _BOOKING_ORDER),
    (
        "expire-payment",
        _first("pending-payment", "PT15M"),
        "pending-payment",
        "payment-expired",
        _UNBOOK_DECLINE,
    ),
    ("confirm-payment", "customer", "pending-payment", "preauthorized", _CONFIRM),
    ("accept", "provider", "preauthorized", "accepted", ("accept-booking", *_CAPTURE)),
    ("operator-accept", "operator", "preauthorized", "accepted", ("accept-booking", *_CAPTURE)),
    ("decline", "provider", "preauthorized", "declined", _UNBOOK_DECLINE),
    ("operator-decline", "operator", "preauthorized", "declined", _UNBOOK_DECLINE),
    ("expire", _BOOKING_EXPIRY, "preauthorized", "expired", _UNBOOK_DECLINE),
    ("complete", _booking("end", "P2D"), "accepted", "delivered", _PAYOUT),
    ("operator-complete", "operator", "accepted", "delivered", _PAYOUT),
    ("cancel", "operator", "accepted", "cancelled", (*_REFUND, "cancel-booking")),
    *_reviews("delivered", _booking("end", "P7D")),
)

_DOWNLOAD: Final[tuple[_Row, ...]] = (
    ("inquire", "customer", None, "inquiry", _PROTECT),
    ("request-payment", "customer", None, "pending-payment", (*_PROTECT, *_LINES, *_INTENT)),
    ("purchase-after-inquiry", "customer", "inquiry", "pending-payment", (*_PROTECT, *_LINES, *_INTENT)),
    ("confirm-payment", "customer", "pending-payment", "purchased", (*_CONFIRM, *_CAPTURE)),
    ("expire-payment", _first("pending-payment", "PT15M"), "pending-payment", "payment-expired", _REFUND),
    ("auto-complete", _first("purchased", "P7D"), "purchased", "completed", _PAYOUT),
    ("operator-complete", "operator", "purchased", "completed", _PAYOUT),
    ("operator-report", "operator", "purchased", "reported", ()),
    ("report", "customer", "purchased", "reported", ()),
    ("operator-cancel", "operator", "reported", "canceled", _REFUND),
    ("auto-cancel", _first("reported", "P14D"), "reported", "canceled", _REFUND),
    ("operator-complete-from-reported", "operator", "reported", "completed", _PAYOUT),
    ("review", "customer", "completed", "reviewed", ("post-review-by-customer", "publish-reviews")),
    ("expire-review-period", _first("completed", "P7D"), "completed", "reviewed", ()),
)

_NEGOTIATION: Final[tuple[_Row, ...]] = (
    ("make-offer", "provider", None, "offer-pending", _FIRST_OFFER),
    ("inquire", "provider", None, "inquiry", ()),
    ("request-quote", "customer", None, "quote-requested", _PROTECT),
    ("make-offer-from-request", "provider", "quote-requested", "offer-pending", _FIRST_OFFER),
    ("reject-request", "provider", "quote-requested", "request-rejected", ()),
    ("withdraw-request", "customer", "quote-requested", "request-rejected", ()),
    ("operator-reject-request", "operator", "quote-requested", "request-rejected", ()),
    ("make-offer-after-inquiry", "provider", "inquiry", "offer-pending", _FIRST_OFFER),
    ("customer-make-counter-offer", "customer", "offer-pending", "customer-offer-pending", _OFFER),
    ("provider-make-counter-offer", "provider", "customer-offer-pending", "offer-pending", _OFFER),
    ("provider-accept-counter-offer", "provider", "customer-offer-pending", "offer-pending", ()),
    ("operator-reject-offer", "operator", "offer-pending", "offer-rejected", ()),
    ("customer-reject-offer", "customer", "offer-pending", "offer-rejected", ()),
    ("provider-withdraw-offer", "provider", "offer-pending", "offer-rejected", ()),
    ("customer-withdraw-counter-offer", "customer", "customer-offer-pending", "offer-pending", _OFFER),
    (
        "operator-reject-from-customer-counter-offer",
        "operator",
        "customer-offer-pending",
        "offer-rejected",
        (),
    ),
    ("provider-reject-counter-offer", "provider", "customer-offer-pending", "offer-pending", _OFFER),
    ("request-payment-to-accept-offer", "customer", "offer-pending", "pending-payment", _INTENT),
    ("expire-payment", _first("pending-payment", "PT15M"), "pending-payment", "payment-expired", _REFUND),
    ("confirm-payment", "customer", "pending-payment", "offer-accepted", (*_CONFIRM, *_CAPTURE)),
    ("auto-cancel", _first("offer-accepted", "P75D"), "offer-accepted", "canceled", _REFUND),
    ("operator-cancel", "operator", "offer-accepted", "canceled", _REFUND),
    ("operator-mark-delivered", "operator", "offer-accepted", "delivered", ()),
    ("deliver", "provider", "offer-accepted", "delivered", ()),
    ("request-changes", "customer", "delivered", "changes-requested", ()),
    ("operator-request-changes", "operator", "delivered", "changes-requested", ()),
    ("deliver-changes", "provider", "changes-requested", "delivered", ()),
    ("operator-mark-changes-delivered", "operator", "changes-requested", "delivered", ()),
    (
        "auto-cancel-from-changes-requested",
        _first("offer-accepted", "P75D"),
        "changes-requested",
        "canceled",
        _REFUND,
    ),
    ("operator-cancel-from-changes-requested", "operator", "changes-requested", "canceled", _REFUND),
    ("operator-cancel-from-delivered", "operator", "delivered", "canceled", _REFUND),
    ("accept-deliverable", "customer", "delivered", "completed", _PAYOUT),
    ("operator-accept-deliverable", "operator", "delivered", "completed", _PAYOUT),
    ("auto-accept-deliverable", _last("delivered", "P14D"), "delivered", "completed", _PAYOUT),
    *_reviews("completed", _first("completed", "P7D")),
)

_INQUIRY: Final[tuple[_Row, ...]] = (("inquire-without-payment", "customer", None, "free-inquiry", _PROTECT),)


def _transitions(rows: tuple[_Row, ...]) -> Iterator[Transition]:
    for name, by, source, target, actions in rows:
        yield Transition(
            name=f"transition/{name}",
            actor=by if isinstance(by, str) else "system",
            source=None if source is None else f"state/{source}",
            target=f"state/{target}",
            actions=tuple(f"action/{action}" for action in actions),
            at=None if isinstance(by, str) else by,
        )


def default_processes() -> tuple[Process, ...]:
    """Give the processes that Sharetribe ships."""
    return tuple(
        Process(name=name, transitions=_transitions(rows))
        for name, rows in (
            ("default-purchase", _PURCHASE),
            ("default-booking", _BOOKING),
            ("default-download", _DOWNLOAD),
            ("default-negotiation", _NEGOTIATION),
            ("default-inquiry", _INQUIRY),
        )
    )
