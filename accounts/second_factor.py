"""Whether a member of staff has used a second factor in this session, and how long ago."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User


def is_satisfied(request: HttpRequest) -> bool:
    """This will tell whether the session may enter the back office: a second factor was used, or none is demanded."""
    if not settings.STAFF_MFA_REQUIRED:
        return True
    user = request.user
    # The factor must still stand: a removed one takes the session's right away at once.
    return user.is_authenticated and is_mfa_enabled(user) and bool(_uses(request))


def is_fresh(request: HttpRequest) -> bool:
    """This will tell whether a second factor was used within `ACCOUNT_REAUTHENTICATION_TIMEOUT`, if one is demanded."""
    if not settings.STAFF_MFA_REQUIRED:
        return True
    newest = max((float(use.get("at", 0)) for use in _uses(request)), default=0.0)
    return time.time() - newest < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def way_in(request: HttpRequest) -> str:
    """This will give the address at which the person gets what the session lacks: a new factor, or a code of it."""
    user = request.user
    if user.is_authenticated and is_mfa_enabled(user):
        return reverse("mfa_reauthenticate")
    return reverse("mfa_activate_totp")


def remember_new(*, request: HttpRequest, user: User, authenticator: Authenticator, **_more: Any) -> None:
    """This will count the code by which an app was set up as a use of it; allauth calls it as a signal's receiver."""
    if authenticator.type == Authenticator.Type.TOTP and request.user.pk == user.pk:
        record_authentication(
            request, user, "mfa", id=authenticator.pk, type=authenticator.type, reauthenticated=True
        )


def _uses(request: HttpRequest) -> list[dict[str, Any]]:
    user = request.user
    if not user.is_authenticated:
        return []
    return [record for record in get_authentication_records(request, user) if record.get("method") == "mfa"]
