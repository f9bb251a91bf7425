"""What the core refuses, each with a sentence fit for staff."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID


class DomainError(Exception):
    """Something that the core will not do; `str()` says what and what to do instead."""


class ForbiddenMove(DomainError):
    """The table of states does not allow this move."""

    def __init__(self, number: str, from_state: str, to_state: str) -> None:
        self.number, self.from_state, self.to_state = number, from_state, to_state
        super().__init__(f"{number} cannot go from {from_state} to {to_state}.")


class Refused(DomainError):
    """A request of staff that cannot be done as asked."""


class MethodRetired(DomainError):
    """The payout method was replaced and takes no money any more."""


class SelfSeconded(DomainError):
    """The person who made something may not be the one who seconds it."""


class NotAccepted(DomainError):
    """This database is not accepted for sending: it was restored, copied, or belongs to another environment."""


class Unconfigured(DomainError):
    """A setting that the act needs is missing."""


def named(ids: Sequence[UUID]) -> str:
    """This will list a few ids for a message."""
    shown = ", ".join(str(one) for one in ids[:3])
    return f"{shown} and {len(ids) - 3} more" if len(ids) > 3 else shown
