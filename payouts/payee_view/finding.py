"""The one way to a payout of a payee's; whatever is another's is not there."""

from __future__ import annotations

from uuid import UUID

from payouts.models import Payout
from payouts.payee_view.errors import NoSuchPayout


def find(*, payee_id: UUID, payout_id: UUID) -> Payout:
    """This will find a payout of the payee's, with its method.

    :raises NoSuchPayout: when the payee has none of that id.
    """
    payout = Payout.objects.filter(payee=payee_id, pk=payout_id).select_related("method").first()
    if payout is None:
        raise NoSuchPayout
    return payout
