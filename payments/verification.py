"""What Stripe's word about a connected account comes to: where it stands, whether it is verified, and why not. Pure.

Verified is who may be sent money that arrives: the form is filled in, transfers to the account are allowed, it is paid
out, and nothing disables it. Whether it may take card payments is another matter: our sellers take none. What Stripe
gave it may take away again. docs.stripe.com/api/accounts/object, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from payments.models.people import Seller

State = Seller.State

OF_NOBODY: Final[Mapping[str, Any]] = MappingProxyType({})

_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "action_required.requested_capabilities": "Stripe wants more before it lets you be paid.",
        "listed": "Stripe compares you with lists of persons whom nobody may pay; that can take some days.",
        "platform_paused": "The marketplace has paused your account at Stripe.",
        "requirements.past_due": "Something that Stripe asked for is overdue.",
        "requirements.pending_verification": "Stripe is checking what you gave.",
        "under_review": "Stripe is looking into your account.",
        "other": "Stripe has switched your account off and does not say why: write to Stripe's support.",
    }
)
_REJECTED: Final = "rejected."

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        State.NEW: "You have no account at Stripe yet.",
        State.INCOMPLETE: "Fill in Stripe's form: who you are, and where you want to be paid.",
        State.WANTED: "Stripe wants to know more before you can be paid.",
        State.PENDING: "Stripe is checking what you gave. There is nothing for you to do.",
        State.VERIFIED: "Stripe has verified you: you can be paid.",
        State.RESTRICTED: "Stripe does not let you be paid at the moment.",
        State.REJECTED: "Stripe does not work with this account: write to Stripe's support.",
        State.GONE: "Your account at Stripe is not connected with the marketplace any more.",
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """Where an account stands, and what of Stripe's word about it is kept."""

    state: State
    shown: dict[str, Any]

    @property
    def is_verified(self) -> bool:
        """Whether Stripe has verified the seller."""
        return self.state is State.VERIFIED


def read(account: Mapping[str, Any]) -> Reading:
    """This will read an account as Stripe shows it; whatever is missing counts against it."""
    requirements = _part(account, "requirements")
    shown = {
        "details_submitted": account.get("details_submitted") is True,
        "payouts_enabled": account.get("payouts_enabled") is True,
        "charges_enabled": account.get("charges_enabled") is True,
        "transfers": str(_part(account, "capabilities").get("transfers") or ""),
        "default_currency": str(account.get("default_currency") or "").upper(),
        "disabled_reason": str(requirements.get("disabled_reason") or ""),
        "deadline": requirements.get("current_deadline"),
        "requirements": {
            name: requirements.get(name) or [] for name in ("currently_due", "past_due", "errors")
        },
    }
    return Reading(_state(account, shown), shown)


def sentence(state: str, shown: Mapping[str, Any]) -> str:
    """This will say where a seller stands, and why, in words fit for them."""
    reason = _REASONS.get(str(shown.get("disabled_reason") or ""), "")
    if state in (State.WANTED, State.RESTRICTED) and reason:
        return reason
    return SENTENCES[state]


def _state(account: Mapping[str, Any], shown: Mapping[str, Any]) -> State:
    reason = shown["disabled_reason"]
    wants = bool(shown["requirements"]["currently_due"] or shown["requirements"]["past_due"])
    able = shown["payouts_enabled"] and shown["transfers"] == "active"
    if account.get("deleted") is True:
        return State.GONE
    if reason.startswith(_REJECTED):
        return State.REJECTED
    if not shown["details_submitted"]:
        return State.INCOMPLETE
    if able and not reason:
        return State.VERIFIED
    if wants:
        return State.WANTED
    waits = reason == "requirements.pending_verification" or shown["transfers"] == "pending"
    return State.PENDING if waits else State.RESTRICTED


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, Mapping) else OF_NOBODY
