"""The first visit of a Sharetribe user makes the payee, and somebody who logs in; later ones find both."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from accounts.errors import NotAllowedHere
from accounts.models import Marketplace, Payee, User


def visitor(*, marketplace: Marketplace, flex_user_id: UUID) -> User:
    """This will give whoever logs in as a user of the marketplace; that they are one must be certain.

    The payee is nothing but its identity: what else is known of the user is read from Sharetribe in due course.

    :raises NotAllowedHere: when the account is closed, here or at Sharetribe.
    """
    payee = _found(marketplace, flex_user_id) or _made(marketplace, flex_user_id)
    user = payee.user
    assert user is not None
    if payee.closed:
        raise NotAllowedHere("account_closed", "The marketplace has closed this account.")
    if not user.is_active:
        raise NotAllowedHere("account_closed", "This account is closed.")
    return user


def _found(marketplace: Marketplace, flex_user_id: UUID) -> Payee | None:
    known = Payee.objects.filter(marketplace=marketplace, flex_user_id=flex_user_id, user__isnull=False)
    return known.select_related("user").first()


def _made(marketplace: Marketplace, flex_user_id: UUID) -> Payee:
    with transaction.atomic():
        payee, _is_new = Payee.objects.get_or_create(marketplace=marketplace, flex_user_id=flex_user_id)
        # Two first visits at once make one user.
        payee = Payee.objects.select_for_update(no_key=True).get(pk=payee.pk)
        if payee.user is None:
            user = User()
            user.set_unusable_password()
            user.save(force_insert=True)
            payee.user = user
            payee.save(update_fields=["user"])
    return payee
