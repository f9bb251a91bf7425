"""The tables of the app; by module as people speak of them."""

from accounts.models.logins import ApiSession, Login, ReadOnly, ServerKey, SharetribeToken, SignedMessage
from accounts.models.people import Account, Marketplace, Payee, User, UserQuery

__all__ = [
    "Account",
    "ApiSession",
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
