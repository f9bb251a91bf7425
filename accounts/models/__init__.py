"""The tables of the app; by module as people speak of them."""

from accounts.models.logins import (
    CODE_TRIES,
    ApiSession,
    Door,
    EntryCode,
    Login,
    ReadOnly,
    ServerKey,
    SharetribeToken,
    SignedMessage,
)
from accounts.models.people import Account, Marketplace, Payee, User, UserQuery

__all__ = [
    "CODE_TRIES",
    "Account",
    "ApiSession",
    "Door",
    "EntryCode",
    "Login",
    "Marketplace",
    "Payee",
    "ReadOnly",
    "ServerKey",
    "SharetribeToken",
    "SignedMessage",
    "User",
    "UserQuery",
]
