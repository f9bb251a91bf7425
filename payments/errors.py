"""What payments refuse of what a person asks for."""

from __future__ import annotations


class NotTaken(Exception):
    """What was asked for cannot be: `field` is what is wrong with it, `str()` says so and what to do."""

    def __init__(self, code: str, sentence: str, *, field: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.field = field
