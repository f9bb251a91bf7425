"""The demo's staff find their rows on whatever page of a list these stand."""

from __future__ import annotations

import pytest

from demo.browser import Desk, Refused
from payouts.models import Hold
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(live_server):
    factories.StaffFactory.create(email="operator@office.example", roles=["operator"])
    return Desk(web=live_server.url, email="operator@office.example", password=factories.PASSWORD)


def test_finds_rows_on_every_page(desk):
    payouts = factories.PayoutFactory.create_batch(105)
    oldest, newest = payouts[0], payouts[-1]
    done = desk.act("payouts/payout", "hold", [oldest.pk, newest.pk], query="state=all", reason="Wait")
    assert done == 2
    assert set(Hold.objects.values_list("payout_id", flat=True)) == {oldest.pk, newest.pk}


def test_says_what_is_in_no_list(desk):
    payout = factories.PayoutFactory.create(state="paid")
    with pytest.raises(Refused, match="1 rows to hold are not in the list"):
        desk.act("payouts/payout", "hold", [payout.pk], query="state=pending", reason="Wait")
