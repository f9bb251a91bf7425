"""The world of the stories, for those who would break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from payouts.providers import registry
from tests.chaos.miniature import Ground, Installation, ground
from tests.providers.two_step.running import PROVIDER, running
from tests.sandbox_services import SandboxService
from tests.stories.conftest import world
from tests.stories.world import World

__all__ = ["world"]


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


@pytest.fixture(scope="module")
def place(django_db_blocker: DjangoDbBlocker) -> Iterator[Ground]:
    """Where miniatures stand."""
    with django_db_blocker.unblock(), ground() as made:
        yield made


@pytest.fixture
def miniature(place: Ground) -> Iterator[Installation]:
    """An installation whose clock moves, and whose providers do as they are told."""
    world = place.restart()
    yield world
    world.leave()
