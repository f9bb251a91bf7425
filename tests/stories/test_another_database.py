"""A database that was restored, copied or failed over sends nothing, and resends nothing, until it is accepted."""

from __future__ import annotations

import pytest

from payouts import holding, incarnation
from payouts.errors import Refused
from payouts.models import Incarnation
from tests.stories.world import CREATE, World

CHANGES = ["system_identifier", "timeline", "database_oid", "table_oid", "environment"]


def become_another(change: str) -> None:
    """What was accepted last is not this database any more."""
    assert incarnation.is_accepted()
    accepted = Incarnation.objects.order_by("-accepted_at")[0]
    before = getattr(accepted, change)
    Incarnation.objects.create(
        system_identifier=accepted.system_identifier if change != "system_identifier" else "4711",
        timeline=accepted.timeline + (change == "timeline"),
        database_oid=accepted.database_oid + (change == "database_oid"),
        table_oid=accepted.table_oid + (change == "table_oid"),
        environment="live" if change == "environment" else accepted.environment,
        accepted_by="test",
    )
    assert getattr(Incarnation.objects.order_by("-accepted_at")[0], change) != before


@pytest.mark.parametrize("change", CHANGES)
def test_it_sends_nothing_until_it_is_accepted(world: World, change: str) -> None:
    _, payout = world.sold_and_approved(world.seller())
    become_another(change)
    assert world.send() == 0
    assert world.created() == []
    incarnation.accept(by="test")
    world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_it_announces_nothing_until_it_is_accepted(world: World) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    become_another("timeline")
    world.reread()
    assert world.told(transaction) == {}
    incarnation.accept(by="test")
    world.reread()
    assert world.told(transaction)["reference"] == payout.number


def test_it_writes_nothing_back_until_it_is_accepted(world: World) -> None:
    """What it forgot may stand there: another payout, announced when the first one had failed."""
    transaction, _ = world.sold_and_approved(world.seller())
    world.send()
    become_another("timeline")
    world.tell()
    assert world.told(transaction)["status"] == "announced"
    incarnation.accept(by="test")
    world.tell()
    assert world.told(transaction)["status"] == "sent"


def test_it_does_not_send_again_what_is_unknown(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_before", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    become_another("table_oid")
    world.hear_back(rounds=3)
    payout.refresh_from_db()
    assert payout.state == "unknown"
    assert len(world.created()) == 1
    incarnation.accept(by="test")
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_it_stops_between_the_intent_and_the_call(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.reread()
    with world.meanwhile("send.after_intent", lambda: become_another("timeline")):
        world.transmit()
    payout.refresh_from_db()
    assert payout.state == "approved"
    assert world.created() == []
    incarnation.accept(by="test")
    world.let_pass(minutes=2)
    world.send()
    world.until("paid", of=payout)
    world.assert_books_agree()


def test_evidence_of_what_is_out_is_still_heard(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    world.send()
    become_another("database_oid")
    world.until("paid", of=payout)
    world.assert_books_agree()


def test_nobody_records_a_payment_by_hand_on_it(world: World) -> None:
    _, payout = world.sold_and_approved(world.seller())
    holding.hold(by=world.alice, payouts=[payout.pk], reason="By hand.", now=world.now)
    become_another("timeline")
    fields = {"payout": str(payout.pk), "document": "A bank statement"}
    with pytest.raises(Refused, match="after_restore"):
        world.ask_for("pay_by_hand", fields, by=world.carol)
    incarnation.accept(by="test")
    world.second("pay_by_hand", fields, by=world.carol)
    payout.refresh_from_db()
    assert payout.state == "paid"
