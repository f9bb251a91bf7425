"""The same world as in the stories: the border is tested with what lies behind it."""

from __future__ import annotations

import pytest

from payouts.providers import registry
from tests.sandbox_services import SandboxService
from tests.stories.world import World


@pytest.fixture
def world(transactional_db: None, flex_sandbox: SandboxService, paypal_sandbox: SandboxService) -> World:
    """An installation that is open for business."""
    registry.reset()
    world = World(flex_sandbox, paypal_sandbox)
    world.open_for_business()
    return world
