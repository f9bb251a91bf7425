"""The buyer's money: paid through a system of the marketplace's own, refunded, disputed, charged back, before and after
the seller was paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts.models import Marketplace, Payee
from marketplace_payouts.lib.ids import uuid7
from payments.models import PaymentIn
from payments.recording import Verdict
from payouts import gates, intervention
from payouts.models import Payable, Payout, Posting, Source
from tests.stories.test_refunds import decide, paid
from tests.stories.world import CREATE, PROCESS, World

CLAWBACK = {"waits_for": "clawback", "settled": ""}


@pytest.fixture
def own_checkout(world: World) -> World:
    """A marketplace whose buyers pay through a system of its own, which tells us."""
    world.switch_on(PROCESS, payment_transitions=[])
    return world


def losses() -> list[tuple[int, str, str]]:
    """What is booked of buyers' money gone back, oldest first."""
    rows = Payable.objects.filter(purpose="loss").order_by("pk")
    return [(int(row.units), row.waits_for, row.settled) for row in rows]


def why(world: World, payable: Payable) -> tuple[str, str, str]:
    """The first gate that stops a payable, and what staff and payee read."""
    answers = gates.explain_payables([payable.pk], now=world.now)[payable.pk]
    first = next(one for one in answers if not one.passed)
    return first.gate, first.sentence, first.for_payee


def pay_out(world: World, payout: Payout) -> None:
    """Approve and send, until it is paid."""
    world.approve(payout)
    world.send()
    world.until("paid", of=payout)


# --------------------------------------------------------------------------------------------------- paying


def test_the_seller_is_paid_once_the_buyer_has_paid_all_of_it(own_checkout: World) -> None:
    world = own_checkout
    transaction = world.sale(world.seller())
    world.decide()
    assert not Payout.objects.exists()
    row = Payable.objects.get()
    assert why(world, row) == (
        "payment_received",
        "No payment of the buyer is recorded: 100.00 EUR missing.",
        "The buyer's payment has not been confirmed yet.",
    )

    world.buyer(transaction, "failed", 10_000)
    world.buyer(transaction, "succeeded", 4_000)
    world.decide()
    assert not Payout.objects.exists()
    assert why(world, row)[1] == "The buyer's payment is not recorded in full: 60.00 EUR missing."

    world.buyer(transaction, "succeeded", 6_000, reference="pay-2")
    world.decide()
    pay_out(world, world.payout())
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_the_same_payment_told_again_and_otherwise_changes_nothing(own_checkout: World) -> None:
    world = own_checkout
    transaction = world.sale(world.seller())
    assert world.buyer(transaction, "succeeded", 5_000).verdict is Verdict.RECORDED
    assert world.buyer(transaction, "succeeded", 5_000).verdict is Verdict.KNOWN
    refused = world.buyer(transaction, "succeeded", 10_000)
    assert refused.verdict is Verdict.REFUSED
    world.decide()
    assert "50.00 EUR missing" in why(world, Payable.objects.get())[1]


def test_a_payment_that_is_told_before_its_transaction_is_known_counts_once_it_is(
    own_checkout: World,
) -> None:
    world = own_checkout
    transaction = world.sale(world.seller())
    world.buyer(transaction, "succeeded", 10_000)
    world.understand()
    waiting = PaymentIn.objects.get()
    assert waiting.next_at is not None
    assert waiting.next_at > world.now
    world.decide()
    assert world.payout().state == "awaiting_approval"
    world.let_pass(minutes=2)
    world.understand()
    waiting.refresh_from_db()
    assert waiting.next_at is None


def test_a_payment_for_a_transaction_that_never_comes_is_looked_at_ever_more_seldom(world: World) -> None:
    world.buyer(str(uuid7()), "succeeded", 10_000)
    waits = []
    for _ in range(9):
        world.understand()
        ahead = PaymentIn.objects.get().next_at
        assert ahead is not None
        waits.append(round((ahead - world.now).total_seconds() / 60))
        world.let_pass(minutes=waits[-1] + 1)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1, 60)


