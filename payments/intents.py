"""The payment that a buyer makes through Stripe for a Sharetribe transaction: one PaymentIntent, however often, and by
however many at once, it is asked for.

It is made as everything of ours at Stripe is (`payments.stripe.making`), so that a lost answer makes no second one. The
secret by which the buyer pays goes to the caller, and is kept nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import F

from accounts.errors import InTheWay, NotNow
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.money import Money
from marketplace_payouts.lib.shared_state import NotGranted, shared_lock
from payments import stripe_words
from payments.models import Intent
from payments.stripe import config
from payments.stripe.client import asking
from payments.stripe.errors import StripeGone, StripeRefused, StripeUnavailable
from payments.stripe.making import OUR_ID, make
from payments.stripe_words import TRANSACTION_KEY
from payments.words import BadPayment

_PATIENCE_S: Final = 20.0
_CANCELED: Final = "canceled"
_MOVED_ON: Final = "payment_intent_unexpected_state"
# docs.stripe.com/api/payment_intents/object, read 2026-11: in any other, what is to be paid is settled.
_OPEN: Final = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a buyer is to pay for a transaction, and who they are to Stripe."""

    marketplace_id: UUID
    transaction_id: UUID
    buyer_id: UUID
    amount: Money
    customer: str = ""
    """Their id at Stripe; empty where they have none."""


@dataclass(frozen=True, slots=True)
class Offered:
    """What the buyer's browser needs to pay."""

    id: str
    status: str
    client_secret: str = field(repr=False)
    amount: Money
    is_new: bool
    """Whether Stripe told of it just now."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A PaymentIntent as Stripe shows it."""

    id: str
    status: str
    client_secret: str = field(repr=False)
    price: Mapping[str, Any]
    customer: str


def offer(wanted: Wanted, *, now: datetime) -> Offered:
    """This will give the PaymentIntent of a transaction, made or changed where need be.

    :raises InTheWay: when it is being paid already with another amount, or Stripe cannot take the amount.
    :raises NotNow: when somebody else is at it for longer than one may wait.
    :raises StripeProblem: when Stripe did not do it, or did not say.
    """
    config.config()
    try:
        # Whoever comes second finds what the first one made.
        with shared_lock(f"stripe intent {wanted.transaction_id}", wait_s=_PATIENCE_S):
            return _offer(wanted, now=now)
    except NotGranted:
        raise NotNow(
            "busy", "The payment of this transaction is being prepared already: try again in a moment."
        ) from None


def of(transaction_ids: Collection[UUID]) -> dict[UUID, Intent]:
    """This will give the PaymentIntents by which transactions are, or were last, to be paid, in one statement."""
    rows = Intent.objects.filter(transaction_id__among=transaction_ids).exclude(stripe_id="")
    return {row.transaction_id: row for row in rows.order_by("recorded_at", "pk")}


def _offer(wanted: Wanted, *, now: datetime) -> Offered:
    # What was given up at Stripe, or that nobody knows there, has one more put in its place.
    for _ in range(2):
        row, _is_new = Intent.objects.get_or_create(
            marketplace_id=wanted.marketplace_id,
            transaction_id=wanted.transaction_id,
            ended_at=None,
            defaults={
                "buyer_id": wanted.buyer_id,
                "units": wanted.amount.units,
                "currency": wanted.amount.currency,
            },
        )
        crash_point("stripe_intent.after_row")
        is_new = not row.stripe_id
        found = _make(row, wanted, now=now) if is_new else _retrieve(row)
        if found is not None and found.status != _CANCELED:
            return _as_wanted(row, found, wanted, is_new=is_new)
        Intent.objects.filter(pk=row.pk).update(ended_at=now, next_at=None)
        crash_point("stripe_intent.after_end")
    raise StripeUnavailable("Stripe gave up at once a payment that it had just made.", may_have_acted=False)


def _make(row: Intent, wanted: Wanted, *, now: datetime) -> _Found:
    found = _read(row, make(row, _Intents(), asked=lambda: _terms(row, wanted)))
    Intent.objects.filter(pk=row.pk).update(stripe_id=found.id, recorded_at=now, next_at=now)
    crash_point("stripe_intent.after_record")
    row.refresh_from_db()
    return found


