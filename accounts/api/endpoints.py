"""The endpoints about who is calling: a session, what is known of the caller, and linking two log-ins of a person."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import linking, sessions, sharetribe, visits
from accounts.api import examples, serializers, who
from accounts.api.authentication import holder_of
from accounts.api.errors import ApiError
from accounts.api.permissions import IsFreshLogin, IsKnown, IsPerson, MayChange
from accounts.api.views import ApiView
from accounts.callers import Caller, Credential
from accounts.errors import InTheWay, NotAllowedHere
from accounts.models import Login, ReadOnly, User
from marketplace_payouts.lib.clock import utc_now

_TAG: Final = "Who is calling"


class SessionView(ApiView):
    """A short session of ours for another proof of who somebody is."""

    permission_classes = (IsKnown,)
    rate = "login"

    @extend_schema(
        operation_id="open_session",
        tags=[_TAG],
        summary="Exchange a proof for a session",
        description="With a Sharetribe access token or the session of an account: for the person themselves, without a"
        " body. Signed by the marketplace's server: for the user whom the body names. The session is good for a quarter"
        " of an hour and cannot be prolonged.",
        request=serializers.OnBehalfOf,
        responses={201: serializers.Opened},
        examples=examples.OPEN_SESSION,
    )
    def post(self, request: Request) -> Response:
        """This will open a session."""
        user, caller = self._for_whom(request)
        session, token = sessions.open_for(user, caller, now=utc_now())
        shown = {"token": token, "expires_at": session.expires_at, "changes": changes_of(caller)}
        return Response(serializers.Opened(shown).data, status=201)

    @extend_schema(
        operation_id="end_session",
        tags=[_TAG],
        summary="End this session",
        description="Of the session that the request is made with.",
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        """This will end the session that the request is made with."""
        caller = who.caller(request)
        if caller.session is None:
            raise InTheWay("no_session", "This request is not made with a session, so there is none to end.")
        sessions.end(caller.session, now=utc_now())
        return Response(status=204)

    def _for_whom(self, request: Request) -> tuple[User, Caller]:
        caller = who.caller(request)
        if caller.session is not None:
            raise InTheWay("already_a_session", "This is a session already: log in again to get another.")
        person = who.person(request)
        if person is not None:
            self.read(serializers.Nothing)
            return person, caller
        given = self.read(serializers.OnBehalfOf)
        marketplace = sharetribe.marketplace()
        sharetribe.must_be_ours(given["sharetribe_user_id"], marketplace=marketplace)
        user = visits.visitor(marketplace=marketplace, flex_user_id=given["sharetribe_user_id"])
        vouched = Caller(
            credential=Credential.SESSION,
            login=Login.SERVER,
            logged_in_at=given["logged_in_at"],
            until=None,
            read_only="" if given["may_change"] else ReadOnly.SERVER.value,
            key=caller.key,
        )
        return user, vouched


class MeView(ApiView):
    """Who is calling."""

    permission_classes = (IsKnown,)

    @extend_schema(
        operation_id="who_is_calling",
        tags=[_TAG],
        summary="Who is calling",
        description="By which proof, until when, and whether something may be changed.",
        responses={200: serializers.Me},
        examples=examples.ME,
    )
    def get(self, request: Request) -> Response:
        """This will say who is calling, how, until when, and what they may."""
        caller = who.caller(request)
        user = who.person(request)
        payee = getattr(user, "payee", None)
        shown = {
            "kind": "server" if user is None else "person",
            "id": None if user is None else user.pk,
            "email": None if user is None else user.email,
            "payee": None if payee is None else {"id": payee.pk, "sharetribe_user_id": payee.flex_user_id},
            # A session knows for whose word it was opened, which is nothing to the person.
            "server": {"key": caller.key.name} if user is None and caller.key is not None else None,
            "credential": caller.credential.value,
            "expires_at": caller.until,
            "login": {"by": caller.login.value, "at": caller.logged_in_at},
            "changes": changes_of(caller),
        }
        return Response(serializers.Me(shown).data)


class SharetribeLinkView(ApiView):
    """An account of ours and a Sharetribe user as one person."""

    permission_classes = (IsPerson, MayChange, IsFreshLogin)

    @extend_schema(
        operation_id="link_sharetribe_user",
        tags=[_TAG],
        summary="Link this account with a Sharetribe user",
        description="Logged in to an account of ours within the last ten minutes, with a Sharetribe access token that"
        " was first shown within the last ten minutes too. Both addresses are told by e-mail.",
        request=serializers.SharetribeTokenBody,
        responses={200: serializers.PayeeShown},
        examples=examples.LINK,
    )
    def post(self, request: Request) -> Response:
        """This will link both, where neither has something that would be lost."""
        account = self._account(request)
        holder = holder_of(self.read(serializers.SharetribeTokenBody)["token"], request)
        other = Caller.of_holder(holder)
        if other.read_only:
            raise NotAllowedHere(f"read_only_{other.read_only}", other.why_read_only)
        if not other.is_fresh(now=utc_now()):
            sentence = (
                "This Sharetribe token was first shown here longer ago than ten minutes: log in there again."
            )
            raise NotAllowedHere("login_too_old", sentence)
        payee = linking.link(account, holder, marketplace=sharetribe.marketplace())
        shown = {"id": payee.pk, "sharetribe_user_id": payee.flex_user_id}
        return Response(serializers.PayeeShown(shown).data)

    @extend_schema(
        operation_id="unlink_sharetribe_user",
        tags=[_TAG],
        summary="Separate this account from its Sharetribe user",
        description="Logged in within the last ten minutes, by either of them. Both addresses are told by e-mail, and"
        " every session of the account ends.",
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        """This will make two people of them again."""
        linking.unlink(who.somebody(request), now=utc_now())
        return Response(status=204)

    def _account(self, request: Request) -> User:
        person = who.person(request)
        if person is None or who.caller(request).login != Login.ACCOUNT:
            raise ApiError(
                "accounts_only",
                "Log in to an account of ours, and give the Sharetribe token in the body.",
                status=403,
            )
        return person


def changes_of(caller: Caller) -> dict[str, Any]:
    """This will say whether a caller may change something, and until when where money goes."""
    is_fresh = caller.is_fresh(now=utc_now()) and not caller.read_only
    return {
        "allowed": not caller.read_only,
        "code": f"read_only_{caller.read_only}" if caller.read_only else None,
        "detail": caller.why_read_only or None,
        "fresh_until": caller.fresh_until if is_fresh else None,
    }
