"""What operations are tried on: an installation with something in it, and a way past its own guards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from payouts.providers import registry
from tests.sandbox_services import SandboxService
from tests.stories.world import World


class Saboteur:
    """Writes what the product's own tables refuse: a superuser for whom no trigger and no foreign key holds."""

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        with psycopg.connect(self._url) as connection:
            connection.execute("SET session_replication_role = replica")
            yield connection

    def run(self, sql: str, *values: Any) -> int:
        """Run one statement, and give how many rows it changed."""
        with self._connected() as connection:
            return connection.execute(sql, values).rowcount


@pytest.fixture
def saboteur(superuser_url: str) -> Saboteur:
    """Somebody for whom the database's guards do not hold."""
    return Saboteur(superuser_url)


@pytest.fixture
def world(
    transactional_db: None, flex_sandbox: SandboxService, paypal_sandbox: SandboxService
) -> Iterator[World]:
    """An installation that is open for business."""
    registry.reset()
    world = World(flex_sandbox, paypal_sandbox)
    world.open_for_business()
    yield world
    registry.reset()


@pytest.fixture
def paid_world(world: World) -> World:
    """An installation in which a seller has been paid, and everybody was told."""
    world.sale(world.seller(), price=10_000)
    world.decide()
    world.approve()
    world.send()
    world.until("paid")
    world.hear_back()
    return world
