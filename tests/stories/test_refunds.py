"""A buyer gets a part back, or all of it: before the payout, on its way, and after it was paid."""

from __future__ import annotations

import pytest

from payouts import intervention
from payouts.models import Payable, Payout
from tests.stories.world import World


def paid(world: World, **sale: int) -> tuple[str, Payout]:
    """Have a sale paid out."""
    transaction, payout = world.sold_and_approved(world.seller(), **sale)
    world.send()
    world.until("paid", of=payout)
    return transaction, payout


def decide(world: World, decision: str) -> None:
    """Have two people decide the one clawback."""
    row = Payable.objects.get(waits_for="clawback")
    world.second("clawback_decide", {"payable": str(row.pk), "decision": decision})


def test_a_refund_before_anything_was_gathered(world: World) -> None:
    transaction = world.sale(world.seller())
    world.hear()
    world.refund(transaction, amount=3_000)
    world.decide()
    payout = world.payout()
    assert payout.debt_units == 6_300
    assert payout.lines.count() == 2
    world.approve()
    world.send()
    world.until("paid")
    assert world.moved() == {"EUR": 6_300}
    world.assert_books_agree()


def test_two_refunds_before_the_payout_is_approved(world: World) -> None:
    transaction = world.sale(world.seller())
    world.decide()
    world.refund(transaction, amount=1_000)
    world.decide()
    world.refund(transaction, amount=1_000)
    world.decide()
    assert Payout.objects.filter(state="cancelled").count() == 2
    payout = world.payout(state="awaiting_approval")
    assert payout.debt_units == 7_200
    world.assert_books_agree()
    world.approve()
    world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 7_200}
    world.assert_books_agree()


def test_a_full_refund_before_the_payout_settles_the_group_without_one(world: World) -> None:
    transaction = world.sale(world.seller())
    world.decide()
    world.transition(transaction, "operator-refund")
    world.decide()
    assert set(Payable.objects.values_list("settled", flat=True)) == {"zero"}
    assert Payout.objects.exclude(state="cancelled").count() == 0
    world.assert_books_agree()


def test_a_refund_while_the_payout_is_being_sent(world: World) -> None:
    """From the intent on it is too late to let go: it becomes a clawback, and the payout goes out as approved."""
    transaction, payout = world.sold_and_approved(world.seller())
    world.reread()

    def refund() -> None:
        world.refund(transaction, amount=2_000)
        world.hear()

    with world.meanwhile("send.after_intent", refund):
        world.transmit()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    assert int(Payable.objects.get(waits_for="clawback").units) == -1_800
    assert world.balance(f"receivable:{payout.payee_id}") == 1_800
    world.assert_books_agree()


