"""A miniature of the whole, for whoever tells short stories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.chaos.miniature import Ground, Installation, ground


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
