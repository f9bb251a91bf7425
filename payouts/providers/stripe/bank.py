"""The second leg: from the seller's balance at Stripe to their bank. It is the seller's money by then, and not ours.

A payout to a bank bundles everything that a seller's balance holds. Which transfers it is made of is told by its list
of balance transactions alone, and of automatic payouts only: one that the seller made by hand says nothing about any
transfer (docs.stripe.com/api/balance_transactions/list, read 2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from payouts.providers.base import Leg, Onward
from payouts.providers.stripe.client import AccountOutOfReach, Object, StripeClient
from payouts.providers.stripe.codes import LEGS

_MOST_PAYOUTS: Final = 60
"""So many of the first payouts after a transfer are looked into; the one with its money is among the first of them."""


def follow(client: StripeClient, transfer: Object) -> Onward | None:
    """This will say how far the money of a transfer came on its way to the seller's bank; None where nobody can say.

    :raises ProviderUnavailable: when it cannot be read now.
    """
    account, payment = transfer.get("destination"), transfer.get("destination_payment")
    if not isinstance(account, str) or not isinstance(payment, str):
        return None
    try:
        return _follow(client, account, source=payment, since=int(transfer["created"]))
    except AccountOutOfReach:
        return None


def _follow(client: StripeClient, account: str, *, source: str, since: int) -> Onward | None:
    """What a bank sends back goes out again with a later payout, in the name of the one that failed."""
    found: Onward | None = None
    for payout in _automatic(client, account, since=since):
        if not _carries(client, account, str(payout["id"]), source):
            continue
        found = _onward(payout)
        if found.leg is not Leg.FAILED:
            return found
        source = str(payout["id"])
    return found


def _automatic(client: StripeClient, account: str, *, since: int) -> Sequence[Object]:
    """Oldest first."""
    listed = client.pages("/v1/payouts", params={"created[gte]": str(since)}, account=account)
    return [one for one in listed if one.get("automatic") is True][::-1][:_MOST_PAYOUTS]


def _carries(client: StripeClient, account: str, payout: str, source: str) -> bool:
    entries = client.pages(
        "/v1/balance_transactions", params={"payout": payout, "source": source}, account=account
    )
    return any(one.get("source") == source for one in entries)


def _onward(payout: Object) -> Onward:
    word = str(payout.get("status"))
    # A word that we do not know is no arrival.
    leg = LEGS.get(word, Leg.UNDER_WAY)
    told = [str(payout[name]) for name in ("failure_code", "failure_message") if payout.get(name)]
    return Onward(leg, str(payout["id"]), word, ": ".join(told) if leg is Leg.FAILED else "")
