"""Paid through Payoneer: it takes many payments at once, says no more than that, and is asked for each by our key."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import connections
from django.db.models import F

from accounts.models import Payee
from payouts import choosing, intervention, reconciling, three_books, webhook_addresses
from payouts.models import Attempt, Batch, Hold, Payout, PayoutEvent, WebhookDelivery
from payouts.providers import registry
from payouts.providers.base import RefusalClass
from payouts.providers.offering import Hosted, HostedState
from payouts.providers.payoneer.destinations import payee_id_of
from sandbox.payoneer.signing import authorization
from tests.sandbox.test_payoneer import fill_in
from tests.sandbox_services import SandboxService
from tests.stories.books import disagreements
from tests.stories.test_sender_died import POINTS
from tests.stories.world import World

SUBMIT = {"method": "POST", "path": "/v4/programs/[^/]+/masspayouts"}
_LAG_S = 0.4
"""Longer than the sandbox lets a new payment lie before it is found."""
LOST = ["drop_after", "error_after", "html_body", "truncated_body"]


@pytest.fixture
def payoneer(
    world: World, payoneer_sandbox: SandboxService, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SandboxService]:
    """Payoneer, offered beside PayPal; what it does not find for three seconds is not there."""
    monkeypatch.setenv("PAYONEER_SETTLE_MINUTES", "0.05")
    registry.reset()
    yield payoneer_sandbox
    registry.reset()


def seller(world: World, payoneer: SandboxService, name: str = "anna") -> Payee:
    """Somebody whom Payoneer knows already."""
    payee = world.seller(f"{name}@example.com", method=False)
    payee_id = payee_id_of(str(payee.pk))
    payoneer.post("/_sandbox/payees", {"payee_id": payee_id, "status": "Active"})
    fields = {"payee": str(payee.pk), "provider": "payoneer", "checked": "Called the payee."}
    world.second("method_add", fields, secret={"payee_id": payee_id})
    return payee


def sold(world: World, payoneer: SandboxService, *names: str, price: int = 10_000) -> list[Payout]:
    """Sales of some sellers, each approved."""
    payees = [seller(world, payoneer, name) for name in names or ("anna",)]
    return [world.sold_and_approved(payee, currency="USD", price=price)[1] for payee in payees]


def moved(payoneer: SandboxService, kind: str = "debit") -> list[int]:
    return sorted(int(entry["units"]) for entry in payoneer.ledger() if entry["kind"] == kind)


def submissions(payoneer: SandboxService) -> list[list[str]]:
    """The references of each request for payments, in order."""
    asked = payoneer.get("/_sandbox/requests?method=POST&path=/v4/programs/")["requests"]
    bodies = [json.loads(one["body"]) for one in asked if one["target"].endswith("/masspayouts")]
    return [[payment["client_reference_id"] for payment in body["Payments"]] for body in bodies]


def states(*payouts: Payout) -> list[str]:
    for payout in payouts:
        payout.refresh_from_db()
    return [payout.state for payout in payouts]


def long_ago(**gone: float) -> None:
    """Let the last transmissions lie so much further back; what is new at Payoneer is to be found by then."""
    time.sleep(_LAG_S)
    Batch.objects.update(last_sent_at=F("last_sent_at") - timedelta(**gone))


def agreed(world: World, payoneer: SandboxService, *, incidents: int = 0) -> None:
    """The books agree with the money that moved, and the promises hold."""
    wrong = disagreements(flex=world.flex, provider=payoneer)
    assert not wrong, "\n".join(wrong)
    world.assert_promises_hold()
    assert reconciling.reconcile_all(now=world.now, only="payoneer") == []
    assert len(world.incidents()) == incidents
    assert three_books.check(now=world.now).ok


def retried(world: World, payout: Payout) -> None:
    """A person sends again what failed."""
    done = intervention.retry(by=world.bob, payout_ids=[payout.pk], reason="Try again.", now=world.now)
    assert done.done == [payout.number]
    world.let_pass(minutes=2)
    world.send()


# The way of the money --------------------------------------------------------------------------------------------


def test_a_seller_registers_with_payoneer_and_is_paid(world: World, payoneer: SandboxService) -> None:
    payee = world.seller(method=False)
    asked = choosing.form(payee, provider="payoneer", country="NG")
    assert isinstance(asked, Hosted)
    assert asked.state is HostedState.NOT_STARTED
    with pytest.raises(choosing.ChoiceRefused, match="Register with Payoneer"):
        choose(world, payee)

    link = choosing.open_link(payee, provider="payoneer", return_url="https://shop.example/", country="NG")
    fill_in(link.url)
    method = choose(world, payee)
    assert method.verified_at is not None
    assert choose(world, payee) == method

    world.let_pass(days=4)  # the cool-down of a new method
    transaction, payout = world.sold_and_approved(payee, currency="USD")
    assert world.send() == 1
    assert states(payout) == ["submitted"]
    world.until("paid", of=payout)
    assert world.told(transaction)["status"] == "paid"
    assert world.attempt(payout).movement_reference.isdigit()
    assert moved(payoneer) == [9_000]
    agreed(world, payoneer)


def choose(world: World, payee: Payee) -> Any:
    author = choosing.Author(user=world.alice, login="here")
    chosen = choosing.choose(payee, provider="payoneer", values={}, country="NG", by=author, now=world.now)
    return chosen.method


def test_many_are_paid_by_one_request_and_asked_for_one_by_one(
    world: World, payoneer: SandboxService
) -> None:
    payouts = sold(world, payoneer, "anna", "bert", "carla")
    assert world.send() == 3
    assert [len(one) for one in submissions(payoneer)] == [3]
    assert Batch.objects.get().reference == min(Attempt.objects.values_list("key", flat=True))
    world.until("paid")
    assert states(*payouts) == ["paid"] * 3
    assert moved(payoneer) == [9_000] * 3
    agreed(world, payoneer)
    # What is over is asked about more and more seldom, until the money cannot come back any more.
    assert Batch.objects.get().state == "closed"
    assert Batch.objects.get().next_at is not None


def test_what_is_not_found_right_after_the_submission_is_neither_lost_nor_failed(
    world: World, payoneer: SandboxService
) -> None:
    [payout] = sold(world, payoneer)
    payoneer.fault("reference_lag", seconds=600)
    world.send()
    world.hear_back(rounds=3)
    assert states(payout) == ["submitted"]
    payoneer.advance(600)
    world.until("paid", of=payout)
    assert len(submissions(payoneer)) == 1
    agreed(world, payoneer)


# An answer is lost after it accepted -----------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [*LOST, "failure_after"])
def test_a_submission_whose_answer_was_lost_is_found_and_not_sent_again(
    world: World, payoneer: SandboxService, fault: str
) -> None:
    payouts = sold(world, payoneer, "anna", "bert")
    match = {} if fault == "failure_after" else {"match": SUBMIT}
    payoneer.fault(fault, times=1, **match)
    world.send()
    assert states(*payouts) == ["unknown", "unknown"]
    assert world.send() == 0
    world.until("paid")
    assert len(submissions(payoneer)) == 1
    assert moved(payoneer) == [9_000, 9_000]
    agreed(world, payoneer)


def test_a_lost_answer_and_a_late_reference_together_pay_once(world: World, payoneer: SandboxService) -> None:
    [payout] = sold(world, payoneer)
    payoneer.fault("reference_lag", seconds=600)
    payoneer.fault("drop_after", match=SUBMIT, times=1)
    world.send()
    world.hear_back(rounds=3)
    assert states(payout) == ["unknown"]
    payoneer.advance(600)
    world.until("paid", of=payout)
    assert len(submissions(payoneer)) == 1
    agreed(world, payoneer)


@pytest.mark.parametrize("fault", ["drop_before", "error_before", "failure_in_2xx"])
def test_a_submission_that_never_arrived_is_absent_after_the_settle_time_alone(
    world: World, payoneer: SandboxService, fault: str
) -> None:
    [payout] = sold(world, payoneer)
    match = {} if fault == "failure_in_2xx" else {"match": SUBMIT}
    payoneer.fault(fault, times=1, **match)
    world.send()
    world.hear_back(rounds=2)
    assert states(payout) == ["unknown"], "Not found proves nothing so soon."
    long_ago(seconds=10)
    world.hear_back()
    assert states(payout) == ["failed"]
    assert world.attempt(payout).state == "absent"
    retried(world, payout)
    world.until("paid", of=payout)
    first, second = (
        submissions(payoneer)[-2:] if len(submissions(payoneer)) > 1 else ([""], submissions(payoneer)[0])
    )
    assert first != second
    assert moved(payoneer) == [9_000]
    agreed(world, payoneer)


@pytest.mark.parametrize("point", POINTS[2:])
def test_a_sender_that_died_is_taken_over(world: World, payoneer: SandboxService, point: str) -> None:
    [payout] = sold(world, payoneer)
    world.reread()
    with world.crash_at(point):
        world.transmit()
    world.hear_back()  # while its lease runs, nobody else touches it
    assert len(submissions(payoneer)) <= 1
    world.lease_is_over()
    world.hear_back()
    if states(payout) == ["unknown"]:
        long_ago(seconds=10)
        world.hear_back()
    if states(payout) == ["failed"]:
        retried(world, payout)
    if states(payout) == ["approved"]:
        world.let_pass(minutes=2)
        world.send()
    world.until("paid", of=payout)
    assert moved(payoneer) == [9_000]
    agreed(world, payoneer)


# Some of a request -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["told", "lost"])
def test_a_payment_that_was_never_made_fails_alone_and_goes_out_again(
    world: World, payoneer: SandboxService, answer: str
) -> None:
    first, second = sold(world, payoneer, "anna", "bert")
    payoneer.fault("drop_payment", match={"reference": payee_id_of(str(second.payee_id))}, times=1)
    if answer == "lost":
        payoneer.fault("drop_after", match=SUBMIT, times=1)
    world.send()
    world.until("paid", of=first)
    assert states(second) == ["submitted"], "It may be found yet."
    long_ago(seconds=10)
    world.hear_back(rounds=2)
    assert states(first, second) == ["paid", "failed"]
    assert world.attempt(second).refusal_code == "never_made"
    assert world.attempt(second).refusal_class == RefusalClass.WAIT
    agreed(world, payoneer)
    retried(world, second)
    world.until("paid", of=second)
    assert moved(payoneer) == [9_000, 9_000]
    agreed(world, payoneer)


def test_a_request_of_which_nothing_was_made_is_absent(world: World, payoneer: SandboxService) -> None:
    payouts = sold(world, payoneer, "anna", "bert")
    payoneer.fault("drop_payment")
    world.send()
    world.hear_back()
    assert states(*payouts) == ["submitted", "submitted"]
    long_ago(seconds=10)
    world.hear_back(rounds=3)
    assert states(*payouts) == ["failed", "failed"]
    assert {world.attempt(one).state for one in payouts} == {"absent"}
    assert moved(payoneer) == []
    agreed(world, payoneer)


def test_what_was_there_and_is_not_found_any_more_has_not_failed(
    world: World, payoneer: SandboxService
) -> None:
    [payout] = sold(world, payoneer)
    payoneer.fault("stuck_pending")
    world.send()
    world.until_true(lambda: world.attempt(payout).raw_status == "Pending")
    payoneer.reset()
    long_ago(seconds=10)
    world.hear_back(rounds=2)
    assert states(payout) == ["submitted"]
    world.let_pass(days=3)
    assert payout.person_after is not None
    assert payout.person_after < world.now


def test_a_payment_that_is_missing_where_nothing_is_found_any_more_has_not_failed(
    world: World, payoneer: SandboxService
) -> None:
    """Somebody set the credentials of another program: it finds nothing, and that says nothing of ours."""
    first, second = sold(world, payoneer, "anna", "bert")
    payoneer.fault("reference_lag", match={"reference": payee_id_of(str(second.payee_id))}, seconds=600)
    world.send()
    world.until("paid", of=first)
    payoneer.reset()
    long_ago(seconds=10)
    world.hear_back(rounds=2)
    assert states(first, second) == ["paid", "submitted"]
    assert "another account" in Batch.objects.get().reason


def test_a_refusal_of_several_is_looked_into_and_nobody_is_paid_twice(
    world: World, payoneer: SandboxService
) -> None:
    first, second = sold(world, payoneer, "anna", "bert")
    bad = payee_id_of(str(second.payee_id))
    payoneer.fault("inactive_at_once", match={"reference": bad}, times=1)
    world.send()
    assert states(first, second) == ["unknown", "unknown"]
    assert world.attempt(second).key in Batch.objects.get().reason
    long_ago(seconds=10)
    world.hear_back()
    assert states(first, second) == ["failed", "failed"]
    for payout in (first, second):
        retried(world, payout)
    world.until("paid")
    assert moved(payoneer) == [9_000, 9_000]
    agreed(world, payoneer)


# Money comes back ------------------------------------------------------------------------------------------------


def test_what_was_paid_comes_back_days_later_and_is_owed_again(
    world: World, payoneer: SandboxService
) -> None:
    payee = seller(world, payoneer)
    transaction, payout = world.sold_and_approved(payee, currency="USD")
    payoneer.fault("return", seconds=20 * 86_400, times=1)
    world.send()
    world.until("paid", of=payout)
    agreed(world, payoneer)
    world.let_pass(days=20)
    payoneer.advance(20 * 86_400)
    world.until("returned", of=payout)
    assert payout.returned_units == 9_000
    assert world.open_payables(payee) == [9_000]
    assert world.told(transaction)["status"] == "returned"
    assert (moved(payoneer), moved(payoneer, "return")) == ([9_000], [9_000])
    agreed(world, payoneer)
    # Nothing goes out again by itself.
    world.decide()
    assert Payout.objects.count() == 1


def test_where_nothing_says_that_it_was_loaded_a_person_decides(
    world: World, payoneer: SandboxService
) -> None:
    """Whether a cancelled payment keeps its date is not known; without it our books and Payoneer's word differ."""
    [payout] = sold(world, payoneer)
    payoneer.fault("return", seconds=1000, times=1)
    payoneer.fault("cancel_forgets", times=1)
    world.send()
    world.until("paid", of=payout)
    payoneer.advance(1000)
    world.until_true(lambda: world.incidents() == ["contradiction"])
    assert states(payout) == ["paid"]
    assert world.open_payables(payout.payee) == []


