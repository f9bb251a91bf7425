"""Who enters the payees' pages, by which proof, and the session that they get for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest

from accounts import sessions, sharetribe, visits
from accounts.api.authentication import TOKEN, holder_of
from accounts.callers import Caller, Credential
from accounts.errors import AccountsError, NotAllowedHere, NotProven
from accounts.models import ApiSession, Door, Login, Payee, User


@dataclass(frozen=True, slots=True)
class Visitor:
    """A payee at their pages, or an operator who looks at them."""

    payee: Payee
    caller: Caller

    @property
    def session(self) -> ApiSession:
        """This will give the session of the pages."""
        assert self.caller.session is not None
        return self.caller.session

    @property
    def may_change(self) -> bool:
        """This will tell whether the payee may change something here."""
        return not self.caller.read_only and not self.payee.closed

    def may_say_where_money_goes(self, *, now: datetime) -> bool:
        """This will tell whether they logged in themselves, and within the last minutes: as the API asks for."""
        return self.may_change and self.caller.is_fresh(now=now)


def by_token(token: str, request: HttpRequest, *, now: datetime) -> tuple[Visitor, str]:
    """This will open a session of the pages for an access token of Sharetribe or a session at the API.

    Who it is must be shown and asked before the session becomes the browser's: the form may have come from anywhere.

    :raises AccountsError: when it proves nobody, not a payee, or cannot be checked now.
    :raises Throttled: when this address had Sharetribe asked too often.
    """
    token = token.strip()
    if not TOKEN.fullmatch(token):
        raise NotProven("token_refused", "This is no token.")
    if token.startswith(sessions.PREFIX):
        session = sessions.find(token, now=now)
        # Whoever vouched for that session vouches for this one: both end with their key.
        return _open(session.user, Caller.of_session(session), now=now)
    holder = holder_of(token, request)
    user = visits.visitor(marketplace=sharetribe.marketplace(), flex_user_id=holder.flex_user_id)
    return _open(user, Caller.of_holder(holder), now=now)


def by_code(flex_user_id: UUID, *, now: datetime) -> tuple[Visitor, str]:
    """This will open a session of the pages for whoever gave the code that was mailed to a user.

    :raises AccountsError: when the account is closed, or the marketplace is not set up.
    """
    user = visits.visitor(marketplace=sharetribe.marketplace(), flex_user_id=flex_user_id)
    return _open(
        user,
        Caller(credential=Credential.SESSION, login=Login.CODE, logged_in_at=now, until=None),
        now=now,
    )


def present(token: str, *, now: datetime) -> Visitor:
    """This will give whose session of the pages a token is.

    :raises NotProven: when there is none, or it is over for whatever reason.
    """
    session = sessions.find(token, now=now, door=Door.PAGES)
    payee = getattr(session.user, "payee", None)
    if payee is None:  # the account was separated from its Sharetribe user meanwhile
        raise NotProven("session_over", "The session is over: log in again.")
    return Visitor(payee, Caller.of_session(session))


def _open(user: User, caller: Caller, *, now: datetime) -> tuple[Visitor, str]:
    payee = Payee.objects.filter(user=user).select_related("marketplace").first()
    if payee is None:
        raise NotAllowedHere("no_payee", "This account is no user of the marketplace.")
    _learn_name(payee)
    session, token = sessions.open_for(user, caller, now=now, door=Door.PAGES)
    return Visitor(payee, Caller.of_session(session)), token


def _learn_name(payee: Payee) -> None:
    """Who was never read in Sharetribe would not recognise themselves by an id."""
    if payee.name:
        return
    try:
        user = sharetribe.profile(payee.flex_user_id)
    except AccountsError:
        return  # it is learned another time
    payee.name = user.display_name[:200]
    payee.email = payee.email or user.email[:254]
    Payee.objects.filter(pk=payee.pk, name="").update(name=payee.name, email=payee.email)
