"""A set at once, and the poison row alone."""

from __future__ import annotations

from datetime import timedelta

from accounts.models import Marketplace
from flexsync import interpreter, replaying, resync
from flexsync.models import FlexEvent
from payouts.models import Payable, Posting, Source, Trigger
from tests.stories.world import World


def test_a_poison_event_parks_its_own_transaction_only(world: World):
    seller = world.seller()
    good = world.sale(seller)
    bad = world.sale(seller, state="state/delivered")
    world.flex.fault("poison_event", times=1)
    world.transition(bad, "mark-received")
    world.sale(seller)
    world.hear()
    assert world.open_payables(seller) == [9_000, 9_000]
    source = Source.objects.get(reference=bad)
    assert source.tries == 1
    assert source.error
    assert source.next_at is not None
    assert source.next_at > world.now
    for _ in range(interpreter.TRIES_BEFORE_PARKING):
        world.skew += timedelta(minutes=10)
        world.understand()
    source.refresh_from_db()
    assert source.parked_at is not None
    assert source.tries == interpreter.TRIES_BEFORE_PARKING
    assert Source.objects.get(reference=good).parked_at is None


def test_a_parked_transaction_comes_back_by_being_read_again(world: World):
    seller = world.seller()
    bad = world.sale(seller, state="state/delivered")
    world.flex.fault("poison_event", times=1)
    world.transition(bad, "mark-received")
    world.hear()
    assert world.open_payables(seller) == []
    source = replaying.find(str(FlexEvent.objects.order_by("-sequence_id")[0].sequence_id))
    replayed = replaying.replay(source_id=source.pk, now=world.now)
    assert replayed.error
    resync.resync_one(reference=source.reference, now=world.now)
    replayed = replaying.replay(source_id=source.pk, now=world.now)
    assert replayed.error == ""
    assert replayed.trigger is not None
    assert world.open_payables(seller) == [9_000]


def test_one_that_the_books_refuse_takes_no_other_with_it(world: World):
    seller = world.seller()
    odd, fine = world.sale(seller), world.sale(seller)
    world.hear()
    # A transaction cannot change its currency: the books say so when they are asked.
    world.flex.post(
        f"/_sandbox/transactions/{odd}/lines",
        {
            "transition": "transition/operator-adjust",
            "lineItems": [
                {
                    "code": "line-item/item",
                    "unitPrice": {"amount": 5_000, "currency": "USD"},
                    "quantity": 1,
                    "includeFor": ["customer", "provider"],
                }
            ],
        },
    )
    world.refund(fine, amount=4_000)
    world.hear()
    assert "currency" in Source.objects.get(reference=odd).error
    assert Source.objects.get(reference=fine).error == ""
    owed = dict.fromkeys((odd, fine), 0)
    for row in Payable.objects.all():
        owed[row.reference] += int(row.units)
    assert owed[odd] == 9_000
    assert owed[fine] == world.truth(fine)["payout_total"]["amount"] < 9_000


def test_what_nobody_confirmed_waits_and_then_goes_on_by_itself(world: World):
    seller = world.seller()
    Marketplace.objects.update(exponents_confirmed_at=None)
    world.sale(seller)
    world.hear()
    source = Source.objects.get()
    assert source.parked_at is not None
    assert "not confirmed" in source.error
    world.deal_in("EUR")
    world.understand()
    assert world.open_payables(seller) == [9_000]
    source.refresh_from_db()
    assert source.error == ""
    assert source.parked_at is None


def test_a_trigger_that_is_switched_on_later_finds_what_was_heard_before(world: World):
    Trigger.objects.update(enabled=False)
    seller = world.seller()
    world.sale(seller)
    world.hear()
    assert world.open_payables(seller) == []
    trigger = Trigger.objects.get(process__name="payout-process", transition="transition/mark-received")
    world.second("trigger_change", {"trigger": trigger.pk, "enabled": True})
    world.understand()
    assert world.open_payables(seller) == [9_000]


def test_interpreting_again_changes_nothing(world: World):
    seller = world.seller()
    transaction = world.sale(seller)
    world.refund(transaction, amount=2_500)
    world.hear()
    before = list(Payable.objects.order_by("pk").values()), Posting.objects.count()
    Source.objects.update(next_at=world.now)
    world.understand()
    assert (list(Payable.objects.order_by("pk").values()), Posting.objects.count()) == before


def test_dies_before_its_commit_and_owes_once(world: World):
    seller = world.seller()
    world.sale(seller)
    with world.crash_at("understand.before_commit"):
        world.hear()
    assert not Payable.objects.exists()
    world.understand()
    assert world.open_payables(seller) == [9_000]


def test_the_number_of_statements_does_not_grow_with_the_set(world: World, django_assert_max_num_queries):
    world.flex.post("/_sandbox/bulk", {"transactions": 60, "payees": 1, "state": "received"})
    world.hear()
    assert Payable.objects.count() == 60
    Source.objects.update(next_at=world.now)
    with django_assert_max_num_queries(20):
        assert interpreter.understand(limit=3, now=world.now) == 3
    with django_assert_max_num_queries(20):
        assert interpreter.understand(limit=57, now=world.now) == 57
