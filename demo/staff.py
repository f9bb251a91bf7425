"""The people of the back office: one of each role and those whom two-person acts need besides."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import Group

from accounts.models import User
from demo.browser import Desk


@dataclass(frozen=True, slots=True)
class Member:
    """One member of staff: the account, how to log in, and a desk in the admin."""

    user: User
    role: str
    password: str
    totp_secret: str
    desk: Desk

    def shown(self) -> dict[str, str]:
        """Give what somebody needs to log in."""
        return {
            "role": self.role,
            "email": str(self.user),
            "password": self.password,
            "totp_secret": self.totp_secret,
        }


# Name → role, and whether a second factor is set up; the demo lets staff in without one.
_PEOPLE: Mapping[str, tuple[str, bool]] = {
    "vera": ("viewer", False),
    "olga": ("operator", False),
    "anna": ("approver", False),
    "ada": ("administrator", False),
    "emil": ("engineer", False),
    "boris": ("administrator", False),
    "greta": ("approver", True),
}


@dataclass(frozen=True, slots=True)
class Staff:
    """Everybody, by name."""

    members: Mapping[str, Member]

    def __getattr__(self, name: str) -> Member:
        try:
            return self.members[name]
        except KeyError:
            raise AttributeError(name) from None


def hire(*, web: str) -> Staff:
    """Make the accounts of all staff, each with a password of its own."""
    return Staff({name: _hire(name, role, factor, web=web) for name, (role, factor) in _PEOPLE.items()})


def _hire(name: str, role: str, has_factor: bool, *, web: str) -> Member:
    email, password = f"{name}@market.example", secrets.token_urlsafe(12)
    user = User.objects.create_user(email, password, name=name.capitalize(), is_staff=True)
    user.groups.set(Group.objects.filter(name=role))
    secret = generate_totp_secret() if has_factor else ""
    if has_factor:
        TOTP.activate(user, secret)
    desk = Desk(web=web, email=email, password=password, totp_secret=secret)
    return Member(user, role, password, secret, desk)
