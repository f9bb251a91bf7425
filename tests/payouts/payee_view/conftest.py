"""The view's own tests share the stories' world."""

from __future__ import annotations

from tests.stories.conftest import world as world
