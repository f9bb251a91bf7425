"""How allauth behaves here: staff accounts are made by administrators, nobody signs up for the back office."""

from __future__ import annotations

import time
from typing import Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest

from marketplace_payouts.lib import crypto

SECOND_FACTOR: Final = b"accounts.second_factor"


class StaffOnly(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Closes the sign-up; log-in, password reset and second factors stay."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """This will refuse every sign-up."""
        return False

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
