"""Buyers' customers at Stripe: how they are made, found and changed.

A customer is made with nothing but our own id, so that asking twice is asking for the same, whatever the buyer's data
are by then; the data follow in a change, which may be repeated at will.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from marketplace_payouts.lib.crash_points import crash_point
from payments.customers import DEFAULT_METHOD
from payments.stripe.client import asking
from payments.stripe.errors import StripeRefused
from payments.stripe.making import Found


class Customers:
    """Makes them, as `payments.stripe.making` wants it."""

    def create(self, asked: Mapping[str, Any], *, key: str) -> Found:
        """This will make one."""
        terms: Any = dict(asked)
        with asking("make a customer") as stripe:
            return stripe.v1.customers.create(terms, {"idempotency_key": key}).to_dict()

    def listed(self, *, created: Mapping[str, int]) -> Iterator[Found]:
        """This will list those made in a time, the newest first."""
        terms: Any = {"created": dict(created), "limit": 100}
        with asking("list its customers") as stripe:
            for one in stripe.v1.customers.list(terms).auto_paging_iter():
                yield one.to_dict()


def attach(method: str, *, customer: str) -> str:
    """This will keep a payment method for a customer, and give its id; one that is kept already stays.

    Stripe attaches none twice, not even to the same customer: it may have been ours, where the answer was lost, or the
    browser's, by a SetupIntent. So where it refuses, whose the method is by now is read.

    :raises StripeRefused: naming `payment_method`, when it is not known, declined, or kept for somebody else.
    :raises StripeProblem: when it is not done, or not for certain.
    """
    crash_point("stripe_buyer.before_attaching")
    try:
        with asking("keep the payment method") as stripe:
            method = stripe.v1.payment_methods.attach(method, {"customer": customer}, _new_key()).id
    except StripeRefused as refusal:
        if not _is_kept(method, customer=customer):
            refusal.param = "payment_method"
            raise
    crash_point("stripe_buyer.after_attaching")
    return method


def _is_kept(method: str, *, customer: str) -> bool:
    try:
        with asking("show the payment method") as stripe:
            return stripe.v1.payment_methods.retrieve(method).customer == customer
    except StripeRefused:
        return False


def change(customer: str, values: Mapping[str, Any]) -> Found:
    """This will set what is named of a customer, and give it as it then is. Twice is the same as once.

    :raises StripeProblem: when it is not done, or not for certain.
    """
    terms: Any = {**values, "expand": [DEFAULT_METHOD]}
    crash_point("stripe_buyer.before_change")
    with asking("change the customer") as stripe:
        found = stripe.v1.customers.update(customer, terms, _new_key()).to_dict()
    crash_point("stripe_buyer.after_change")
    return found


def _new_key() -> Any:
    return {"idempotency_key": str(uuid4())}
