"""The world of the stories, for those who would break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from payouts.providers import registry
from tests.chaos.conftest import miniature, place
from tests.providers.two_step.running import PROVIDER, running
from tests.sandbox_services import SandboxService
from tests.stories.conftest import world
from tests.stories.world import World

__all__ = ["miniature", "place", "world"]


@pytest.fixture
def two_step(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[SandboxService]:
    """A provider that pays twice whatever it is told twice."""
    with running() as service:
        monkeypatch.setenv("EXTRA_PROVIDERS", PROVIDER)
        for name, value in service.environment().items():
            monkeypatch.setenv(name, value)
        registry.reset()
        yield service
    registry.reset()
