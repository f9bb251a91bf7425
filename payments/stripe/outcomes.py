"""What Stripe's events say of buyers' payments: what each is about is read anew, and recorded in our own words.

Only what happens on our own account counts. What a buyer pays to a connected account is not with us; and whoever has a
dashboard of their own there could write any transaction of ours on a payment that they made to themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from accounts.models import Marketplace
from payments import recording
from payments.models import StripeDelivery
from payments.stripe import recall
from payments.stripe.client import Question
from payments.stripe.errors import StripeProblem
from payments.stripe.events import EVENTS, Look
from payments.stripe.recall import Answers
from payments.stripe_words import NotOurs, ReadAgain, words_of
from payments.words import PaymentWord

_WHERE: Final[Mapping[Look, str]] = MappingProxyType(
    {
        Look.PAYMENT_INTENT: "payment_intents",
        Look.CHARGE: "charges",
        Look.REFUND: "refunds",
        Look.DISPUTE: "disputes",
    }
)
"""Of what Stripe has that tells of a buyer's money, where it is read."""
# A refund leads to its charge, and that to its payment: more is asked for by no object.
_MOST_EXPANDED: Final = 3


def record(row: StripeDelivery, answers: Answers, *, now: datetime) -> None:
    """This will record what the object of a delivery says of a buyer's money, in the caller's transaction.

    :raises Unread: naming what has to be read first.
    :raises BadPayment: when what Stripe shows makes no sense.
    :raises StripeProblem: when the marketplace is not known yet, or something could not be read.
    """
    if row.account or EVENTS[row.kind].look not in _WHERE:
        return
    words = _words(row, answers)
    if not words:
        return
    marketplace = Marketplace.objects.first()
    if marketplace is None:
        raise StripeProblem("The marketplace is not known yet: run check_flex.")
    recording.record(words, marketplace_id=marketplace.pk, now=now)


def _words(row: StripeDelivery, answers: Answers) -> list[PaymentWord]:
    path = f"/v1/{_WHERE[EVENTS[row.kind].look]}/{row.object_id}"
    expand: tuple[str, ...] = ()
    while True:
        found = _read(path, expand, answers)
        try:
            return words_of(found, at=row.happened_at or row.received_at)
        except NotOurs:
            return []
        except ReadAgain as again:
            expand = (*expand, *again.expand)
            if len(expand) > _MOST_EXPANDED:
                raise StripeProblem(f"{path} does not show what it belongs to.") from again


def _read(path: str, expand: tuple[str, ...], answers: Answers) -> Mapping[str, Any]:
    """Give the object as our own account sees it, read since the delivery came.

    :raises StripeProblem: when it is not shown. Stripe deletes none of these: the event came before it could be read,
        or our key is one of another account, or may not read it; a word about money must not get lost by that.
    """
    answer = recall.answer(Question(path, tuple(("expand[]", one) for one in sorted(expand))), answers)
    if not answer.ok:
        raise StripeProblem(f"Stripe told of {path}, and does not show it to us: status {answer.status}.")
    found = answer.json()
    assert isinstance(found, dict)  # nothing else is taken for an answer
    return found