def test_an_inactive_payee_must_act_and_nothing_was_paid(world: World, payoneer: SandboxService) -> None:
    [payout] = sold(world, payoneer)
    payoneer.fault("inactive", times=1)
    world.send()
    world.until("failed", of=payout)
    attempt = world.attempt(payout)
    assert (attempt.refusal_code, attempt.refusal_class) == ("10009", RefusalClass.PAYEE)
    assert moved(payoneer) == []
    agreed(world, payoneer)


def test_what_waits_for_its_payee_is_cancelled_by_a_request_that_is_heard_of_later(
    world: World, payoneer: SandboxService
) -> None:
    [payout] = sold(world, payoneer)
    payoneer.fault("pending_payee", times=1)
    payoneer.post("/_sandbox/settings", {"pace_s": 0.5})
    world.send()
    world.until_true(lambda: world.attempt(payout).status == "awaiting_payee")
    assert world.balance("in_transit:payoneer") == 9_000
    done = intervention.cancel(by=world.bob, payout_ids=[payout.pk], reason="Not wanted.", now=world.now)
    assert done.asked == [payout.number]
    world.tell()
    assert states(payout) == ["submitted"], "It was asked for, and no more."
    assert PayoutEvent.objects.filter(payout=payout, kind="cancel_requested").exists()
    world.until("cancelled", of=payout)
    agreed(world, payoneer)