class _Intents:
    """How PaymentIntents are made and found at Stripe."""

    def create(self, asked: Mapping[str, Any], *, key: str) -> Mapping[str, Any]:
        """This will have Stripe make one."""
        terms: Any = dict(asked)
        with asking("prepare the payment") as client:
            made = client.v1.payment_intents.create(terms, {"idempotency_key": key})
            return made.to_dict(for_json=True)

    def listed(self, *, created: Mapping[str, int]) -> Iterator[Mapping[str, Any]]:
        """This will list those made in a time, the newest first."""
        terms: Any = {"created": dict(created), "limit": 100}
        with asking("list the payments") as client:
            for one in client.v1.payment_intents.list(terms).auto_paging_iter():
                yield one.to_dict(for_json=True)


def _terms(row: Intent, wanted: Wanted) -> dict[str, Any]:
    customer = {"customer": wanted.customer} if wanted.customer else {}
    return {
        **_price(wanted.amount),
        **customer,
        "automatic_payment_methods": {"enabled": True},
        "metadata": {TRANSACTION_KEY: str(row.transaction_id), OUR_ID: str(row.pk)},
        "transfer_group": str(row.transaction_id),
    }


def _price(amount: Money) -> dict[str, Any]:
    try:
        return {"amount": stripe_words.units_of(amount), "currency": amount.currency.lower()}
    except BadPayment as error:
        raise InTheWay("amount_too_fine", str(error)) from None


def _retrieve(row: Intent) -> _Found | None:
    try:
        with asking("show the payment") as client:
            return _read(row, client.v1.payment_intents.retrieve(row.stripe_id).to_dict(for_json=True))
    except StripeGone:
        return None


def _as_wanted(row: Intent, found: _Found, wanted: Wanted, *, is_new: bool) -> Offered:
    price = _price(wanted.amount)
    is_open = found.status in _OPEN
    if found.price != price and not is_open:
        raise _settled()
    changes = price if found.price != price else {}
    if wanted.customer and not found.customer and is_open:
        changes = {**changes, "customer": wanted.customer}
    if changes:
        found = _change(row, changes, wanted.amount)
    if found.price != price:
        raise StripeUnavailable("Stripe shows another amount than it was told.", may_have_acted=True)
    return Offered(found.id, found.status, found.client_secret, wanted.amount, is_new)


def _change(row: Intent, changes: Mapping[str, Any], amount: Money) -> _Found:
    # Each under a key of its own: Stripe would answer one that it knows without doing anything.
    Intent.objects.filter(pk=row.pk).update(
        changes=F("changes") + 1, units=amount.units, currency=amount.currency
    )
    row.refresh_from_db()
    crash_point("stripe_intent.before_change")
    terms: Any = dict(changes)
    key = f"{row.key}-{row.changes}"
    try:
        with asking("change the payment") as client:
            made = client.v1.payment_intents.update(row.stripe_id, terms, {"idempotency_key": key})
    except StripeRefused as error:
        if error.code == _MOVED_ON:
            raise _settled() from error
        raise
    crash_point("stripe_intent.after_change")
    return _read(row, made.to_dict(for_json=True))


def _settled() -> InTheWay:
    return InTheWay(
        "amount_changed",
        "The transaction's total has changed since the buyer began to pay: wait until that payment is done or given"
        " up, then ask the marketplace.",
    )


def _read(row: Intent, shown: Mapping[str, Any]) -> _Found:
    """Read what Stripe shows.

    :raises StripeUnavailable: when that is not what was asked for.
    """
    metadata, customer = shown.get("metadata") or {}, shown.get("customer") or ""
    texts = [shown.get(name) for name in ("id", "status", "client_secret")]
    if metadata.get(TRANSACTION_KEY) != str(row.transaction_id) or not all(
        isinstance(text, str) for text in texts
    ):
        raise StripeUnavailable("Stripe shows another payment than it was asked for.", may_have_acted=True)
    return _Found(
        id=str(shown["id"]),
        status=str(shown["status"]),
        client_secret=str(shown["client_secret"]),
        price={"amount": shown.get("amount"), "currency": shown.get("currency")},
        customer=customer if isinstance(customer, str) else str(customer.get("id")),
    )
