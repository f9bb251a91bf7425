"""The remittance advice of a payout: from whom, to whom, and what it covers."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from accounts import branding
from accounts.models import Payee
from payouts.payee_view import listing, showing
from payouts.payee_view.finding import find
from payouts.payee_view.shapes import Advice, Party


def remittance(*, payee_id: UUID, payout_id: UUID) -> Advice:
    """This will give the remittance advice of one of the payee's payouts, in whichever state it is.

    :raises NoSuchPayout: when the payee has none of that id.
    """
    payout = find(payee_id=payee_id, payout_id=payout_id)
    return Advice(
        issuer=issuer(),
        payee=recipient(Payee.objects.get(pk=payee_id)),
        payout=listing.of(payout),
        lines=showing.lines_of(payout),
    )


def issuer() -> Party:
    """This will say who issues papers: the marketplace, by its settings."""
    return Party(name=branding.brand().name, address=settings.BRAND_ADDRESS)


def recipient(payee: Payee) -> Party:
    """This will say whom papers are for."""
    return Party(name=payee.name or str(payee.flex_user_id), address=[payee.email] if payee.email else [])
