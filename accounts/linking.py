"""One person, two log-ins: an account of ours and a Sharetribe user become the same, or two again; never by themselves.

Whoever gets at a log-in of the other kind gets at the payee, so both addresses are told before it is done.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import ForeignObjectRel
from django.template.loader import render_to_string

from accounts import branding, sessions
from accounts.errors import InTheWay, NotNow
from accounts.models import ApiSession, Marketplace, Payee, User
from accounts.sharetribe import Holder
from marketplace_payouts.lib.logs import logger

log = logger(__name__)

_OF_THE_LOGIN = (ApiSession, Payee)


def link(account: User, holder: Holder, *, marketplace: Marketplace) -> Payee:
    """This will let an account log in as the holder of a Sharetribe token, whose own token it must be, and vice versa.

    :raises InTheWay: when one of them belongs to somebody already, or has something of its own, or when Sharetribe has
        no address at which the user could be told.
    :raises NotNow: when the people concerned cannot be told.
    """
    payee = _payee(marketplace, holder)
    if payee is not None and payee.user_id == account.pk:
        return payee
    _must_be_free(account, payee)
    if not holder.email:
        sentence = (
            "Sharetribe has no verified e-mail address of this user to be told: have it verified there first."
        )
        raise InTheWay("address_unverified", sentence)
    _tell("account/email/linked", account, holder.email, payee)
    with transaction.atomic():
        payee = _locked(marketplace, holder)
        # Against whatever may be hung on one of them at this moment.
        list(User.objects.select_for_update().filter(pk__in=[account.pk, payee.user_id]).order_by("pk"))
        _must_be_free(account, payee)
        former, payee.user = payee.user, account
        payee.save(update_fields=["user"])
        # Where the same was asked for twice at once, it is the account already.
        if former is not None and former.pk != account.pk:
            former.delete()
    return payee


def unlink(account: User, *, now: datetime) -> None:
    """This will make an account and its Sharetribe user two people again, and end the account's sessions.

    :raises InTheWay: when nothing is linked.
    :raises NotNow: when the people concerned cannot be told.
    """
    payee = Payee.objects.filter(user=account).first()
    if payee is None or account.email is None:
        raise InTheWay("not_linked", "No Sharetribe user is linked with this account.")
    _tell("account/email/unlinked", account, payee.email, payee)
    with transaction.atomic():
        Payee.objects.filter(pk=payee.pk, user=account).update(user=None)
        sessions.end_all_of(account, now=now)


def _payee(marketplace: Marketplace, holder: Holder) -> Payee | None:
    known = Payee.objects.filter(marketplace=marketplace, flex_user_id=holder.flex_user_id)
    return known.select_related("user").first()


def _locked(marketplace: Marketplace, holder: Holder) -> Payee:
    payee, _is_new = Payee.objects.get_or_create(marketplace=marketplace, flex_user_id=holder.flex_user_id)
    return Payee.objects.select_for_update(no_key=True).get(pk=payee.pk)


def _must_be_free(account: User, payee: Payee | None) -> None:
    other = Payee.objects.filter(user=account)
    if (other if payee is None else other.exclude(pk=payee.pk)).exists():
        raise InTheWay(
            "account_linked", "This account is linked with another Sharetribe user: unlink that one first."
        )
    if payee is None or payee.user is None or payee.user.pk == account.pk:
        return
    if payee.user.email is not None:
        raise InTheWay(
            "user_linked",
            "This Sharetribe user is linked with another account: log in to that one and unlink it.",
        )
    if _has_something(payee.user):
        raise InTheWay(
            "user_has_its_own",
            "This Sharetribe user has payments or onboarding of its own here, which cannot be merged with an account:"
            " go on with the Sharetribe log-in.",
        )


def _has_something(user: User) -> bool:
    """Whether anything hangs on a user beside what makes the log-in itself; apps above add theirs by foreign keys."""
    return any(
        relation.related_model._base_manager.filter(**{relation.field.name: user}).exists()
        for relation in user._meta.get_fields(include_hidden=True)
        if isinstance(relation, ForeignObjectRel) and relation.related_model not in _OF_THE_LOGIN
    )


def _tell(template: str, account: User, flex_email: str, payee: Payee | None) -> None:
    """Whoever knows nothing of it must hear of it; so nothing is done where the mail cannot be sent."""
    addresses = {account.email, flex_email, payee.email if payee else ""}
    context = {"account": account.email, "public_url": settings.PUBLIC_URL}
    brand = branding.brand()
    subject, _, body = render_to_string(f"{template}.txt", context).partition("\n")
    try:
        for address in sorted(address for address in addresses if address):
            brand.mail(subject=subject, body=body.strip(), to=address).send()
    except OSError as error:  # smtplib's errors are OSErrors
        log.warning("linking_not_told", reason=str(error))
        sentence = "The people concerned cannot be told by e-mail at the moment, so nothing was done: try again later."
        raise NotNow("mail_unavailable", sentence) from None
