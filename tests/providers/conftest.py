"""What tests of providers share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payouts.providers import registry
from payouts.providers.paypal.provider import PayPal
from payouts.providers.wise.provider import Wise
from tests.providers.two_step.provider import TwoStep
from tests.providers.two_step.running import running
from tests.sandbox_services import SandboxService


@pytest.fixture(autouse=True)
def _fresh_registry() -> Iterator[None]:
    registry.reset()
    yield
    registry.reset()


@pytest.fixture
def paypal(paypal_sandbox: SandboxService) -> PayPal:
    """PayPal, set up for a sandbox in which nothing happened yet."""
    provider = PayPal.from_environ({**paypal_sandbox.environment(), "DEBUG": "1"})
    assert provider is not None
    return provider


@pytest.fixture
def wise(wise_sandbox: SandboxService) -> Wise:
    """Wise, set up for a sandbox in which nothing happened yet; its token may fund."""
    provider = Wise.from_environ(wise_sandbox.environment())
    assert provider is not None
    return provider


@pytest.fixture(scope="session")
def _two_step_process() -> Iterator[SandboxService]:
    with running() as service:
        yield service


@pytest.fixture
def two_step_sandbox(_two_step_process: SandboxService) -> SandboxService:
    """The two-step service, in which nothing happened yet."""
    _two_step_process.reset()
    return _two_step_process


@pytest.fixture
def two_step(two_step_sandbox: SandboxService) -> TwoStep:
    """The two-step provider, set up for its service."""
    provider = TwoStep.from_environ(two_step_sandbox.environment())
    assert provider is not None
    return provider
