"""What can go wrong with Stripe, in our words; every message is a sentence fit for staff."""

from __future__ import annotations

from typing import Final

import stripe

OUT_OF_REACH: Final = frozenset({"resource_missing", "account_invalid"})
"""Codes that say that something is gone, or of a connected account that took our access away."""


class StripeProblem(Exception):
    """Something with Stripe did not work."""


class StripeOff(StripeProblem):
    """There is no key."""

    def __init__(self) -> None:
        super().__init__("Stripe is not set up here: set STRIPE_SECRET_KEY.")


class StripeUnavailable(StripeProblem):
    """Stripe could not be asked, or gave no answer that says anything; the same request may be made later.

    `may_have_acted` says whether a write may have been done all the same: it is repeated with its own key only.
    """

    def __init__(self, message: str, *, may_have_acted: bool, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.may_have_acted = may_have_acted
        self.retry_after_s = retry_after_s


class StripeBusy(StripeUnavailable):
    """Stripe is asked too often, or is at the same thing already; nothing was done."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message, may_have_acted=False, retry_after_s=retry_after_s)


class StripeKeyRefused(StripeProblem):
    """Stripe does not take our key: it was rolled, or belongs to another account."""


class StripeRefused(StripeProblem):
    """Stripe certainly did not do it, and says why: `code` and `param` are its words."""

    def __init__(self, message: str, *, code: str = "", param: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.param = param
        self.request_id = request_id


class StripeGone(StripeRefused):
    """Stripe does not know what was asked for."""


class StripeForbidden(StripeRefused):
    """Our key may not do this; for a connected account: its owner took our access away."""


class StripeKeyUsed(StripeRefused):
    """The idempotency key was used for another request."""


def is_out_of_reach(error: stripe.StripeError) -> bool:
    """This will say whether an object is gone, or of a connected account that took our access away."""
    return code_of(error) in OUT_OF_REACH


def code_of(error: stripe.StripeError) -> str:
    """This will give Stripe's code, which its library leaves out of some errors."""
    return error.code or (str(error.error.code or "") if error.error is not None else "")
