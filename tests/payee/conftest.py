"""Payees of the sandbox's marketplace, with something to look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from accounts.models import Marketplace, Payee
from payouts.models import Payout, State
from payouts.providers import registry
from tests import factories
from tests.api_client import SharetribeUser, known_marketplace
from tests.payee.browsing import Browser
from tests.sandbox_services import SandboxService


@pytest.fixture
def marketplace(flex_sandbox: SandboxService, transactional_db: None) -> Marketplace:
    """Our marketplace, as `check_flex` learned it."""
    cache.clear()
    return known_marketplace(flex_sandbox)


@pytest.fixture
def ada(flex_sandbox: SandboxService, marketplace: Marketplace) -> SharetribeUser:
    """A seller."""
    names = {"firstName": "Ada", "lastName": "Berg", "displayName": "Ada B"}
    return SharetribeUser(flex_sandbox, email="ada@market.example", profile=names)


@pytest.fixture
def bo(flex_sandbox: SandboxService, marketplace: Marketplace) -> SharetribeUser:
    """Another seller."""
    names = {"firstName": "Bo", "lastName": "Dao", "displayName": "Bo D"}
    return SharetribeUser(flex_sandbox, email="bo@market.example", profile=names)


@pytest.fixture
def paypal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PayPal with credentials that are never used."""
    monkeypatch.setenv("PAYPAL_CLIENT_ID", "id")
    monkeypatch.setenv("PAYPAL_CLIENT_SECRET", "secret")
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def browser() -> Browser:
    """A browser that has been nowhere."""
    return Browser()


def payee_of(user: SharetribeUser, marketplace: Marketplace) -> Payee:
    """The payee that a user is."""
    found, _is_new = Payee.objects.get_or_create(marketplace=marketplace, flex_user_id=user.id)
    return found


@pytest.fixture
def adas_payout(ada: SharetribeUser, marketplace: Marketplace, paypal: None) -> Payout:
    """A payout that Ada was sent and asks about."""
    payee = payee_of(ada, marketplace)
    return factories.PayoutFactory.create(payee=payee, marketplace=marketplace, state=State.PAID)


@pytest.fixture
def bos_payout(bo: SharetribeUser, marketplace: Marketplace, paypal: None) -> Payout:
    """A payout of somebody else."""
    payee = payee_of(bo, marketplace)
    return factories.PayoutFactory.create(payee=payee, marketplace=marketplace, state=State.PAID)