def test_a_refund_that_is_told_before_its_payment_counts_once_that_comes(own_checkout: World) -> None:
    world = own_checkout
    transaction = world.sale(world.seller())
    world.hear()
    world.buyer(transaction, "refunded", 3_000, reference="re-1")
    world.decide()
    assert losses() == []
    assert Payable.objects.get().blocked_by == "payment_received"
    world.buyer(transaction, "succeeded", 10_000)
    world.decide()
    assert losses() == [(-2_700, "clawback", "")]
    assert not Payout.objects.exists()
    world.assert_books_agree()


def test_what_stands_of_a_confirmed_payment_is_counted_once(world: World) -> None:
    """Sharetribe's confirming transition and the payment system tell of the same money: a refund is not hidden."""
    transaction = world.sale(world.seller())
    world.buyer(transaction, "succeeded", 10_000)
    world.decide()
    assert set(PaymentIn.objects.values_list("origin", flat=True)) == {"sharetribe", "checkout"}
    world.buyer(transaction, "refunded", 10_000, reference="re-1")
    world.hear()
    assert losses() == [(-9_000, "clawback", "")]
    world.assert_books_agree()


# ------------------------------------------------------------------------------------------- before it is sent


@pytest.mark.parametrize(
    ("outcome", "units", "part", "staff", "payee"),
    [
        ("refunded", 3_000, 2_700, "The buyer got 30.00 EUR back.", "The buyer got money back"),
        ("refunded", 10_000, 9_000, "The buyer got 100.00 EUR back.", "The buyer got money back"),
        ("disputed", 10_000, 9_000, "The buyer's bank disputes 100.00 EUR.", "The buyer's bank disputes"),
        ("charged_back", 9_999, 8_999, "The buyer's bank took 99.99 EUR back.", "The buyer's bank took"),
    ],
)
def test_money_that_goes_back_holds_the_sale_until_two_people_decide(
    world: World, outcome: str, units: int, part: int, staff: str, payee: str
) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    world.reread()
    world.buyer(transaction, outcome, units, reference="back-1")
    assert world.transmit() == 0, "it is held from the moment at which it is recorded"
    payout.refresh_from_db()
    assert payout.blocked_by == "payment_received"

    world.understand()
    payout.refresh_from_db()
    assert (payout.state, payout.reason) == ("cancelled", "Money of a buyer went back.")
    world.decide()
    assert Payout.objects.count() == 1
    assert losses() == [(-part, "clawback", "")]
    sale = Payable.objects.get(purpose="sale")
    gate, said, told = why(world, sale)
    assert (gate, sale.blocked_by) == ("payment_received", "payment_received")
    assert said.startswith(staff)
    assert said.endswith("decide the clawback.")
    assert told.startswith(payee)
    assert world.created() == []
    world.assert_books_agree()


@pytest.mark.parametrize(("decision", "left"), [("net", 6_300), ("write_off", 9_000), ("repaid", 9_000)])
def test_what_two_people_decide_is_paid(world: World, decision: str, left: int) -> None:
    transaction, _ = world.sold_and_approved(world.seller())
    world.buyer(transaction, "refunded", 3_000, reference="re-1")
    world.understand()
    decide(world, decision)
    world.decide()
    payout = world.payout(state="awaiting_approval")
    assert payout.debt_units == left
    world.assert_books_agree()
    pay_out(world, payout)
    assert world.moved() == {"EUR": left}
    assert world.balance("write_off") == (2_700 if decision == "write_off" else 0)
    assert world.balance(f"receivable:{payout.payee_id}") == 0
    world.assert_books_agree()


def test_all_of_it_gone_and_netted_leaves_nothing_to_pay(world: World) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    world.buyer(transaction, "charged_back", 10_000, reference="dp-1")
    world.understand()
    decide(world, "net")
    world.decide()
    assert Payout.objects.exclude(state="cancelled").count() == 0
    assert set(Payable.objects.values_list("settled", flat=True)) == {"zero"}
    assert world.balance(f"owed:{payout.payee_id}") == world.balance(f"receivable:{payout.payee_id}") == 0
    world.assert_books_agree()


