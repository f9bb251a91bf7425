"""How allauth behaves here: staff accounts are made by administrators, others by whoever signs up through the API."""

from __future__ import annotations

import time
from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse

from accounts.models import User
from accounts.two_doors import is_by_api
from marketplace_payouts.lib import crypto

SECOND_FACTOR: Final = b"accounts.second_factor"
_VERIFY_EMAIL: Final = "allauth.account.stages.EmailVerificationStage"


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Opens the sign-up to the API alone; log-in, password reset and second factors are there at both doors."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """This will refuse a sign-up by the pages, and by the API where SIGN_UP_OPEN is off."""
        return settings.SIGN_UP_OPEN and is_by_api(request)

    def get_login_stages(self) -> list[str]:
        """This will have addresses verified that people signed up with; those of staff were given by administrators."""
        stages: list[str] = super().get_login_stages()
        return stages if is_by_api(self.request) else [stage for stage in stages if stage != _VERIFY_EMAIL]

    def post_login(self, request: HttpRequest, user: User, *, signup: bool, **more: Any) -> HttpResponse:
        """This will count a sign-up as a log-in: the password was chosen, and the address proven, a moment ago."""
        if signup:
            record_authentication(request, user, "signup")
        response: HttpResponse = super().post_login(request, user, signup=signup, **more)
        return response

    def send_password_reset_mail(self, user: User, email: str, values: dict[str, Any]) -> None:
        """This will lead to the front end's page where there is one; staff always to ours."""
        if settings.PASSWORD_RESET_URL and not user.is_staff:
            key = f"{values['uid']}-{values['key']}"
            values |= {"password_reset_url": settings.PASSWORD_RESET_URL.replace("{key}", key)}
        super().send_password_reset_mail(user, email, values)

    def is_reauthentication_required(self, *, app: str, **_more: object) -> bool:
        """This will not ask again for the password that was given a moment ago at log-in."""
        request = context.request
        records = get_authentication_records(request, request.user)
        newest = max((float(record.get("at", 0)) for record in records), default=0.0)
        return time.time() - newest >= settings.ACCOUNT_REAUTHENTICATION_TIMEOUT

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        """This will check the password by the user's own address: our staff have no rows of allauth's addresses."""
        found = self.authenticate(context.request, email=user.get_username(), password=password)
        return found is not None and found.pk == user.pk


class SealedFactors(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """Keeps the seeds of second factors sealed under DETAILS_KEYS."""

    def encrypt(self, text: str) -> str:
        """This will seal a seed."""
        return crypto.seal(text.encode(), aad=SECOND_FACTOR).hex()

    def decrypt(self, encrypted_text: str) -> str:
        """This will open a seed."""
        return crypto.open(bytes.fromhex(encrypted_text), aad=SECOND_FACTOR).decode()
