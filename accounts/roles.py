"""Who may do what: five roles, each a group; a superuser has no bypass here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import User

ACTS: dict[str, str] = {
    "act_view": "Read everything in the admin",
    "act_hold": "Put a hold on a payout, payee, method, provider or currency",
    "act_note": "Write a note",
    "act_request": "Make a request that another person must second",
    "act_refresh": "Ask the provider or Sharetribe again",
    "act_approve": "Approve payouts, within a personal limit",
    "act_release": "Lift holds and release what waits for a person",
    "act_second": "Second a request that another person made",
    "act_cancel": "Cancel a payout from which no money moved",
    "act_retry": "Send a failed payout again",
    "act_bank_file": "Download bank files, confirm their upload, and upload the bank's statements",
    "act_resolve": "Resolve an unknown outcome or close an incident, with a second person",
    "act_limits": "Set approvers' limits and thresholds",
    "act_policies": "Change approval policies",
    "act_triggers": "Change triggers, processes and schedules",
    "act_staff": "Manage staff and their roles",
    "act_keys": "Make and revoke keys of the marketplace's server",
    "act_replay": "Replay events and outbox messages",
    "act_webhooks": "Manage webhook subscriptions and what they are sent",
}

_READ = frozenset({"act_view"})
_OPERATE = frozenset({"act_hold", "act_note", "act_request", "act_refresh", "act_bank_file"})

ROLES: dict[str, frozenset[str]] = {
    "viewer": _READ,
    "operator": _READ | _OPERATE,
    "approver": _READ
    | _OPERATE
    | {"act_approve", "act_release", "act_second", "act_cancel", "act_retry", "act_resolve"},
    "administrator": _READ
    | {
        "act_note",
        "act_request",
        "act_second",
        "act_limits",
        "act_policies",
        "act_triggers",
        "act_staff",
        "act_keys",
        "act_webhooks",
    },
    "engineer": _READ | {"act_refresh", "act_replay", "act_hold", "act_keys", "act_webhooks"},
}


class NotAllowed(Exception):
    """This person's roles do not cover this act."""

    def __init__(self, user: User | None, act: str) -> None:
        self.user, self.act = user, act
        who = user.email if user is not None else "nobody"
        roles = ", ".join(sorted(name for name, acts in ROLES.items() if act in acts))
        super().__init__(f"{who} may not do this ({ACTS[act].lower()}); it needs the role: {roles}.")


def acts_of(user: User) -> frozenset[str]:
    """This will give the acts that the user's groups allow, whatever `is_superuser` says."""
    if not (user.is_active and user.is_staff):
        return frozenset()
    known: frozenset[str] | None = getattr(user, "_acts", None)
    if known is None:
        names = user.groups.filter(permissions__content_type__app_label="accounts").values_list(
            "permissions__codename", flat=True
        )
        known = frozenset(names) & ACTS.keys()
        user._acts = known  # type: ignore[attr-defined]  # noqa: SLF001 - kept for the request
    return known


def may(user: User | None, act: str) -> bool:
    """This will tell whether the user's roles cover the act."""
    return user is not None and act in acts_of(user)


def require(user: User | None, act: str) -> User:
    """This will give back the user, or refuse.

    :raises NotAllowed: when none of the user's roles covers the act.
    """
    if user is None or not may(user, act):
        raise NotAllowed(user, act)
    return user
