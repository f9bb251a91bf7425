"""What an answer proves, and what it does not."""

from __future__ import annotations

import pytest
from django.db import connection, transaction

from marketplace_payouts.lib.clock import database_now
from payouts import recording
from payouts.models import Attempt, Batch, Payout
from payouts.providers.base import Deferred, RefusalClass, Refused
from tests.stories.world import CREATE, World


@pytest.fixture
def unknown(world: World) -> Payout:
    """A payout that PayPal has taken, whose answer was lost."""
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    return payout


def refused_now(code: str, refusal: RefusalClass, *, settles_earlier: bool) -> Refused:
    """A certain refusal of this try."""
    return Refused(code, refusal, "Refused.", settles_earlier=settles_earlier)


def answer(payout: Payout, outcome: Refused | Deferred) -> None:
    """Record an answer to one more transmission of the payout's batch."""
    batch = Batch.objects.get(attempts__payout=payout)
    step = batch.steps.get()
    with transaction.atomic():
        recording.answer(
            batch.pk, step, outcome, final=False, transmitted=False, now=database_now(connection)
        )
    payout.refresh_from_db()


@pytest.mark.parametrize("refusal", list(RefusalClass))
def test_a_refusal_that_lies_in_an_account_says_nothing_about_an_earlier_try(
    world: World, unknown: Payout, refusal: RefusalClass
) -> None:
    answer(unknown, refused_now("SENDER_ACCOUNT_LOCKED", refusal, settles_earlier=False))
    assert unknown.state == "unknown"
    assert Attempt.objects.get().state == "unknown"
    world.lift_our_holds()
    world.until("paid", of=unknown)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_refusal_that_lies_in_the_bytes_holds_for_every_try(world: World, unknown: Payout) -> None:
    answer(unknown, refused_now("VALIDATION_ERROR", RefusalClass.PAYEE, settles_earlier=True))
    assert unknown.state == "failed"


def test_a_deferral_of_the_resending_leaves_it_unknown(world: World, unknown: Payout) -> None:
    answer(unknown, Deferred("Slow down."))
    assert unknown.state == "unknown"
    world.until("paid", of=unknown)
    assert world.moved() == {"EUR": 9_000}


def test_a_late_refusal_contradicts_whom_people_called_paid_and_lets_the_others_go(world: World) -> None:
    for n in range(2):
        world.sale(world.seller(f"s{n}@example.com"), price=1_000)
    world.decide()
    world.approve()
    world.paypal.fault("drop_before", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    decided, other = Payout.objects.order_by("pk")
    fields = {"payout": str(decided.pk), "outcome": "paid", "document": "PayPal case 77"}
    world.second("resolve_unknown", fields, by=world.carol)
    answer(other, refused_now("VALIDATION_ERROR", RefusalClass.PAYEE, settles_earlier=True))
    decided.refresh_from_db()
    assert (decided.state, other.state) == ("paid", "approved")
    assert world.incidents() == ["contradiction"]
