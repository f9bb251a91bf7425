"""What the core refuses, each with a sentence fit for staff."""

from __future__ import annotations


class DomainError(Exception):
    """Something that the core will not do; `str()` says what and what to do instead."""


class ForbiddenMove(DomainError):
    """The table of states does not allow this move."""

    def __init__(self, number: str, from_state: str, to_state: str) -> None:
        self.number, self.from_state, self.to_state = number, from_state, to_state
        super().__init__(f"{number} cannot go from {from_state} to {to_state}.")


class Refused(DomainError):
    """A request of staff that cannot be done as asked."""


class SelfSeconded(DomainError):
    """The person who made something may not be the one who seconds it."""


class Unconfigured(DomainError):
    """A setting that the act needs is missing."""