def test_a_cancelling_that_is_never_acted_upon_leaves_the_payment_to_be_paid(
    world: World, payoneer: SandboxService
) -> None:
    [payout] = sold(world, payoneer)
    payoneer.fault("pending_payee", times=1)
    payoneer.fault("cancel_ignored", times=1)
    world.send()
    world.until_true(lambda: world.attempt(payout).status == "awaiting_payee")
    intervention.cancel(by=world.bob, payout_ids=[payout.pk], reason="Not wanted.", now=world.now)
    world.hear_back(rounds=3)
    assert states(payout) == ["submitted"]
    payoneer.post("/_sandbox/payees", {"payee_id": payee_id_of(str(payout.payee_id)), "status": "Active"})
    world.until("paid", of=payout)
    agreed(world, payoneer)


# Funds run short -------------------------------------------------------------------------------------------------


def test_funds_that_are_short_are_topped_up_and_the_same_bytes_go_out(
    world: World, payoneer: SandboxService
) -> None:
    payouts = sold(world, payoneer, "anna", "bert")
    payoneer.post("/_sandbox/funds", {"currency": "USD", "units": 10_000})
    world.send()
    assert states(*payouts) == ["approved", "approved"]
    [hold] = Hold.objects.filter(lifted_at=None)
    assert "top it up" in hold.reason
    assert world.transmit() == 0

    payoneer.post("/_sandbox/funds", {"currency": "USD", "units": 100_000})
    world.lift_our_holds()
    world.let_pass(minutes=2)
    world.send()
    world.until("paid")
    first, second = submissions(payoneer)
    assert first == second
    assert moved(payoneer) == [9_000, 9_000]
    agreed(world, payoneer)


