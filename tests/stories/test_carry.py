"""PayPal takes no fillér: what is rounded off a payout is owed with the next one."""

from __future__ import annotations

import pytest

from payouts import intervention
from payouts.models import Payable, Payout
from tests.stories.world import World


@pytest.fixture
def forints(world: World) -> World:
    world.second("exponents_confirm", {"exponents": {"HUF": 2}})
    world.second("threshold_set", {"currency": "HUF", "units": "100000000"})
    limit = {"user": str(world.carol.pk), "currency": "HUF", "units": "100000000", "window_hours": 24}
    world.second("limit_set", limit)
    return world


def test_the_rest_goes_out_with_the_next_sale(forints: World) -> None:
    world = forints
    seller = world.seller()
    world.sale(seller, price=123_456, currency="HUF", provider_percent=0)
    world.decide()
    payout = Payout.objects.get()
    assert payout.debt_units == 123_400
    assert sum(int(line.units) for line in payout.lines.all()) == 123_400
    world.approve()
    world.send()
    world.until("paid")
    assert world.moved() == {"HUF": 1_234}  # PayPal counts whole forints
    assert world.balance(f"owed:{seller.pk}") == -56

    world.sale(seller, price=100_044, currency="HUF", provider_percent=0)
    world.decide()
    assert Payout.objects.latest("created_at").debt_units == 100_100
    world.approve()
    world.send()
    world.until("paid")
    assert world.balance(f"owed:{seller.pk}") == 0
    assert not Payable.objects.filter(settled="").exists()


def test_a_payout_that_is_let_go_takes_its_rest_back(forints: World) -> None:
    world = forints
    seller = world.seller()
    world.sale(seller, price=123_456, currency="HUF", provider_percent=0)
    world.decide()
    first = Payout.objects.get()
    intervention.cancel(by=world.carol, payout_ids=[first.pk], reason="Try again.", now=world.now)
    world.decide()
    second = Payout.objects.latest("created_at")
    assert (second.pk != first.pk, second.debt_units) == (True, 123_400)
    assert world.balance(f"owed:{seller.pk}") == -56
    assert sum(int(row.units) for row in seller.payables.filter(settled="")) == 56
