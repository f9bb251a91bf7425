"""The world of the stories, for those who would break it."""

from __future__ import annotations

from tests.stories.conftest import world

__all__ = ["world"]