@pytest.mark.parametrize("state", ["submitted", "unknown"])
def test_a_refund_while_nobody_knows_yet(world: World, state: str) -> None:
    from tests.stories.world import CREATE

    transaction, payout = world.sold_and_approved(world.seller())
    if state == "unknown":
        world.paypal.fault("drop_after", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == state
    world.transition(transaction, "operator-refund")
    world.hear()
    payout.refresh_from_db()
    assert payout.state == state
    # What nobody knows is not sent again after a refund; PayPal's list says that it was taken.
    world.paypal.post("/_sandbox/fresh", {"always": True})
    world.let_pass(minutes=5)
    world.until("paid", of=payout)
    assert int(Payable.objects.get(waits_for="clawback").units) == -9_000
    world.assert_books_agree()


@pytest.mark.parametrize("decision", ["net", "write_off", "repaid"])
def test_a_refund_after_the_payout_waits_for_a_decision(world: World, decision: str) -> None:
    transaction, payout = paid(world)
    seller = payout.payee
    world.refund(transaction, amount=2_000)
    world.decide()
    assert Payout.objects.count() == 1
    assert world.balance(f"receivable:{seller.pk}") == 1_800
    world.assert_books_agree()

    # The next sale is paid in full as long as nobody has decided.
    _, second = world.sold_and_approved(seller, price=1_000)
    assert second.debt_units == 900
    world.send()
    world.until("paid", of=second)

    decide(world, decision)
    world.assert_books_agree()
    world.sale(seller, price=5_000)
    world.decide()
    third = world.payout(state="awaiting_approval")
    assert third.debt_units == (2_700 if decision == "net" else 4_500)
    world.approve()
    world.send()
    world.until("paid", of=third)
    assert world.balance(f"receivable:{seller.pk}") == 0
    assert world.balance("write_off") == (1_800 if decision == "write_off" else 0)
    assert world.moved() == {"EUR": 9_000 + 900 + int(third.debt_units)}
    world.assert_books_agree()


def test_a_netted_clawback_waits_until_there_is_enough_to_net_it_against(world: World) -> None:
    transaction, payout = paid(world)
    seller = payout.payee
    world.transition(transaction, "operator-refund")
    world.decide()
    decide(world, "net")
    world.decide()
    assert Payout.objects.count() == 1
    assert Payable.objects.get(decided__startswith="net").blocked_by == "negative"
    world.sale(seller, price=4_000)
    world.decide()
    assert Payout.objects.count() == 1
    world.assert_books_agree()
    world.sale(seller, price=10_000)
    world.decide()
    assert world.payout(state="awaiting_approval").debt_units == 3_600
    world.assert_books_agree()


def test_what_is_netted_to_the_cent_is_settled_without_a_payout(world: World) -> None:
    transaction, payout = paid(world)
    seller = payout.payee
    world.transition(transaction, "operator-refund")
    world.decide()
    decide(world, "net")
    world.sale(seller, price=10_000)
    world.decide()
    assert Payout.objects.count() == 1
    assert world.open_payables(seller) == []
    assert world.balance(f"receivable:{seller.pk}") == 0
    assert world.balance(f"owed:{seller.pk}") == 0
    world.assert_books_agree()


def test_a_payout_with_a_netted_clawback_can_be_let_go(world: World) -> None:
    transaction, payout = paid(world)
    world.refund(transaction, amount=2_000)
    world.decide()
    decide(world, "net")
    world.sale(payout.payee, price=5_000)
    world.decide()
    netted = world.payout(state="awaiting_approval")
    intervention.cancel(by=world.carol, payout_ids=[netted.pk], reason="Not now.", now=world.now)
    assert world.balance(f"receivable:{payout.payee_id}") == 1_800
    world.assert_books_agree()
    world.decide()
    again = world.payout(state="awaiting_approval")
    assert again.debt_units == 2_700
    world.approve()
    world.send()
    world.until("paid", of=again)
    world.assert_books_agree()


def test_a_refund_after_the_payout_that_is_taken_back(world: World) -> None:
    """The seller was paid 90; what was taken back and given again must not be paid a second time."""
    transaction, payout = paid(world)
    lines = world.truth(transaction)["resource"]["attributes"]["lineItems"]
    for line in lines:
        line.pop("lineTotal", None)
    world.refund(transaction, amount=2_000)
    world.decide()
    assert world.balance(f"receivable:{payout.payee_id}") == 1_800
    asked = {"lineItems": lines, "transition": "transition/operator-adjust"}
    world.flex.post(f"/_sandbox/transactions/{transaction}/lines", asked)
    world.decide()
    world.approve()
    world.send()
    world.hear_back(rounds=2)
    assert world.moved() == {"EUR": 9_000}
    assert Payout.objects.count() == 1
    world.assert_books_agree()


def test_a_smaller_clawback_after_part_of_the_refund_is_taken_back(world: World) -> None:
    transaction, payout = paid(world)
    lines = world.truth(transaction)["resource"]["attributes"]["lineItems"]
    world.refund(transaction, amount=5_000)
    world.decide()
    for line in lines:
        line.pop("lineTotal", None)
        line["unitPrice"]["amount"] = 8_000
    asked = {"lineItems": lines, "transition": "transition/operator-adjust"}
    world.flex.post(f"/_sandbox/transactions/{transaction}/lines", asked)
    world.decide()
    # 72 of the 90 that were paid are owed: 18 are to come back, and nothing goes out.
    assert Payout.objects.count() == 1
    assert world.balance(f"receivable:{payout.payee_id}") + world.balance(f"owed:{payout.payee_id}") == 1_800
    world.assert_books_agree()
