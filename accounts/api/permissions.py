"""Who may do what: every endpoint for people stands on the first two, those that decide where money goes on three."""

from __future__ import annotations

from typing import Any, Final

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.api import who
from accounts.api.errors import ApiError
from marketplace_payouts.lib.clock import utc_now

_TOO_OLD: Final = (
    "This needs a log-in of the last ten minutes: log in again, open a new session, and repeat it."
)
_UNKNOWN: Final = (
    "This needs a log-in of the last ten minutes, and nobody knows when the person logged in: the marketplace's server"
    " says so in logged_in_at when it opens the session."
)


class IsPerson(BasePermission):
    """A person calls, by whichever proof."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """This will let people pass.

        :raises ApiError: when it is the marketplace's server.
        """
        if who.server(request) is not None:
            raise ApiError(
                "people_only",
                "This is for people: open a session for one at /api/v1/session, and call with that.",
                status=403,
            )
        return who.person(request) is not None


class IsServer(BasePermission):
    """The marketplace's server calls, by its signature."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """This will let servers pass.

        :raises ApiError: when it is a person.
        """
        if who.person(request) is not None:
            raise ApiError(
                "server_only", "This is for the marketplace's server, which signs its requests.", status=403
            )
        return who.server(request) is not None


class IsKnown(BasePermission):
    """Somebody calls, a person or the marketplace's server."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """This will keep strangers out."""
        return who.server(request) is not None or who.person(request) is not None


class IsPayee(BasePermission):
    """The person is a payee: a user of the marketplace, or linked with one."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """This will let payees pass.

        :raises ApiError: when the person is none, or one whom the marketplace closed and who would change something.
        """
        payee = getattr(who.person(request), "payee", None)
        if payee is None:
            raise ApiError(
                "no_payee",
                "This account is no user of the marketplace: link it with one at /api/v1/me/sharetribe.",
                status=403,
            )
        if payee.closed and request.method not in SAFE_METHODS:
            raise ApiError("account_closed", "The marketplace has closed this account.", status=403)
        return True


class MayChange(BasePermission):
    """The person looks, or logged in themselves."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """This will let people look, and those change something who may.

        :raises ApiError: when an operator may have logged in as the person.
        """
        caller = who.caller(request)
        if request.method not in SAFE_METHODS and caller.read_only:
            raise ApiError(f"read_only_{caller.read_only}", caller.why_read_only, status=403)
        return True


class IsFreshLogin(BasePermission):
    """The person looks, or logged in within the last minutes."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """This will let people look, and those change something who logged in a moment ago.

        :raises ApiError: when it is longer ago, or nobody knows.
        """
        caller = who.caller(request)
        if request.method not in SAFE_METHODS and not caller.is_fresh(now=utc_now()):
            raise ApiError("login_too_old", _UNKNOWN if caller.logged_in_at is None else _TOO_OLD, status=403)
        return True


PAYEES: Final = (IsPerson, IsPayee, MayChange)
"""What everything about a payee asks for."""
WHERE_MONEY_GOES: Final = (*PAYEES, IsFreshLogin)
"""What changing where a payee is paid asks for."""
