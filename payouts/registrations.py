"""How a payee stands with services whose accounts of our payees stand in our own records: Stripe's connected accounts.

Made when the payee asks for a link for the first time, like through the API for sellers; both are the same account.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.utils.translation import gettext as _

from accounts.errors import AccountsError
from accounts.models import Payee, User
from payments import sellers, verification
from payments.errors import NotTaken
from payments.models import Seller
from payments.stripe.errors import StripeProblem
from payouts.providers import registry
from payouts.providers.base import DestinationError, ProviderUnavailable
from payouts.providers.offering import HostedState, Link, Registration

_STATES: Final[Mapping[Seller.State, HostedState]] = {
    Seller.State.NEW: HostedState.NOT_STARTED,
    Seller.State.INCOMPLETE: HostedState.PENDING,
    Seller.State.WANTED: HostedState.PENDING,
    Seller.State.PENDING: HostedState.PENDING,
    Seller.State.VERIFIED: HostedState.READY,
    Seller.State.RESTRICTED: HostedState.PENDING,
    Seller.State.REJECTED: HostedState.DECLINED,
    # Another one is made.
    Seller.State.GONE: HostedState.NOT_STARTED,
}


def of(payee: Payee, *, country: str, asked_about: str = "") -> Mapping[str, Registration]:
    """This will say how a payee stands, by the name of the service; `country` is where they are paid.

    Of the service that is `asked_about` it is read anew where they are not done there.
    """
    if sellers.PROVIDER not in registry.usable():
        return {}
    is_asked = asked_about == sellers.PROVIDER
    return {sellers.PROVIDER: _at_stripe(payee.user, country=country, is_asked=is_asked)}


def _at_stripe(user: User | None, *, country: str, is_asked: bool) -> Registration:
    if user is None:
        seller = None
    else:
        seller = sellers.look(user=user) if is_asked else sellers.find(user=user)
    state = Seller.State.NEW if seller is None else Seller.State(seller.state)
    has_account = seller is not None and state not in (Seller.State.NEW, Seller.State.GONE)
    return Registration(
        account=seller.stripe_id if seller is not None and has_account else "",
        country=seller.country if seller is not None and has_account else "",
        state=_STATES[state],
        sentence=verification.sentence(state, {} if seller is None else seller.shown),
        open=_opener(user, country=country, has_account=has_account),
    )


def _opener(user: User | None, *, country: str, has_account: bool) -> Callable[[str], Link]:
    def open_link(return_url: str) -> Link:
        if user is None:
            raise DestinationError(_("Log in first: an account at Stripe belongs to somebody whom we know."))
        if not country:
            raise DestinationError(_("Say in which country you are paid."), field="country")
        try:
            if not has_account:
                sellers.open_account(user=user, country=country)
            # A link that was used or is too old leads back as well, where there is a fresh one.
            made = sellers.onboarding_link(user=user, return_url=return_url, refresh_url=return_url)
        except NotTaken as error:
            is_abroad = error.code == "country_not_served"
            sentence = _("Stripe pays nobody in your country from here.") if is_abroad else str(error)
            raise DestinationError(sentence, field=error.field) from error
        except AccountsError as error:
            raise DestinationError(str(error)) from error
        except StripeProblem as error:
            raise ProviderUnavailable(str(error)) from error
        return Link(made.url, made.expires_at)

    return open_link
