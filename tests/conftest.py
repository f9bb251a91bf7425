"""What holds in every test: its database, its network, its sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.conf import settings as django_settings
from django.db import connections
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker

from marketplace_payouts.lib.embedded_postgres import APP
from tests import database, network
from tests.sandbox_services import SandboxService, running


@pytest.fixture(scope="session")
def superuser_url() -> Iterator[str]:
    """A superuser's way into this process's own database, for tests that break promises on purpose."""
    with database.admin_url() as admin, database.clone(admin, of=database.template(admin)) as url:
        yield url


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, superuser_url: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Point Django at this process's own database, as the role that the product runs as."""
    app_url = database.as_role(superuser_url, APP)
    connections.settings["default"] |= database.django_address(app_url)
    cleaner = database.Cleaner(superuser_url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", app_url)  # for commands that tests start as processes
        # Django would TRUNCATE, which our tables refuse.
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _test: cleaner.clean())
        yield
    cleaner.close()
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture(scope="session", autouse=True)
def _guard_the_network() -> Iterator[None]:
    with network.guarded():
        yield


@pytest.fixture(autouse=True)
def _no_socket_was_refused() -> Iterator[None]:
    network.refused.clear()
    yield
    assert not network.refused, "\n".join(network.refused)


@pytest.fixture
def start_sandbox() -> Iterator[Callable[..., SandboxService]]:
    """Start a service of the sandbox of one's own: `start_sandbox("paypal", "--webhook-url", url)`."""
    with ExitStack() as stack:
        yield lambda name, *options: stack.enter_context(running(name, *options))


@pytest.fixture(scope="session")
def _flex_process() -> Iterator[SandboxService]:
    with running("flex") as service:
        yield service


@pytest.fixture(scope="session")
def _paypal_process() -> Iterator[SandboxService]:
    with running("paypal") as service:
        yield service


@pytest.fixture(scope="session")
def _stripe_process() -> Iterator[SandboxService]:
    with running("stripe") as service:
        yield service


@pytest.fixture(scope="session")
def _wise_process() -> Iterator[SandboxService]:
    with running("wise") as service:
        yield service


@pytest.fixture
def flex_sandbox(_flex_process: SandboxService, monkeypatch: pytest.MonkeyPatch) -> SandboxService:
    """A Sharetribe marketplace with nothing in it; the settings point at it."""
    return _fresh(_flex_process, monkeypatch)


@pytest.fixture
def paypal_sandbox(_paypal_process: SandboxService, monkeypatch: pytest.MonkeyPatch) -> SandboxService:
    """A PayPal in which nothing happened yet; the settings point at it."""
    return _fresh(_paypal_process, monkeypatch)


@pytest.fixture
def wise_sandbox(_wise_process: SandboxService, monkeypatch: pytest.MonkeyPatch) -> SandboxService:
    """A Wise in which nothing happened yet; the settings point at it."""
    return _fresh(_wise_process, monkeypatch)


@pytest.fixture
def stripe_sandbox(_stripe_process: SandboxService, monkeypatch: pytest.MonkeyPatch) -> SandboxService:
    """A Stripe in which nothing happened yet; the settings point at it."""
    service = _fresh(_stripe_process, monkeypatch)
    address = {"secret_key": service.credentials["secret_key"], "api_host": service.url}
    monkeypatch.setattr(django_settings, "STRIPE", address)
    return service


def _fresh(service: SandboxService, patch: pytest.MonkeyPatch) -> SandboxService:
    service.reset()
    for name, value in service.environment().items():
        patch.setenv(name, value)  # for commands that tests start as processes
        if hasattr(django_settings, name):
            patch.setattr(django_settings, name, value)
    return service
