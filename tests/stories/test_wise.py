"""A seller is paid to a bank account through Wise, in five steps; whatever goes wrong in any of them, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from accounts.models import Payee
from payouts import choosing, intervention, webhook_addresses
from payouts.method_changes import Author
from payouts.models import Attempt, Batch, Hold, Payable, Payout
from payouts.providers import registry
from tests.sandbox_services import SandboxService
from tests.stories import wise_world
from tests.stories.test_sender_died import POINTS
from tests.stories.test_webhooks import poll_nothing, wait, work
from tests.stories.wise_world import FUND, QUOTE, REQUIREMENTS, TRANSFER, agreed, moved, seller, steps
from tests.stories.world import World

wise, staffed = wise_world.wise, wise_world.staffed

ALL = ["quote", "recipient", "requirements", "transfer", "fund"]
LOST = ["drop_before", "drop_after", "error_before", "error_after"]


def find_out(world: World) -> None:
    """Let the leases run out and ask about what nobody knows the end of."""
    world.lease_is_over()
    world.hear_back()


def paid_once(world: World, wise: SandboxService, payout: Payout) -> None:
    """Whatever happened: it ends as paid, one debit left us, and the books agree with Wise's."""
    find_out(world)
    payout.refresh_from_db()
    if payout.state in ("approved", "submitting"):
        world.let_pass(minutes=2)
        world.send()
    world.until("paid", of=payout)
    assert moved(wise) == [9_000]
    agreed(world, wise)


def test_a_seller_is_paid_in_five_steps(world: World, wise: SandboxService) -> None:
    transaction, payout = world.sold_and_approved(seller(world))
    assert world.send() == 1
    assert steps(payout) == [(name, "accepted") for name in ALL]
    world.until("paid", of=payout)
    assert (moved(wise), moved(wise, "fee")) == ([9_000], [39])
    assert world.balance("fees:wise") == 39
    assert world.told(transaction)["status"] == "paid"
    agreed(world, wise)


def test_a_seller_chooses_wise_by_its_own_form(world: World, wise: SandboxService) -> None:
    payee = world.seller("anna@example.com", method=False)
    asked = choosing.form(payee, provider="wise", values={"currency": "EUR"}, country="DE")
    values = {"accountHolderName": "Anna Lehmann", "legalType": "PRIVATE", "IBAN": wise_world.IBAN}
    assert set(values) <= {one.name for one in asked.fields}  # type: ignore[union-attr]
    chosen = choosing.choose(
        payee,
        provider="wise",
        values={"currency": "EUR", **values},
        country="DE",
        by=Author(None, "session"),
        now=world.now,
    )
    assert chosen.method.masked == "EUR account ••••3000"
    assert chosen.method.verified_at is not None
    _, payout = world.sold_and_approved(payee)
    world.send()
    world.until("paid", of=payout)
    agreed(world, wise)


@pytest.mark.parametrize("path", [QUOTE, REQUIREMENTS, TRANSFER, FUND], ids=lambda path: path[-14:-1])
@pytest.mark.parametrize("kind", LOST)
def test_an_answer_that_is_lost_is_found_out(
    world: World, wise: SandboxService, kind: str, path: str
) -> None:
    _, payout = world.sold_and_approved(seller(world))
    wise.fault(kind, times=1, match={"path": path, "method": "POST"})
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    paid_once(world, wise, payout)
    assert Attempt.objects.count() == 1, "the same key all the way"


def test_a_funding_that_was_taken_is_found_by_what_was_paid_in(world: World, wise: SandboxService) -> None:
    """Nothing may be sent again, since the payee has another bank account by now: it is only looked for."""
    payee = seller(world)
    _, payout = world.sold_and_approved(payee)
    wise.fault("drop_after", times=1, match={"path": FUND})
    world.send()
    wise_world.pay_to(world, payee, "Anna Meyer")
    tried = Batch.objects.get().transmissions
    find_out(world)
    assert Batch.objects.get().transmissions == tried
    paid_once(world, wise, payout)


