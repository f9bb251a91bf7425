"""What Stripe wants to know of an account before it may receive money, and what it says about it.

docs.stripe.com/connect/required-verification-information and /api/accounts/object, read 2026-11. Shorter than
Stripe's own lists, which differ by country; the names are Stripe's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sandbox.stripe.store import Data

_ALWAYS = (
    "business_profile.mcc",
    "business_profile.url",
    "external_account",
    "tos_acceptance.date",
    "tos_acceptance.ip",
)
_PERSON = (
    "address.city",
    "address.line1",
    "address.postal_code",
    "dob.day",
    "dob.month",
    "dob.year",
    "email",
    "first_name",
    "last_name",
    "phone",
)
_COMPANY = (
    "company.address.city",
    "company.address.line1",
    "company.address.postal_code",
    "company.name",
    "company.phone",
    "company.tax_id",
)
_UNDECIDED = ("business_type", "representative.first_name", "representative.last_name")


class Standing(NamedTuple):
    """What follows for an account: which requirements stand where, why it is disabled, and if it is able."""

    requirements: Data
    disabled_reason: str | None
    able: bool
    pending: bool


def wanted(account: Data) -> list[str]:
    """Name everything that an account of this kind must give."""
    match account["business_type"]:
        case None:
            kind: Iterable[str] = _UNDECIDED
        case "individual":
            kind = [f"individual.{name}" for name in _PERSON]
            if account["country"] == "US":
                kind = [*kind, "individual.ssn_last_4"]
        case _:
            kind = _COMPANY
    return sorted([*_ALWAYS, *kind])


def lacking(account: Data, given: Data, *, has_bank: bool) -> list[str]:
    """Name what is not given yet. `given`: persons and companies, which an account does not show."""

    def is_there(name: str) -> bool:
        if name == "external_account":
            return has_bank
        return at(given, name) not in (None, "") or at(account, name) not in (None, "")

    return [name for name in wanted(account) if not is_there(name)]


def at(value: Any, path: str) -> Any:
    """Give what stands where a requirement points, if anything does."""
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def complete(account: Data, given: Data, *, moment: int) -> None:
    """Give everything that is lacking but the bank account, as somebody would who fills in the whole form."""
    if account["business_type"] is None:
        account["business_type"] = "individual"
    account["business_profile"] |= {
        "mcc": account["business_profile"]["mcc"] or "5734",
        "url": account["business_profile"]["url"] or "https://example.com",
    }
    account["tos_acceptance"] = {"date": moment, "ip": "127.0.0.1", "user_agent": None}
    for name in lacking(account, given, has_bank=True):
        give(given, name, _INVENTED.get(name.rpartition(".")[2], "given"))


_INVENTED = {
    "day": "1", "month": "1", "year": "1990", "postal_code": "10115", "city": "Berlin", "line1": "address_full_match",
    "first_name": "Jenny", "last_name": "Rosen", "email": "jenny@example.com", "phone": "+15555550100",
    "ssn_last_4": "0000", "tax_id": "000000000", "name": "Rosen Goods",
}  # fmt: skip


def give(into: Data, path: str, value: Any) -> None:
    """Put a value where a requirement wants it."""
    *steps, last = path.split(".")
    for step in steps:
        into = into.setdefault(step, {})
    into[last] = value


def assess(*, lacks: list[str], extra: Iterable[Data], standing: str, now: int) -> Standing:
    """Judge an account.

    `extra`: what Stripe asked for besides, each with a `field` and a `deadline`; `standing`: unverified, pending,
    verified, or the reason for which Stripe has disabled it.
    """
    asked = list(extra)
    overdue = [one["field"] for one in asked if one["deadline"] <= now]
    deadlines = [one["deadline"] for one in asked if one["deadline"] > now]
    identity = [name for name in lacks if name != "external_account"]
    due = sorted({*lacks, *(one["field"] for one in asked)})
    pending = standing == "pending" and not identity and not overdue
    reason: str | None = None
    if standing not in ("unverified", "pending", "verified"):
        reason = standing
    elif lacks or overdue:
        reason = "requirements.past_due"
    elif pending:
        reason = "requirements.pending_verification"
    requirements: Data = {
        "alternatives": [],
        "current_deadline": min(deadlines) if deadlines else None,
        "currently_due": due,
        "disabled_reason": reason,
        "errors": [],
        "eventually_due": due,
        "past_due": sorted({*lacks, *overdue}),
        "pending_verification": ["individual.verification.document"] if pending else [],
    }
    able = standing == "verified" and not identity and not overdue
    return Standing(requirements, reason, able, pending)


def nothing_due() -> Data:
    """Give requirements of which none is due."""
    return assess(lacks=[], extra=(), standing="verified", now=0).requirements