def test_one_disputed_sale_does_not_keep_the_others_back(world: World) -> None:
    seller = world.seller()
    disputed = world.sale(seller)
    world.sale(seller, price=5_000)
    world.decide()
    assert world.payout().debt_units == 13_500
    world.approve()
    world.buyer(disputed, "disputed", 10_000, reference="dp-1")
    world.understand()
    world.decide()
    payout = world.payout(state="awaiting_approval")
    assert payout.debt_units == 4_500
    pay_out(world, payout)
    assert world.open_payables(seller) == [9_000, -9_000]
    world.assert_books_agree()


def test_a_dispute_that_is_won_lets_the_sale_go_by_itself(world: World) -> None:
    transaction, _ = world.sold_and_approved(world.seller())
    world.buyer(transaction, "disputed", 10_000, reference="dp-1")
    world.decide()
    world.let_pass(days=30)
    world.buyer(transaction, "dispute_won", 10_000, reference="dp-1")
    world.decide()
    assert losses() == [(-9_000, "clawback", "zero"), (9_000, "", "zero")]
    payout = world.payout(state="awaiting_approval")
    pay_out(world, payout)
    assert world.moved() == {"EUR": 9_000}
    assert world.balance(f"receivable:{payout.payee_id}") == 0
    world.assert_books_agree()


def test_a_dispute_that_is_lost_stays_what_it_was(world: World) -> None:
    transaction, _ = world.sold_and_approved(world.seller())
    world.buyer(transaction, "disputed", 10_000, reference="dp-1")
    world.decide()
    world.buyer(transaction, "charged_back", 10_000, reference="dp-1")
    world.decide()
    assert losses() == [(-9_000, "clawback", "")]
    assert why(world, Payable.objects.get(purpose="sale"))[1].startswith(
        "The buyer's bank took 100.00 EUR back."
    )
    world.assert_books_agree()


# ---------------------------------------------------------------------------- told by both: never taken twice


def refund_by_the_system(world: World, transaction: str) -> None:
    world.buyer(transaction, "refunded", 2_000, reference="re-1")


def refund_by_lines(world: World, transaction: str) -> None:
    world.refund(transaction, amount=2_000)


Tells = Callable[[World, str], None]
BOTH: list[Tells] = [refund_by_the_system, refund_by_lines]


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]], ids=["system first", "Sharetribe first"])
@pytest.mark.parametrize("between", [True, False], ids=["one by one", "together"])
def test_a_refund_told_by_both_before_the_payout_is_taken_once(
    world: World, order: list[Tells], between: bool
) -> None:
    transaction, _ = world.sold_and_approved(world.seller())
    for tell in order:
        tell(world, transaction)
        if between:
            world.decide()
    world.decide()
    # What Sharetribe shows is its own decision: nobody is asked.
    assert not Payable.objects.filter(**CLAWBACK).exists()
    payout = world.payout(state="awaiting_approval")
    assert payout.debt_units == 7_200
    pay_out(world, payout)
    assert world.moved() == {"EUR": 7_200}
    world.assert_books_agree()


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]], ids=["system first", "Sharetribe first"])
@pytest.mark.parametrize("decision", ["", "net", "write_off", "repaid"])
def test_a_refund_told_by_both_after_the_payout_is_taken_once(
    world: World, order: list[Tells], decision: str
) -> None:
    transaction, payout = paid(world)
    seller = payout.payee
    first, second = order
    first(world, transaction)
    world.decide()
    [waiting] = Payable.objects.filter(**CLAWBACK)
    assert int(waiting.units) == -1_800
    if decision:
        decide(world, decision)
    world.assert_books_agree()
    second(world, transaction)
    world.decide()
    world.assert_books_agree()
    again = Payable.objects.filter(**CLAWBACK)
    if not decision:
        assert [int(row.units) for row in again] == [-1_800]
    elif first is refund_by_the_system and decision == "write_off":
        # The marketplace had borne the system's refund; that Sharetribe now takes it off the sale is a new claim.
        assert [int(row.units) for row in again] == [-1_800]
        assert world.balance("write_off") == 0
    else:
        assert not again.exists()
    total = sum(int(row.units) for row in Payable.objects.filter(payee=seller))
    assert total == 7_200
    world.assert_books_agree()


