"""The marketplace's server hears the whole story of a payout, from the sale to the money that came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from payouts import holding, reconciling
from payouts.models import Hold, WebhookMessage, WebhookSubscription
from payouts.subscriptions import delivering, signing, subscribing
from payouts.subscriptions.events import EVENTS
from tests.stories.world import World
from tests.subscriptions.receiver import Got, Subscriber, subscriber


class Hearing:
    """What the marketplace's server heard."""

    def __init__(self, world: World, server: Subscriber) -> None:
        self.world, self.server = world, server
        self.subscription: WebhookSubscription = subscribing.add(
            by=world.alice, url=server.url, description="Shop", types=list(EVENTS), now=world.now
        )
        self._known = 0

    def new(self) -> list[str]:
        """Have everything delivered, and give the kinds of what is new, sorted."""
        delivering.deliver(limit=100, now=self.world.now)
        assert not WebhookMessage.objects.filter(delivered_at__isnull=True).exists()
        new, self._known = self.server.got[self._known :], len(self.server.got)
        [secret] = signing.secrets_of(self.subscription, now=self.world.now)
        return sorted(got.verified(secret)["type"] for got in new)

    def last(self, kind: str) -> Got:
        """The newest of a kind."""
        return [got for got in self.server.got if got.body["type"] == kind][-1]


@pytest.fixture
def heard(world: World) -> Iterator[Hearing]:
    """A subscription of the marketplace's server to everything."""
    with subscriber() as server:
        yield Hearing(world, server)


def test_from_the_sale_to_the_return(world: World, heard: Hearing) -> None:
    seller = world.seller()
    assert heard.new() == ["payout_method.changed"]
    transaction, payout = world.sold_and_approved(seller)
    assert heard.new() == ["payable.owed", "payout.approved"]
    owed = heard.last("payable.owed").body["data"]
    assert owed["payable"]["amount"] == {"units": "9000", "currency": "EUR", "exponent": 2}
    assert owed["transaction"]["id"] == transaction
    assert owed["seller"]["id"] == str(seller.flex_user_id)

    holding.hold(by=world.alice, payouts=[payout.pk], reason="Look.", now=world.now)
    assert heard.new() == ["payout.held"]
    ids = list(Hold.objects.filter(lifted_at__isnull=True).values_list("pk", flat=True))
    holding.lift(by=world.carol, hold_ids=ids, reason="Well.", now=world.now)
    world.send()
    world.until("paid", of=payout)
    assert heard.new() == ["payout.paid"]
    paid = heard.last("payout.paid").body["data"]
    assert (paid["payout"]["number"], paid["transactions"]) == (payout.number, [transaction])

    (debit,) = [entry for entry in world.paypal.ledger() if entry["kind"] == "debit"]
    world.paypal.post("/_sandbox/fresh", {"always": True})
    for units, back in ((2_500, "2500"), (6_500, "9000")):
        world.paypal.post("/_sandbox/return", {"reference": debit["reference"], "units": units})
        reconciling.reconcile_all(now=world.now)
        world.settle()
        assert heard.new() == ["payable.owed", "payout.returned"]
        returned = heard.last("payout.returned").body["data"]["payout"]
        assert returned["returned"]["units"] == back
        assert returned["sequence"] > paid["payout"]["sequence"]
    assert returned["state"] == "returned"
    world.assert_books_agree()


def test_of_a_bad_receiver_s_neighbours_only_good_news_is_heard(world: World, heard: Hearing) -> None:
    for n in range(3):
        world.sale(world.seller(f"good{n}@example.com"))
    world.sale(world.seller("invalid+bob@example.com"))
    world.decide()
    world.approve()
    world.send()
    ends = ["failed", "paid", "paid", "paid"]
    world.until_true(lambda: sorted(world.states().values()) == ends, seconds=30)
    assert Counter(heard.new()) == {
        "payout_method.changed": 4,
        "payable.owed": 4,
        "payout.approved": 4,
        "payout.paid": 3,
        "payout.failed": 1,
    }
    assert heard.last("payout.failed").body["data"]["refusal"] == "payee"


def test_what_was_put_off_is_not_approved_anew(world: World, heard: Hearing) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("rate_limit", match={"method": "POST", "path": "/v1/payments/payouts$"}, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    world.let_pass(minutes=5)
    world.send()
    world.until("paid", of=payout)
    assert Counter(heard.new())["payout.approved"] == 1


def test_a_refund_is_owed_less(world: World, heard: Hearing) -> None:
    transaction, _ = world.sold_and_approved(world.seller())
    heard.new()
    world.refund(transaction, amount=3_000)
    world.hear()
    assert heard.new() == ["payable.owed"]
    owed = heard.last("payable.owed").body["data"]
    assert int(owed["payable"]["amount"]["units"]) < 0
    assert owed["payable"]["original"] is not None
