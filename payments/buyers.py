"""Buyers: a person's customer at Stripe, made when it is first needed, and kept up to date.

One person's requests come one after the other, so that two at once make one customer, and the later one's data stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import connection

from accounts.models import User
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crash_points import crash_point
from payments import people
from payments.models import Buyer
from payments.stripe import config, customers
from payments.stripe.customers import Customers
from payments.stripe.errors import StripeGone
from payments.stripe.making import OUR_ID, make

FIELDS: Final = ("name", "email", "phone", "address", "shipping", "payment_method")
"""What a buyer may say; what is not said stays as it is, and None takes it away."""


def find(*, user: User) -> Buyer | None:
    """This will give a person's buyer, as Stripe said last."""
    return Buyer.objects.filter(user=user).exclude(stripe_id="").first()


def put(*, user: User, given: Mapping[str, Any]) -> Buyer:
    """This will make the person's customer where there is none, and set what is given of it.

    One without name and e-mail address gets those that we know, unless they are given. What was not answered may be
    asked for again: it makes no second one.

    :raises NotNow: when another request of the same person takes too long.
    :raises StripeRefused: when Stripe does not take what is given.
    :raises StripeProblem: when Stripe is off, or it is not certain what was done.
    """
    config.config()
    with people.one_at_a_time("buyer", user):
        buyer, _is_new = Buyer.objects.get_or_create(user=user)
        crash_point("stripe_buyer.after_row")
        try:
            return _put(buyer, given)
        except StripeGone:
            # Is it the customer, whom somebody deleted at Stripe for good, or the payment method that is not there?
            if buyer.stripe_id:
                people.read(buyer)
            if buyer.stripe_id:
                raise
        return _put(buyer, given)


def _put(buyer: Buyer, given: Mapping[str, Any]) -> Buyer:
    if not buyer.stripe_id:
        at = database_now(connection)
        people.keep(buyer, make(buyer, Customers(), asked=lambda: _asked(buyer)), at=at)
    if not (buyer.shown.get("name") or buyer.shown.get("email")):
        given = _known(buyer.user) | dict(given)
    at = database_now(connection)
    values = _values(buyer, given)
    if values:
        people.keep(buyer, customers.change(buyer.stripe_id, values), at=at)
    else:
        people.read(buyer)
        if not buyer.stripe_id:
            raise StripeGone("Stripe does not know the customer any more.")
    return buyer


def _asked(buyer: Buyer) -> dict[str, Any]:
    return {"metadata": {OUR_ID: str(buyer.pk), **people.metadata_of(buyer.user)}}


def _known(user: User) -> dict[str, Any]:
    known = {"email": people.email_of(user), "name": people.name_of(user)}
    return {word: value for word, value in known.items() if value}


def _values(buyer: Buyer, given: Mapping[str, Any]) -> dict[str, Any]:
    """Write what is given as Stripe wants it: an empty text takes a value away."""
    values = {name: _written(given[name]) for name in FIELDS if name in given and name != "payment_method"}
    if "payment_method" in given:
        method = given["payment_method"]
        kept = customers.attach(method, customer=buyer.stripe_id) if method else ""
        values["invoice_settings"] = {"default_payment_method": kept}
    return values


def _written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _written(inner) for name, inner in value.items()}
    return "" if value is None else value