# ------------------------------------------------------------------------------------------------ after it was paid


@pytest.mark.parametrize(
    ("outcome", "units", "part"), [("refunded", 2_000, 1_800), ("charged_back", 10_000, 9_000)]
)
@pytest.mark.parametrize("decision", ["net", "write_off", "repaid"])
def test_payment_refunded_and_charged_back_after_payout(
    world: World, outcome: str, units: int, part: int, decision: str
) -> None:
    transaction, payout = paid(world)
    seller = payout.payee
    world.buyer(transaction, outcome, units, reference="back-1")
    world.decide()
    assert Payout.objects.count() == 1
    assert losses() == [(-part, "clawback", "")]
    assert world.balance(f"receivable:{seller.pk}") == part
    world.assert_books_agree()

    # The next sale is paid in full as long as nobody has decided.
    _, second = world.sold_and_approved(seller, price=1_000)
    assert second.debt_units == 900
    world.send()
    world.until("paid", of=second)

    decide(world, decision)
    world.assert_books_agree()
    world.sale(seller, price=20_000)
    world.decide()
    third = world.payout(state="awaiting_approval")
    assert third.debt_units == 18_000 - (part if decision == "net" else 0)
    pay_out(world, third)
    assert world.balance(f"receivable:{seller.pk}") == 0
    assert world.balance("write_off") == (part if decision == "write_off" else 0)
    assert world.balance("provider_cash:manual") == (part if decision == "repaid" else 0)
    world.assert_books_agree()


def test_a_dispute_after_payout_waits_and_is_taken_back_when_it_is_won(world: World) -> None:
    transaction, payout = paid(world)
    world.buyer(transaction, "disputed", 10_000, reference="dp-1")
    world.decide()
    assert world.balance(f"receivable:{payout.payee_id}") == 9_000
    world.let_pass(days=40)
    world.buyer(transaction, "dispute_won", 10_000, reference="dp-1")
    world.decide()
    assert world.balance(f"receivable:{payout.payee_id}") == 0
    assert not Payable.objects.filter(settled="").exists()
    assert Payout.objects.count() == 1
    world.assert_books_agree()


def test_a_dispute_won_in_part_leaves_the_rest_to_be_decided(world: World) -> None:
    transaction, payout = paid(world)
    world.buyer(transaction, "disputed", 10_000, reference="dp-1")
    world.decide()
    world.buyer(transaction, "dispute_won", 6_000, reference="dp-1")
    world.decide()
    assert losses() == [(-9_000, "clawback", "zero"), (9_000, "", "zero"), (-3_600, "clawback", "")]
    assert world.balance(f"receivable:{payout.payee_id}") == 3_600
    world.assert_books_agree()


def test_what_the_seller_had_borne_is_owed_again_when_the_dispute_is_won(world: World) -> None:
    transaction, payout = paid(world)
    seller = payout.payee
    world.buyer(transaction, "disputed", 10_000, reference="dp-1")
    world.decide()
    decide(world, "net")
    world.sale(seller, price=20_000)
    world.decide()
    second = world.payout(state="awaiting_approval")
    assert second.debt_units == 9_000
    pay_out(world, second)
    world.buyer(transaction, "dispute_won", 10_000, reference="dp-1")
    world.decide()
    third = world.payout(state="awaiting_approval")
    assert third.debt_units == 9_000
    pay_out(world, third)
    assert world.moved() == {"EUR": 27_000}
    world.assert_books_agree()
    world.understand()
    assert Payout.objects.count() == 3


