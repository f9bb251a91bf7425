"""What the public metadata of a payee's Sharetribe user says of them, key by key; whoever adds one, adds a line here.

The metadata of a user is public, and written by operators and by us alone. So a word says whether, and never how,
where or why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final
from uuid import UUID

from payments import sellers
from payouts import readiness

Words = Mapping[str, bool]

PAYOUT_READY: Final = "payoutReady"
"""Whether the payee can be paid: they have given a method, it is verified, and it was not refused."""

SELLER_VERIFIED: Final = "sellerVerified"
"""Whether a payment service has verified who the payee is."""

WORDS: Final[Mapping[str, Callable[[Collection[UUID]], set[UUID]]]] = {
    PAYOUT_READY: readiness.ready,
    SELLER_VERIFIED: sellers.verified_payees,
}
"""Key of the metadata → function(payee ids) → those of them of whom it is true, in one statement."""


def of(payee_ids: Collection[UUID]) -> dict[UUID, Words]:
    """This will give every word about each payee, in as many statements as there are words."""
    true_of = {key: ask(payee_ids) for key, ask in WORDS.items()}
    return {pk: {key: pk in found for key, found in true_of.items()} for pk in payee_ids}


def known(value: Mapping[str, object]) -> Words:
    """This will read what a user was told; what nobody ever said is taken for false."""
    return {key: value.get(key) is True for key in WORDS}
