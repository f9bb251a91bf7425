"""Every route of the API, by every method, tried by its owner, by another payee, and by nobody.

The routes come from the URL configuration: one that has no line in `EXPECTED` fails. A line says what each method
answers to (owner, another payee, nobody); a method that it does not name answers 405 to those who are known, and 401 to
nobody. Where the owner may do something to a thing of theirs, another payee must get 404, as if it did not exist.
"""

from __future__ import annotations

import pytest
from django.core.cache import cache

from accounts.models import Marketplace
from tests.api.routes import METHODS, ROOT, routes
from tests.api_client import Api, SharetribeUser, known_marketplace
from tests.sandbox_services import SandboxService

Statuses = tuple[int, int, int]
EACH_THEIR_OWN: Statuses = (200, 200, 401)
"""No id in the address: everybody sees and changes what is theirs."""

EXPECTED: dict[str, dict[str, Statuses]] = {
    "buyer": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN, "PUT": EACH_THEIR_OWN},
    "me": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN},
    # No body, no account of ours, nothing linked: what is refused is refused to both alike.
    "me/sharetribe": {"POST": (403, 403, 401), "DELETE": (409, 409, 401)},
    # No body; and whoever has no account at Stripe gets no link to it.
    "seller": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN, "POST": (400, 400, 401)},
    "seller/login-link": {"POST": (409, 409, 401)},
    "seller/onboarding": {"POST": (400, 400, 401)},
    # Of the marketplace's server alone, whatever people do.
    "payments/events": dict.fromkeys(METHODS, (403, 403, 401)),
    # Without a body. Whose transaction may be named, tests/flexsync/test_payment_intents.py says.
    "payments/intents": {"POST": (400, 400, 401)},
    "session": {"POST": (409, 409, 401), "DELETE": (204, 204, 401)},
}
NOT_THERE: Statuses = (405, 405, 401)


@pytest.fixture
def marketplace(flex_sandbox: SandboxService, transactional_db: None) -> Marketplace:
    """Our marketplace."""
    cache.clear()
    return known_marketplace(flex_sandbox)


@pytest.fixture(autouse=True)
def _no_limits(settings):
    settings.API_RATES = dict.fromkeys(settings.API_RATES, (60_000, 1_000))


@pytest.fixture
def people(
    flex_sandbox: SandboxService, stripe_sandbox: SandboxService, marketplace: Marketplace
) -> tuple[SharetribeUser, SharetribeUser]:
    """The owner, and another payee."""
    return SharetribeUser(flex_sandbox), SharetribeUser(flex_sandbox)


def test_every_route_has_its_line():
    assert routes() == sorted(EXPECTED)


@pytest.mark.parametrize("route", sorted(EXPECTED))
def test_each_answers_as_its_line_says(route, people):
    owner, another = people
    answered = {}
    for method in METHODS:
        # A session each: one of the methods ends it.
        callers = (owner.session(), another.session(), Api())
        answered[method] = tuple(api.call(method, f"/{ROOT}{route}").status_code for api in callers)
    assert answered == {method: EXPECTED[route].get(method, NOT_THERE) for method in METHODS}