def test_a_fault_of_ours_is_no_failure_of_the_payees(world: World, payoneer: SandboxService) -> None:
    [payout] = sold(world, payoneer)
    payoneer.post("/_sandbox/settings", {"currency": "EUR"})
    world.send()
    assert states(payout) == ["approved"]
    [hold] = Hold.objects.filter(lifted_at=None)
    assert "PAYONEER_CURRENCIES" in hold.reason
    assert moved(payoneer) == []
    agreed(world, payoneer)


# Webhooks --------------------------------------------------------------------------------------------------------


@pytest.fixture
def door(payoneer: SandboxService, live_server: Any, settings: Any) -> Iterator[str]:
    """Where Payoneer delivers to us, each type of event at an address of its own."""
    settings.PUBLIC_URL = live_server.url
    address = webhook_addresses.address("payoneer")
    payoneer.post("/_sandbox/webhook", {"url": address})
    yield address
    connections.close_all()


def delivered(world: World, kind: str) -> WebhookDelivery:
    found = WebhookDelivery.objects.filter(kind=kind)
    world.until_true(found.exists)
    return found[0]


def test_a_delivery_makes_us_ask_and_a_forged_one_does_not(
    world: World, payoneer: SandboxService, door: str
) -> None:
    [payout] = sold(world, payoneer)
    payoneer.fault("webhook_forge")
    world.send()
    row = delivered(world, "sent-to-bank")
    assert row.hint["item_key"] == world.attempt(payout).key
    world.until("paid", of=payout)
    world.until_true(lambda: len(lies(payoneer)) == 2)
    assert {lie["answer"] for lie in lies(payoneer)} == {400}
    assert WebhookDelivery.objects.count() == 2
    agreed(world, payoneer)


