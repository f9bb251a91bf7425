"""What the account's owner moves, and what PayPal exchanges for us, is booked from its list and stops nothing."""

from __future__ import annotations

from payouts import reconciling, three_books
from payouts.invariants import running
from payouts.models import Incident, Posting
from tests.stories.books import balances
from tests.stories.world import World

KINDS = ("fund", "withdraw", "convert")


def reconcile(world: World) -> None:
    """Compare with PayPal's list as it is now, twice: the second time there is nothing new."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    world.paypal.advance(5)
    for _ in range(2):
        (result,) = reconciling.reconcile_all(now=world.now)
        assert (result.error, result.opened, list(result.differences)) == ("", 0, [])
    assert Incident.objects.count() == 0
    assert three_books.check(now=world.now).ok
    asked = running.check(since=None, now=world.now)
    assert not [f"{found}" for one in asked for found in one.found]


def posted() -> list[tuple[str, str, str, str, int]]:
    rows = Posting.objects.filter(kind__in=KINDS).order_by("pk")
    return [(p.kind, p.debit, p.credit, p.currency, int(p.units)) for p in rows]


def test_a_withdrawal_is_the_owners_affair(world: World) -> None:
    world.sold_and_approved(world.seller())
    world.send()
    world.until("paid")
    # The sandbox lists the difference as a withdrawal to the bank, or as a top-up.
    world.paypal.post("/_sandbox/funds", {"currency": "USD", "units": 50_000})
    before = balances()
    world.paypal.post("/_sandbox/funds", {"currency": "USD", "units": 20_000})
    world.paypal.post("/_sandbox/funds", {"currency": "USD", "units": 25_000})
    reconcile(world)
    assert before["provider_cash:paypal", "EUR"] == balances()["provider_cash:paypal", "EUR"]
    assert sorted((kind, debit, credit, units) for kind, debit, credit, currency, units in posted())[:2] == [
        ("fund", "provider_cash:paypal", "owner_funding", 5_000),
        ("withdraw", "owner_funding", "provider_cash:paypal", 30_000),
    ]
    assert {row[3] for row in posted()} == {"USD"}
    assert len(posted()) == 3


def test_a_conversion_is_booked_in_both_currencies(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("convert", value="USD", times=1)
    world.send()
    world.until("paid")
    reconcile(world)
    given, taken = sorted(posted(), key=lambda row: row[1])
    assert given[:4] == ("convert", "fx:paypal", "provider_cash:paypal", "USD")
    assert taken == ("convert", "provider_cash:paypal", "fx:paypal", "EUR", 9_000)
    books = balances()
    # What was sent came out of dollars: the euros came in by the exchange and left with the payout.
    assert books["fx:paypal", "USD"] == given[4] > 0
    assert books["fx:paypal", "EUR"] == -9_000
    assert books["provider_cash:paypal", "EUR"] == -books["fees:paypal", "EUR"]
    assert payout.sent_currency == "EUR"
