"""Sellers: a person's connected account at Stripe, made when it is first needed, and whether it is verified."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from accounts.errors import InTheWay
from accounts.models import Payee, User
from marketplace_payouts.lib.clock import database_now
from marketplace_payouts.lib.crash_points import crash_point
from marketplace_payouts.lib.logs import logger
from payments import people, reading, return_urls, verification
from payments.errors import NotTaken
from payments.models import Seller
from payments.stripe import accounts, config
from payments.stripe.accounts import Accounts, Link
from payments.stripe.errors import StripeForbidden, StripeGone, StripeProblem
from payments.stripe.making import make

log = logger(__name__)

PROVIDER: Final = "stripe"
"""What payouts through Stripe name as their provider."""
_LOOK_AGAIN_AFTER: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether somebody may be offered to be paid through Stripe; if not, why, for programs and for the person."""

    may_be_offered: bool
    code: str
    sentence: str


def find(*, user: User) -> Seller | None:
    """This will give a person's seller, as Stripe said last."""
    return Seller.objects.filter(user=user).first()


def look(*, user: User) -> Seller | None:
    """This will give a person's seller, read again where they are not verified: they may come from Stripe's form.

    While Stripe does not say, what it said last is given.
    """
    seller = find(user=user)
    if seller is None or not seller.stripe_id or seller.verified_at is not None or not config.is_on():
        return seller
    if seller.read_at is not None and database_now(connection) < seller.read_at + _LOOK_AGAIN_AFTER:
        return seller
    try:
        people.read(seller)
    except StripeProblem as error:
        log.warning("seller_unread", seller=str(seller.pk), reason=str(error))
    return seller


def open_account(
    *, user: User, country: str, business_type: str = "", email: str = ""
) -> tuple[Seller, bool]:
    """This will make a seller's account where there is none; gives it, and whether it is new.

    One that is out of our reach is left behind, and another one made. A lost answer may be asked for again: it makes no
    second one.

    :raises NotTaken: when Stripe serves no sellers of that country, or the account is in another one.
    :raises NotNow: when another request of the same person takes too long.
    :raises StripeProblem: when Stripe is off, refuses it, or it is not certain what was done.
    """
    config.config()
    _must_be_served(country)
    with people.one_at_a_time("seller", user):
        seller, is_new = _begun(user, country)
        if is_new:
            at = database_now(connection)
            made = make(
                seller,
                Accounts(),
                asked=lambda: accounts.asked_for(
                    seller,
                    email=email or people.email_of(user),
                    business_type=business_type,
                    metadata=people.metadata_of(user),
                ),
            )
            people.keep(seller, made, at=at)
    if seller.country != country:
        raise NotTaken(
            "country_fixed",
            f"Your account at Stripe is in {seller.country}, and an account does not move to another country.",
            field="country",
        )
    return seller, is_new


def onboarding_link(*, user: User, return_url: str, refresh_url: str) -> Link:
    """This will give a fresh link to Stripe's form, for the person's own eyes, to be opened at once.

    :raises NotTaken: when the person would be sent back to somebody else's pages.
    :raises InTheWay: when there is no account, or it is out of our reach.
    :raises StripeProblem: when Stripe does not make it.
    """
    seller = _with_account(user)
    return_urls.check(return_url, field="return_url")
    return_urls.check(refresh_url, field="refresh_url")
    try:
        return accounts.onboarding_link(seller.stripe_id, return_url=return_url, refresh_url=refresh_url)
    except (StripeForbidden, StripeGone):
        raise _gone(seller) from None


def login_link(*, user: User) -> str:
    """This will give an address that opens the person's express dashboard, once.

    :raises InTheWay: when there is no account, it is of another kind, or its form is not filled in.
    :raises StripeProblem: when Stripe does not make it.
    """
    seller = _with_account(user)
    if seller.kind == Seller.Kind.STANDARD:
        sentence = "Your account has Stripe's own dashboard: log in at https://dashboard.stripe.com."
        raise InTheWay("no_express_dashboard", sentence)
    if seller.kind != Seller.Kind.EXPRESS:
        raise InTheWay(
            "no_express_dashboard", "Your account has no dashboard at Stripe: all of it is shown here."
        )
    if not seller.shown.get("details_submitted"):
        people.read(seller)
    if seller.state == Seller.State.GONE:
        raise _gone(seller)
    if not seller.shown.get("details_submitted"):
        raise InTheWay(
            "onboarding_incomplete",
            "The dashboard opens once Stripe's form is filled in: ask for a link at /api/v1/seller/onboarding.",
        )
    try:
        return accounts.login_link(seller.stripe_id)
    except (StripeForbidden, StripeGone):
        raise _gone(seller) from None


def standing(user: User) -> Standing:
    """This will say whether a person may be offered to be paid through Stripe, and why not; nobody is asked for it."""
    if not config.is_on():
        return Standing(may_be_offered=False, code="off", sentence="Stripe is not set up here.")
    seller = find(user=user)
    state = Seller.State(seller.state) if seller is not None else Seller.State.NEW
    sentence = verification.sentence(state, seller.shown if seller is not None else {})
    is_verified = state is Seller.State.VERIFIED
    return Standing(may_be_offered=is_verified, code="" if is_verified else str(state), sentence=sentence)


def verified_payees(payee_ids: Collection[UUID]) -> set[UUID]:
    """This will give those of these payees whom Stripe has verified, in one statement."""
    return set(verified_accounts(payee_ids))


def verified_accounts(payee_ids: Collection[UUID]) -> dict[UUID, str]:
    """This will give the connected account of each of these payees whom Stripe has verified, in one statement."""
    verified = Payee.objects.filter(pk__among=payee_ids, user__seller__verified_at__isnull=False)
    return dict(verified.values_list("pk", "user__seller__stripe_id"))


def _must_be_served(country: str) -> None:
    served = accounts.served_countries()
    if country not in served:
        sentence = f"Sellers in {country} cannot be paid through Stripe here, but those in {', '.join(sorted(served))}."
        raise NotTaken("country_not_served", sentence, field="country")


def _begun(user: User, country: str) -> tuple[Seller, bool]:
    """Give the person's row, and whether an account is to be made; the kind and the country stay as they were begun."""
    wanted = {"kind": settings.STRIPE_SELLERS["kind"], "country": country}
    with transaction.atomic():
        Seller.objects.get_or_create(user=user, defaults=wanted)
        seller = Seller.objects.select_for_update().get(user=user)
        if seller.state == Seller.State.GONE:
            log.warning("seller_account_left_behind", seller=str(seller.pk), account=seller.stripe_id)
            reading.forget(seller)
        if not seller.stripe_id and seller.asked_at is None:
            seller.kind, seller.country = wanted["kind"], country
            seller.save(update_fields=["kind", "country"])
        crash_point("stripe_seller.before_commit")
    crash_point("stripe_seller.after_commit")
    return seller, not seller.stripe_id


def _with_account(user: User) -> Seller:
    config.config()
    seller = find(user=user)
    if seller is None or not seller.stripe_id:
        raise InTheWay("no_seller_account", "There is no account yet: make one by POST /api/v1/seller.")
    if seller.state == Seller.State.GONE:
        raise _gone(seller)
    return seller


def _gone(seller: Seller) -> InTheWay:
    """It will be found so by the next reading as well, which is asked for here."""
    Seller.objects.filter(pk=seller.pk).update(next_at=database_now(connection))
    crash_point("stripe_seller.after_note")
    return InTheWay(
        "account_gone",
        "Your account at Stripe is not connected with the marketplace any more: POST /api/v1/seller makes another one.",
    )