def test_what_the_marketplace_had_borne_is_no_loss_any_more_when_the_dispute_is_won(world: World) -> None:
    transaction, payout = paid(world)
    world.buyer(transaction, "disputed", 10_000, reference="dp-1")
    world.decide()
    decide(world, "write_off")
    assert world.balance("write_off") == 9_000
    world.buyer(transaction, "dispute_won", 10_000, reference="dp-1")
    world.decide()
    assert world.balance("write_off") == 0
    assert Posting.objects.filter(kind="recover").count() == 1
    assert Payout.objects.get() == payout
    assert not Payable.objects.filter(settled="").exists()
    world.assert_books_agree()


def test_a_refund_while_the_payout_is_being_sent_is_a_clawback(world: World) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    world.reread()

    def refund() -> None:
        world.buyer(transaction, "refunded", 2_000, reference="re-1")
        world.understand()

    with world.meanwhile("send.after_intent", refund):
        world.transmit()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    assert losses() == [(-1_800, "clawback", "")]
    world.assert_books_agree()


@pytest.mark.parametrize("outcome", ["refunded", "disputed"])
def test_it_is_not_sent_once_more_after_the_buyers_money_went_back(world: World, outcome: str) -> None:
    transaction, payout = world.sold_and_approved(world.seller())
    world.paypal.fault("drop_before", match={"method": "POST", "path": CREATE}, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    world.buyer(transaction, outcome, 10_000, reference="back-1")
    world.understand()
    world.let_pass(minutes=5)
    world.hear_back(rounds=3)
    assert world.moved() == {}
    assert losses() == [(-9_000, "clawback", "")]


# ------------------------------------------------------------------------------------------------ other triggers


def test_a_trigger_that_does_not_wait_for_the_payment_takes_it_as_paid(world: World) -> None:
    world.switch_on(PROCESS, requires_payment=False, payment_transitions=[])
    transaction, payout = paid(world)
    assert not PaymentIn.objects.exists()
    world.buyer(transaction, "charged_back", 10_000, reference="dp-1")
    world.decide()
    assert losses() == [(-9_000, "clawback", "")]
    # Sharetribe shows a refund of the same money: it is taken once.
    world.refund(transaction, amount=10_000)
    world.decide()
    assert [(int(row.units), row.purpose) for row in Payable.objects.filter(**CLAWBACK)] == [
        (-9_000, "change")
    ]
    assert world.balance(f"receivable:{payout.payee_id}") == 9_000
    assert sum(int(row.units) for row in Payable.objects.all()) == 0


def test_an_opening_item_whose_money_went_back_waits_for_both(world: World) -> None:
    Marketplace.objects.update(go_live_at=world.now + timedelta(days=1))
    transaction = world.sale(world.seller())
    world.buyer(transaction, "refunded", 3_000, reference="re-1")
    world.decide()
    world.let_pass(minutes=3)
    world.decide()
    sale = Payable.objects.get(purpose="sale")
    assert (sale.waits_for, losses()) == ("opening", [(-2_700, "clawback", "")])
    intervention.release_payables(by=world.carol, payable_ids=[sale.pk], reason="Not paid.", now=world.now)
    world.decide()
    assert not Payout.objects.exists()
    decide(world, "net")
    world.decide()
    assert world.payout().debt_units == 6_300
    world.assert_books_agree()


def test_hearing_and_counting_everything_again_changes_nothing(world: World) -> None:
    transaction, _ = paid(world)
    world.buyer(transaction, "refunded", 2_000, reference="re-1")
    world.decide()
    before = list(Payable.objects.values_list("pk", "units", "settled"))
    Source.objects.update(next_at=world.now)
    world.buyer(transaction, "refunded", 2_000, reference="re-1")
    world.decide()
    assert list(Payable.objects.values_list("pk", "units", "settled")) == before
    Payee.objects.update(next_gather_at=world.now)
    assert world.gather() == 0
