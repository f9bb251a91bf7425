"""What buyers and sellers have in common: one request of a person at a time, and what we know of the person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from accounts.errors import NotNow
from accounts.models import Payee, User
from marketplace_payouts.lib.shared_state import NotGranted, shared_lock
from payments import reading
from payments.models.people import AtStripe
from payments.reading import Said

_WAIT_S: Final = 20.0


@contextmanager
def one_at_a_time(kind: str, user: User) -> Iterator[None]:
    """This will keep a person's other requests of this kind out meanwhile, in whichever process.

    :raises NotNow: when another one takes too long.
    """
    try:
        with shared_lock(f"stripe {kind} {user.pk}", wait_s=_WAIT_S):
            yield
    except NotGranted:
        raise NotNow("busy", "Another request of yours is not done yet: try again in a moment.") from None


def keep(row: AtStripe, found: Mapping[str, Any] | None, *, at: datetime) -> None:
    """This will record what Stripe made, changed or lost, having been asked at that moment, and read the row again."""
    reading.record(type(row), [Said(row.pk, at, found)])
    row.refresh_from_db()


def read(row: AtStripe) -> None:
    """This will read somebody's object at Stripe, record what it says, and read the row again.

    :raises StripeProblem: when Stripe does not say.
    """
    reading.record(type(row), [reading.ask(row)])
    row.refresh_from_db()


def email_of(user: User) -> str:
    """This will give the address that we know of a person; perhaps none."""
    payee = _payee(user)
    return user.email or (payee.email if payee is not None else "")


def name_of(user: User) -> str:
    """This will give the name that we know of a person; perhaps none."""
    payee = _payee(user)
    return user.name or (payee.name if payee is not None else "")


def metadata_of(user: User) -> dict[str, str]:
    """This will give by which name the marketplace finds a person in Stripe's Dashboard."""
    payee = _payee(user)
    return {"sharetribe_user_id": str(payee.flex_user_id)} if payee is not None else {}


def _payee(user: User) -> Payee | None:
    found: Payee | None = getattr(user, "payee", None)
    return found
