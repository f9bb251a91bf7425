"""Whether a member of staff has used a second factor in this session."""

from __future__ import annotations

from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest


def is_satisfied(request: HttpRequest) -> bool:
    """This will tell whether the session may enter the back office: a second factor was used, or none is demanded."""
    if not settings.STAFF_MFA_REQUIRED:
        return True
    user = request.user
    if not user.is_authenticated or not is_mfa_enabled(user):
        return False
    return any(record.get("method") == "mfa" for record in get_authentication_records(request))
