"""The demo's books are compared in the world of the stories."""

from tests.stories.conftest import world

__all__ = ["world"]
