"""What an act that needs two people consists of, and how its fields are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Model

from accounts.models import User
from marketplace_payouts.lib.currencies import MoneyError
from marketplace_payouts.lib.money import Money
from payouts.errors import Refused

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as an act sees it; `seconded_by` is None while it is only being made."""

    request_id: UUID
    subject: str
    payload: Mapping[str, Any]
    secret: Mapping[str, str]
    reason: str
    made_by: User
    seconded_by: User | None
    now: datetime

    def text(self, name: str, *, default: str | None = None) -> str:
        """This will read a field.

        :raises Refused: when it is empty and has no default.
        """
        value = self.payload.get(name, default)
        if value is None or value == "":
            if default is not None:
                return default
            raise Refused(f"{name.replace('_', ' ').capitalize()} is missing.")
        return str(value).strip()

    def whole(self, name: str, *, default: int | None = None) -> int:
        """This will read a whole number."""
        text = self.text(name, default=None if default is None else str(default))
        try:
            return int(text)
        except ValueError:
            raise Refused(
                f"{name.replace('_', ' ').capitalize()} must be a whole number, not {text!r}."
            ) from None

    def flag(self, name: str) -> bool:
        """This will read a yes or no."""
        return str(self.payload.get(name, "")).lower() in ("true", "1", "yes", "on")

    def money(self) -> Money:
        """This will read `units` and `currency`."""
        try:
            return Money(self.whole("units"), self.text("currency").strip())
        except MoneyError as error:
            raise Refused(str(error)) from None

    def row(self, model: type[Row], name: str, *, lock: bool = False) -> Row:
        """This will find the row whose id a field carries.

        :raises Refused: when there is none.
        """
        rows = model._default_manager.all()
        if lock and self.seconded_by is not None:
            rows = rows.select_for_update()
        try:
            return rows.get(pk=self.text(name))
        except (model.DoesNotExist, ValueError, ValidationError):  # type: ignore[attr-defined]
            raise Refused(f"There is no {model._meta.verbose_name} {self.text(name)}.") from None


def ended(text: str) -> str:
    """This will end what somebody wrote as a sentence ends, once."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


@dataclass(frozen=True, slots=True)
class Act:
    """One kind of request: who may make it, which fields it takes, and what seconding it does."""

    label: str
    needs: str
    """The act of `accounts.roles` that its maker must have."""
    fields: Sequence[str]
    summary: Callable[[Asked], str]
    apply: Callable[[Asked], object]
    check: Callable[[Asked], object] = lambda asked: None
    amount: Callable[[Asked], Money | None] = lambda asked: None
    """What it moves, or says of money that moved; a rule's amounts are none."""
    secret_fields: Sequence[str] = ()
    seconds: str = "act_second"
    """The act of `accounts.roles` that its seconder must have."""