@pytest.mark.parametrize("nth", [1, 4, 5], ids=["quote", "transfer", "fund"])
@pytest.mark.parametrize("point", POINTS[2:])
def test_a_sender_that_died_is_taken_over(world: World, wise: SandboxService, point: str, nth: int) -> None:
    _, payout = world.sold_and_approved(seller(world))
    world.reread()
    with world.crash_at(point, nth=nth):
        world.transmit()
    # While its lease runs, nobody else touches it.
    before = len(moved(wise))
    world.hear_back()
    assert len(moved(wise)) == before
    paid_once(world, wise, payout)
    assert Attempt.objects.count() == 1


def test_a_quote_that_is_over_is_replaced(world: World, wise: SandboxService) -> None:
    _, payout = world.sold_and_approved(seller(world))
    wise.fault("quote_expired", times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved", "it goes out with a new quote, under a new key"
    world.let_pass(minutes=2)
    paid_once(world, wise, payout)
    assert steps(payout)[3:6] == [("transfer", "refused"), ("quote", "accepted"), ("recipient", "accepted")]


def test_a_quote_that_is_over_while_nobody_knows(world: World, wise: SandboxService) -> None:
    """The transfer went unanswered and was never made; when it is sent again its quote is over."""
    _, payout = world.sold_and_approved(seller(world))
    wise.fault("drop_before", times=1, match={"path": TRANSFER, "method": "POST"})
    world.send()
    wise.advance(3600)
    find_out(world)
    payout.refresh_from_db()
    assert payout.state == "approved"
    world.let_pass(minutes=2)
    paid_once(world, wise, payout)


def test_another_amount_than_ours_is_never_taken_for_paid(world: World, wise: SandboxService) -> None:
    _, payout = world.sold_and_approved(seller(world))
    wise.fault("wrong_echo", match={"path": r"/v1/transfers/\d+$", "method": "GET"})
    world.send()
    world.hear_back(rounds=3)
    payout.refresh_from_db()
    assert (payout.state, world.incidents()) == ("submitted", ["wrong_echo"])
    wise.delete("/_sandbox/faults")
    world.until("paid", of=payout)
    assert moved(wise) == [9_000]


def test_a_bank_account_that_changed_at_wise_is_not_paid(world: World, wise: SandboxService) -> None:
    _, payout = world.sold_and_approved(seller(world))
    wise.fault("recipient_changed", times=1)
    world.send()
    payout.refresh_from_db()
    assert (payout.state, moved(wise)) == ("failed", [])
    agreed(world, wise)


def test_funds_that_are_short_are_topped_up(world: World, wise: SandboxService) -> None:
    _, payout = world.sold_and_approved(seller(world))
    wise.post("/_sandbox/funds", {"currency": "EUR", "units": 9_038})  # the fee is missing
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    assert Hold.objects.filter(lifted_at=None, rail="provider:wise").count() == 1
    assert world.transmit() == 0

    wise.post("/_sandbox/funds", {"currency": "EUR", "units": 100_000})
    world.lift_our_holds()
    world.let_pass(minutes=2)
    world.send()
    paid_once(world, wise, payout)
    assert Attempt.objects.count() == 1
    assert steps(payout) == [(name, "accepted") for name in ALL], "the very transfer that stood there"


def test_strong_authentication_is_done_on_wise_com(world: World, wise: SandboxService) -> None:
    _, payout = world.sold_and_approved(seller(world))
    wise.fault("sca")
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    wise.post("/_sandbox/pay", {"reference": world.attempt(payout).key})
    wise.delete("/_sandbox/faults")
    world.lift_our_holds()
    world.let_pass(minutes=2)
    world.send()
    paid_once(world, wise, payout)


def test_a_part_that_comes_back_after_it_was_paid_is_owed_again(world: World, wise: SandboxService) -> None:
    payee = seller(world)
    _, payout = world.sold_and_approved(payee)
    world.send()
    world.until("paid", of=payout)
    for units, total in ((2_000, 2_000), (1_000, 3_000)):
        wise.post("/_sandbox/return", {"reference": world.attempt(payout).key, "units": units})
        world.hear_back(rounds=2)
        payout.refresh_from_db()
        assert (payout.state, payout.returned_units) == ("paid", total)
    again = Payable.objects.filter(payee=payee, purpose="returned").order_by("created_at")
    assert [(int(row.units), row.waits_for) for row in again] == [(2_000, "returned"), (1_000, "returned")]
    agreed(world, wise)
    payout.refresh_from_db()
    assert payout.returned_units == 3_000, "Wise's statement shows the same parts, and adds nothing"


def test_what_bounces_is_owed_again_only_once_it_is_back(world: World, wise: SandboxService) -> None:
    payee = seller(world)
    _, payout = world.sold_and_approved(payee)
    world.send()
    world.until("paid", of=payout)
    wise.post("/_sandbox/fate", {"reference": world.attempt(payout).key, "status": "bounced_back"})
    world.hear_back(rounds=2)
    payout.refresh_from_db()
    assert payout.state == "paid"
    assert not Payable.objects.filter(purpose="returned").exists()

    wise.post("/_sandbox/fate", {"reference": world.attempt(payout).key, "status": "funds_refunded"})
    world.until("returned", of=payout)
    assert Payable.objects.get(payee=payee, purpose="returned").units == 9_000
    agreed(world, wise)


def test_what_bounces_may_be_sent_again_by_wise(world: World, wise: SandboxService) -> None:
    _, payout = world.sold_and_approved(seller(world, "Resent Rita"))
    world.send()
    world.until("paid", of=payout)
    world.hear_back(rounds=5)
    payout.refresh_from_db()
    assert (payout.state, moved(wise)) == ("paid", [9_000])
    agreed(world, wise)


@pytest.fixture
def listening(world: World, wise: SandboxService, live_server: Any) -> Iterator[None]:
    """Our address, subscribed at Wise, which tries it at once."""
    address = f"{live_server.url}/webhooks/wise/{webhook_addresses.token('wise')}/"
    provider: Any = registry.get("wise")
    assert provider.register_webhook(address)
    yield
    connections.close_all()


def hear_until(world: World, payout: Payout, state: str) -> None:
    """Let nothing be asked about but what a webhook hurries, until the payout stands in a state."""

    def is_there() -> bool:
        work(world)
        payout.refresh_from_db()
        return payout.state == state

    wait(is_there)


@pytest.mark.usefixtures("listening")
def test_a_seller_is_paid_without_any_polling(world: World, wise: SandboxService) -> None:
    _, payout = world.sold_and_approved(seller(world))
    wise.fault("webhook_forge")
    world.send()
    poll_nothing(world)
    hear_until(world, payout, "paid")
    agreed(world, wise)


@pytest.mark.usefixtures("listening")
def test_a_webhook_tells_what_became_of_a_funding(world: World, wise: SandboxService) -> None:
    """It names the transfer alone, which only the step that made it knows of yet."""
    _, payout = world.sold_and_approved(seller(world))
    wise.fault("drop_after", times=1, match={"path": FUND})
    world.send()
    poll_nothing(world)
    hear_until(world, payout, "paid")
    assert Batch.objects.get().transmissions == 5, "nothing was sent again"
    agreed(world, wise)


def prepared_and_short(world: World, wise: SandboxService) -> tuple[Payee, Payout]:
    """Have a transfer prepared that our balance cannot pay."""
    payee = seller(world)
    _, payout = world.sold_and_approved(payee)
    wise.fault("insufficient_funds", times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    return payee, payout


def test_what_was_prepared_for_a_former_account_is_taken_back(world: World, wise: SandboxService) -> None:
    payee, payout = prepared_and_short(world, wise)
    former = world.attempt(payout)
    wise_world.pay_to(world, payee, "Anna Meyer")
    world.tell()
    with pytest.raises(RuntimeError):  # nobody can pay it on wise.com any more
        wise.post("/_sandbox/pay", {"reference": former.key})
    assert world.incidents() == []
    world.lift_our_holds()
    agreed(world, wise)


def test_what_somebody_paid_meanwhile_is_not_paid_again_unseen(world: World, wise: SandboxService) -> None:
    payee, payout = prepared_and_short(world, wise)
    wise.post("/_sandbox/pay", {"reference": world.attempt(payout).key})
    wise.advance(10)
    wise_world.pay_to(world, payee, "Anna Meyer")
    world.tell()
    assert world.incidents() == ["contradiction"]
    assert Hold.objects.filter(payee=payee, lifted_at=None).exists()


def test_what_somebody_cancelled_on_wise_com_is_let_go(world: World, wise: SandboxService) -> None:
    """The funding that is tried once more is refused for the transfer's state: the transfer itself tells why."""
    payee, payout = prepared_and_short(world, wise)
    registry.get("wise").cancel(world.attempt(payout).reference)
    world.lift_our_holds()
    world.let_pass(minutes=2)
    world.send()
    world.until("cancelled", of=payout)
    assert moved(wise) == []
    assert world.open_payables(payee) == [9_000]
    agreed(world, wise)


def test_a_rejection_that_nobody_knows_fails_and_leaves_nothing_to_be_paid(
    world: World, wise: SandboxService
) -> None:
    _, payout = world.sold_and_approved(seller(world))
    wise.fault("reject_fund", value="transfer.full-moon", times=1)
    world.send()
    payout.refresh_from_db()
    assert (payout.state, world.attempt(payout).refusal_class) == ("failed", "unclassified")
    world.tell()
    done = intervention.retry(by=world.bob, payout_ids=[payout.pk], reason="Asked Wise.", now=world.now)
    assert done.done == [payout.number]
    world.let_pass(minutes=2)
    world.send()
    world.until("paid", of=payout)
    assert moved(wise) == [9_000]
    made = Attempt.objects.order_by("n").values_list("reference", flat=True)
    standing = [registry.get("wise").fetch(reference).raw_status for reference in made]
    assert standing == ["cancelled", "outgoing_payment_sent"]
    agreed(world, wise)


# Where our token may not fund ------------------------------------------------------------------------------------


def test_what_is_prepared_waits_until_somebody_pays_it_on_wise_com(
    world: World, staffed: SandboxService
) -> None:
    _, payout = world.sold_and_approved(seller(world))
    world.send()
    assert steps(payout) == [(name, "accepted") for name in ALL[:-1]]
    world.hear_back(rounds=2)
    payout.refresh_from_db()
    attempt = world.attempt(payout)
    assert (payout.state, attempt.status, attempt.debited) == ("submitted", "awaiting_funding", False)
    assert moved(staffed) == []

    staffed.post("/_sandbox/pay", {"reference": attempt.key})
    world.until("paid", of=payout)
    assert moved(staffed) == [9_000]
    agreed(world, staffed)


def test_what_is_prepared_can_be_taken_back(world: World, staffed: SandboxService) -> None:
    payee = seller(world)
    _, payout = world.sold_and_approved(payee)
    world.send()
    world.hear_back(rounds=2)
    asked = intervention.cancel(by=world.bob, payout_ids=[payout.pk], reason="Wrong month.", now=world.now)
    assert asked.asked == [payout.number]
    world.until("cancelled", of=payout)
    assert moved(staffed) == []
    assert world.open_payables(payee) == [9_000]
    agreed(world, staffed)


def test_what_nobody_pays_is_cancelled_by_wise_and_gathered_again(
    world: World, staffed: SandboxService
) -> None:
    payee = seller(world)
    _, payout = world.sold_and_approved(payee)
    world.send()
    world.hear_back()
    staffed.advance(15 * 86_400)
    world.until("cancelled", of=payout)
    assert world.open_payables(payee) == [9_000]
    agreed(world, staffed)


@pytest.mark.parametrize("kind", LOST)
def test_a_transfer_whose_answer_is_lost_is_prepared_once(
    world: World, staffed: SandboxService, kind: str
) -> None:
    _, payout = world.sold_and_approved(seller(world))
    staffed.fault(kind, times=1, match={"path": TRANSFER, "method": "POST"})
    world.send()
    find_out(world)
    world.hear_back()
    payout.refresh_from_db()
    assert payout.state == "submitted"
    staffed.post("/_sandbox/pay", {"reference": world.attempt(payout).key})
    paid_once(world, staffed, payout)
