"""Money that left behind our back stands on suspense until two people say what it was."""

from __future__ import annotations

import pytest

from marketplace_payouts.lib.ids import uuid7
from marketplace_payouts.lib.money import Money
from payouts import ledger, requests
from payouts.errors import Refused
from payouts.ledger import Draft
from tests.stories.world import World

EXPLAINED = {
    "provider": "paypal",
    "currency": "EUR",
    "account": "owner_funding",
    "document": "Statement, line 7",
}


@pytest.fixture
def lost(world: World) -> World:
    draft = Draft("suspense", uuid7(), "suspense:paypal", "provider_cash:paypal", Money(1_500, "EUR"))
    ledger.post([draft], now=world.now)
    return world


def test_two_people_explain_it(lost: World) -> None:
    asked = requests.make(
        act="suspense_explain",
        by=lost.bob,
        payload={**EXPLAINED, "units": "1500"},
        reason="Found.",
        now=lost.now,
    )
    requests.second(request_id=asked.pk, by=lost.carol, now=lost.now)
    assert lost.balance("suspense:paypal") == 0
    assert lost.balance("owner_funding") == 1_500


@pytest.mark.parametrize("units", ["1501", "-1", "0"])
def test_never_more_than_is_there(lost: World, units: str) -> None:
    with pytest.raises(Refused):
        requests.make(
            act="suspense_explain",
            by=lost.bob,
            payload={**EXPLAINED, "units": units},
            reason="Try.",
            now=lost.now,
        )
