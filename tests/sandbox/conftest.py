"""What tests of the sandbox share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox import stripe_api
from tests.sandbox.paypal_api import Caller
from tests.sandbox.receiver import Receiver, receiving
from tests.sandbox.wise_api import WiseCaller
from tests.sandbox_services import SandboxService


@pytest.fixture
def paypal(paypal_sandbox: SandboxService) -> Iterator[Caller]:
    """A caller of a PayPal in which nothing happened yet."""
    caller = Caller(paypal_sandbox.url, dict(paypal_sandbox.credentials))
    yield caller
    caller.session.close()


@pytest.fixture
def wise(wise_sandbox: SandboxService) -> Iterator[WiseCaller]:
    """A caller of a Wise in which nothing happened yet."""
    caller = WiseCaller(wise_sandbox.url, dict(wise_sandbox.credentials))
    yield caller
    caller.session.close()


@pytest.fixture
def patient_stripe(stripe_sandbox: SandboxService) -> Iterator[SandboxService]:
    """A Stripe that Stripe's own library talks to, in which nothing happens before the clock is moved on."""
    stripe_sandbox.post("/_sandbox/settings", stripe_api.PATIENT)
    with stripe_api.library_at(stripe_sandbox):
        yield stripe_sandbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who listens for webhooks."""
    with receiving() as listening:
        yield listening