def lies(payoneer: SandboxService) -> list[dict[str, Any]]:
    """The forged deliveries, and what each was answered with."""
    found: list[dict[str, Any]] = payoneer.get("/_sandbox/lies")["lies"]
    return found


def test_the_address_that_counts_is_the_configured_one(
    world: World, payoneer: SandboxService, live_server: Any, settings: Any
) -> None:
    """Whatever Host, or a proxy, says of it: a delivery that was signed for another door is not taken."""
    settings.PUBLIC_URL = "https://pay.example"
    address = f"{webhook_addresses.address('payoneer')}?event=payment-accepted"
    here = address.replace("https://pay.example", live_server.url)
    assert post_signed(payoneer, here, signed=address) == 200
    for other in (here, address.replace("accepted", "cancelled"), address.replace("pay.", "evil.")):
        assert post_signed(payoneer, here, signed=other) == 400
    assert WebhookDelivery.objects.get().kind == "payment-accepted"
    connections.close_all()


def post_signed(payoneer: SandboxService, url: str, *, signed: str) -> int:
    body, stamp = b'{"Payee Id":"p","IntPaymentId":"k"}', str(int(time.time()))
    secret = payoneer.credentials["webhook_secret"]
    signature = authorization(secret, url=signed, body=body, nonce=str(uuid.uuid4()), timestamp=stamp)
    headers = {
        "Authorization": signature,
        "Content-Type": "application/json",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
    }
    return requests.post(url, data=body, headers=headers, timeout=10).status_code


def test_a_delivery_that_comes_again_with_its_nonce_is_known(
    world: World, payoneer: SandboxService, door: str
) -> None:
    [payout] = sold(world, payoneer)
    payoneer.fault("webhook_replay")
    world.send()
    world.until("paid", of=payout)
    delivered(world, "sent-to-bank")
    ids = WebhookDelivery.objects.values_list("event_id", flat=True)
    assert len(ids) == len(set(ids)) <= 2


@pytest.mark.parametrize("fault", ["webhook_stale", "webhook_unsigned"])
def test_a_delivery_that_is_old_or_unsigned_is_refused_and_polling_suffices(
    world: World, payoneer: SandboxService, door: str, fault: str
) -> None:
    [payout] = sold(world, payoneer)
    payoneer.fault(fault)
    world.send()
    world.until("paid", of=payout)
    assert not WebhookDelivery.objects.exists()


def test_where_no_secret_was_agreed_deliveries_are_labelled_and_what_they_say_is_read_again(
    world: World, payoneer: SandboxService, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PAYONEER_WEBHOOK_SECRET")
    monkeypatch.setenv("PAYONEER_WEBHOOK_UNSIGNED", "1")
    registry.reset()
    [payout] = sold(world, payoneer)
    payoneer.fault("webhook_unsigned")
    world.send()
    delivered(world, "unsigned payment-accepted")
    world.until("paid", of=payout)
    agreed(world, payoneer)
