"""Who does something: a member of staff, a rule of ours, a provider's word, or a payee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from accounts.models import Payee, User


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of an event, as it is written into the record: `staff:<id>`, `rule:<name>`, `provider:<name>`."""

    text: str

    @classmethod
    def staff(cls, user: User) -> Self:
        """This will name a member of staff."""
        return cls(f"staff:{user.pk}")

    @classmethod
    def rule(cls, name: str) -> Self:
        """This will name a rule of the product."""
        return cls(f"rule:{name}")

    @classmethod
    def provider(cls, name: str) -> Self:
        """This will name a provider whose word decided."""
        return cls(f"provider:{name}")

    @classmethod
    def payee(cls, payee: Payee) -> Self:
        """This will name a payee."""
        return cls(f"payee:{payee.pk}")

    @property
    def is_staff(self) -> bool:
        """Whether a member of staff did it."""
        return self.text.startswith("staff:")
