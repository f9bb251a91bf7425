"""Every route of the API, by every method, tried by its owner, by another payee, and by nobody.

The routes come from the URL configuration: one that has no line in `EXPECTED` fails. A line says what each method
answers to (owner, another payee, nobody); a method that it does not name answers 405 to those who are known, and 401 to
nobody. What answers without /api/v1 as well has the same line. Where the owner may do something to a thing of theirs,
another payee must get 404, as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts.models import Marketplace, Payee
from payouts.providers import registry
from tests import factories
from tests.api.routes import METHODS, ROOT, bare_routes, routes
from tests.api_client import Api, SharetribeUser, known_marketplace
from tests.sandbox_services import SandboxService

Statuses = tuple[int, int, int]
EACH_THEIR_OWN: Statuses = (200, 200, 401)
"""No id in the address: everybody sees and changes what is theirs."""
OWNERS: Statuses = (200, 404, 401)
"""The owner's thing is in the address: to everybody else it does not exist."""

EXPECTED: dict[str, dict[str, Statuses]] = {
    "buyer": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN, "PUT": EACH_THEIR_OWN},
    "me": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN},
    # No body, no account of ours, nothing linked: what is refused is refused to both alike.
    "me/sharetribe": {"POST": (403, 403, 401), "DELETE": (409, 409, 401)},
    # The body of none of the methods is right here: that is refused to both alike.
    "notices": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN, "PUT": (400, 400, 401)},
    "payouts/": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN},
    "payouts/next": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN},
    "payouts/waiting": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN},
    "payouts/<uuid:payout>": {"GET": OWNERS, "HEAD": OWNERS},
    "payouts/<uuid:payout>/why": {"GET": OWNERS, "HEAD": OWNERS},
    "payouts/<uuid:payout>/question": {"POST": (201, 404, 401)},
    "payouts/<uuid:payout>/remittance-advice": {"GET": OWNERS, "HEAD": OWNERS},
    "payouts/<uuid:payout>/remittance-advice.pdf": {"GET": OWNERS, "HEAD": OWNERS},
    "payouts/<uuid:payout>/remittance-advice.csv": {"GET": OWNERS, "HEAD": OWNERS},
    # No body; and whoever has no account at Stripe gets no link to it.
    "seller": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN, "POST": (400, 400, 401)},
    "seller/login-link": {"POST": (409, 409, 401)},
    "seller/onboarding": {"POST": (400, 400, 401)},
    # Of the marketplace's server alone, whatever people do.
    "payments/events": dict.fromkeys(METHODS, (403, 403, 401)),
    # Without a body. Whose transaction may be named, tests/flexsync/test_payment_intents.py says.
    "payments/intents": {"POST": (400, 400, 401)},
    "session": {"POST": (409, 409, 401), "DELETE": (204, 204, 401)},
    # No body: what is asked for is refused to both alike.
    "payout-methods/": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN, "POST": (400, 400, 401)},
    "payout-methods/offers": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN},
    "payout-methods/requirements": {"POST": (400, 400, 401)},
    "payout-methods/link": {"POST": (400, 400, 401)},
    "payout-methods/<uuid:pk>": {"GET": OWNERS, "HEAD": OWNERS, "DELETE": OWNERS},
    "payout-methods/<uuid:pk>/default": {"POST": OWNERS},
    # It is confirmed already.
    "payout-methods/<uuid:pk>/confirmation": {"POST": (409, 404, 401)},
    "statements/<int:year>": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN},
    "statements/<int:year>.pdf": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN},
    "statements/<int:year>.csv": {"GET": EACH_THEIR_OWN, "HEAD": EACH_THEIR_OWN},
}
BODIES: dict[tuple[str, str], dict[str, str]] = {
    ("POST", "payouts/<uuid:payout>/question"): {"kind": "not_arrived", "text": "Where is it?"},
}
"""What is sent where something else than nothing must be."""
OF_THE_OWNER: dict[str, Callable[[Payee], UUID]] = {
    "payout-methods": lambda payee: (payee.methods.first() or factories.MethodFactory.create(payee=payee)).pk,
}
"""By the first part of a route: the id of a thing of the owner's, for its address."""
NOT_THERE: Statuses = (405, 405, 401)


@pytest.fixture
def marketplace(flex_sandbox: SandboxService, transactional_db: None) -> Marketplace:
    """Our marketplace."""
    cache.clear()
    return known_marketplace(flex_sandbox)


@pytest.fixture(autouse=True)
def _no_limits(settings):
    settings.API_RATES = dict.fromkeys(settings.API_RATES, (60_000, 1_000))


@pytest.fixture(autouse=True)
def _paypal(monkeypatch):
    """It is set up, and never called."""
    monkeypatch.setenv("PAYPAL_CLIENT_ID", "client")
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", "secret")
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def people(
    flex_sandbox: SandboxService, stripe_sandbox: SandboxService, marketplace: Marketplace
) -> tuple[SharetribeUser, SharetribeUser]:
    """The owner, and another payee."""
    return SharetribeUser(flex_sandbox), SharetribeUser(flex_sandbox)


def address(route: str, owner: SharetribeUser, *, root: str = ROOT) -> str:
    """The address of a route, with the ids of things that are the owner's."""
    payee = Payee.objects.get(flex_user_id=owner.id)
    if "<uuid:payout>" in route:
        payout = factories.PayoutFactory.create(payee=payee, state="paid")
        route = route.replace("<uuid:payout>", str(payout.pk))
    if "<uuid:pk>" in route:
        route = route.replace("<uuid:pk>", str(OF_THE_OWNER[route.partition("/")[0]](payee)))
    return f"/{root}{route}".replace("<int:year>", str(timezone.now().year))


def test_every_route_has_its_line():
    assert routes() == sorted(EXPECTED)
    assert bare_routes()
    assert EXPECTED.keys() >= set(bare_routes())


@pytest.mark.parametrize("route", sorted(EXPECTED))
def test_each_answers_as_its_line_says(route, people):
    tried(route, people, root=ROOT)


@pytest.mark.parametrize("route", bare_routes())
def test_bare_each_answers_as_its_line_says(route, people):
    tried(route, people, root="")


def tried(route: str, people: tuple[SharetribeUser, SharetribeUser], *, root: str) -> None:
    """Try a route by every method, as the owner, another payee and nobody."""
    owner, another = people
    owner.session()  # the first visit makes the payee
    answered = {}
    for method in METHODS:
        body = BODIES.get((method, route))
        # A session each: one of the methods ends it.
        callers = (owner.session(), another.session(), Api())
        path = address(route, owner, root=root)
        answered[method] = tuple(api.call(method, path, body).status_code for api in callers)
    assert answered == {method: EXPECTED[route].get(method, NOT_THERE) for method in METHODS}
