"""Sellers are paid through Stripe: from sign-up to their bank, and what can come between."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models import F

from marketplace_payouts.lib.clock import utc_now
from payments.stripe import endpoints
from payouts import gates, webhooks
from payouts.models import Attempt, Batch, Hold, PayoutEvent, Step
from payouts.providers import registry
from tests.api_client import OwnAccount
from tests.sandbox_services import SandboxService
from tests.stories.at_stripe import CREATE, AtStripe, fill_in
from tests.stories.webhook_door import arrived
from tests.stories.world import World


@pytest.fixture
def town(
    transactional_db: None,
    flex_sandbox: SandboxService,
    stripe_sandbox: SandboxService,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[AtStripe]:
    """Open for business, with Stripe as the one way to pay; money is in a bank within a moment."""
    cache.clear()
    monkeypatch.setenv("STRIPE_PAYOUTS", "1")
    settings.STRIPE_SELLERS = settings.STRIPE_SELLERS | {"return_origins": [settings.PUBLIC_URL]}
    stripe_sandbox.post("/_sandbox/settings", {"payout_s": 0.05, "arrival_s": 0.05, "judging_s": 0.05})
    registry.reset()
    world = World(flex_sandbox, stripe_sandbox)
    world.open_for_business()
    yield AtStripe(world, stripe_sandbox)
    registry.reset()


# From sign-up to the bank ---------------------------------------------------------------------------------------


def test_from_sign_up_to_the_bank(town: AtStripe) -> None:
    world = town.world
    _, payee, api = town.sign_up()
    assert town.state(api) == ("not_started", "You have no account at Stripe yet.")
    assert town.choose(api).status_code == 409
    assert fill_in(town.link(api)) == "/payee/method"
    town.until_state(api, "ready")
    chosen = town.choose(api)
    assert chosen.status_code == 201, chosen.content
    assert town.account(payee) not in chosen.content.decode()
    assert town.method(payee).verified_how == "The service knows who they are."

    transaction, payout = world.sold_and_approved(payee)
    assert world.send() == 1
    payout.refresh_from_db()
    assert payout.state == "paid"
    [transfer] = town.books.v1.transfers.list().data
    attempt = world.attempt(payout)
    assert (transfer.amount, transfer.currency, transfer.destination) == (9_000, "eur", town.account(payee))
    assert (transfer.transfer_group, transfer.id) == (attempt.key, attempt.reference)
    assert transfer.metadata["payout_number"] == payout.number
    world.assert_books_agree()

    world.until_true(lambda: town.onward(payout) == "arrived")
    assert world.told(transaction)["status"] == "paid"
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_an_account_of_ours_is_paid_alike(town: AtStripe, mailoutbox: Any) -> None:
    user, payee, _ = town.sign_up("carla@market.example")
    carla = OwnAccount("carla@mail.example")
    carla.sign_up()
    code = re.search(r"^\s*([A-Z0-9-]{6,})\s*$", mailoutbox[-1].body, re.MULTILINE)
    assert code is not None
    carla.verify(code[1])
    assert carla.api.post("/api/v1/me/sharetribe", {"token": user.token()}).status_code == 200
    carla.log_in()
    api = carla.session()
    fill_in(town.link(api))
    town.until_state(api, "ready")
    assert town.choose(api).status_code == 201
    payee.refresh_from_db()
    _, payout = town.world.sold_and_approved(payee)
    town.world.send()
    town.world.until("paid", of=payout)
    town.world.assert_books_agree()


def test_several_sellers_each_get_their_own(town: AtStripe) -> None:
    world = town.world
    anna, _ = town.onboarded()
    bert, _ = town.onboarded("bert@market.example")
    world.sale(anna)
    world.sale(bert, price=20_000)
    world.decide()
    world.approve()
    assert world.send() == 2
    got = {one.destination: one.amount for one in town.books.v1.transfers.list().data}
    assert got == {town.account(anna): 9_000, town.account(bert): 18_000}
    world.until("paid")
    world.assert_books_agree()


# The answer is lost ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "html_body", "truncated_body"])
def test_a_transfer_whose_answer_was_lost_is_found_by_its_group(town: AtStripe, fault: str) -> None:
    world = town.world
    payee, _ = town.onboarded()
    _, payout = world.sold_and_approved(payee)
    town.service.fault(fault, match=CREATE, times=1)
    world.send()
    payout.refresh_from_db()
    assert payout.state == "unknown"
    world.assert_books_agree()
    world.until("paid", of=payout)
    # Asked for, and not sent again.
    assert len(town.asked_for()) == 1
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_failure_that_stripe_keeps_under_the_key_hides_nothing(town: AtStripe) -> None:
    world = town.world
    payee, _ = town.onboarded()
    _, payout = world.sold_and_approved(payee)
    town.service.fault("sticky_error", match=CREATE, times=1, when="after")
    world.send()
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_a_request_that_never_arrived_goes_out_again_under_its_key(town: AtStripe) -> None:
    world = town.world
    payee, _ = town.onboarded()
    _, payout = world.sold_and_approved(payee)
    town.service.fault("drop_before", match=CREATE, times=1)
    world.send()
    assert world.payout(pk=payout.pk).state == "unknown"
    world.until("paid", of=payout)
    assert Attempt.objects.filter(payout=payout).count() == 1
    assert Batch.objects.get().transmissions == 2
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def sent_a_day_ago() -> None:
    """Let the one batch have been sent a day ago."""
    day = timedelta(days=1)
    Step.objects.update(created_at=F("created_at") - day)
    Batch.objects.update(first_sent_at=F("first_sent_at") - day, last_sent_at=F("last_sent_at") - day)


def test_after_the_key_is_forgotten_it_is_only_asked_for(town: AtStripe) -> None:
    """A day later the same key would make a second transfer."""
    world = town.world
    payee, _ = town.onboarded()
    _, payout = world.sold_and_approved(payee)
    town.service.fault("drop_after", match=CREATE, times=1)
    world.send()
    town.service.advance(86_400)
    sent_a_day_ago()
    world.until("paid", of=payout)
    assert len(town.asked_for()) == 1
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_late_and_never_arrived_it_is_proven_absent_and_not_sent(town: AtStripe) -> None:
    world = town.world
    payee, _ = town.onboarded()
    _, payout = world.sold_and_approved(payee)
    town.service.fault("drop_before", match=CREATE, times=1)
    world.send()
    sent_a_day_ago()
    world.until("failed", of=payout)
    assert world.attempt(payout).state == "absent"
    assert world.moved() == {}
    world.assert_books_agree()


# The money comes back -------------------------------------------------------------------------------------------


def test_a_reversal_in_parts_is_owed_again_in_parts(town: AtStripe) -> None:
    world = town.world
    payee, _ = town.onboarded()
    transaction, payout = world.sold_and_approved(payee)
    world.send()
    world.until("paid", of=payout)
    reference = world.attempt(payout).reference
    town.service.post("/_sandbox/reversal", {"reference": reference, "units": 4_000})
    world.until_true(lambda: world.open_payables(payee) == [4_000])
    payout.refresh_from_db()
    assert (payout.state, payout.returned_units) == ("paid", 4_000)
    world.assert_books_agree()
    town.service.post("/_sandbox/reversal", {"reference": reference, "units": 5_000})
    world.until("returned", of=payout)
    assert world.open_payables(payee) == [4_000, 5_000]
    assert world.told(transaction)["status"] == "returned"
    world.assert_books_agree()


def test_a_bank_that_sends_it_back_makes_us_owe_nothing(town: AtStripe) -> None:
    """The money is in the seller's balance at Stripe: paying again would pay twice. People see it, and so do they."""
    world = town.world
    payee, api = town.onboarded()
    town.service.post("/_sandbox/fate", {"reference": town.account(payee), "status": "returned"})
    _, payout = world.sold_and_approved(payee)
    world.send()
    world.until_true(lambda: town.onward(payout) == "failed")
    payout.refresh_from_db()
    assert (payout.state, payout.returned_units) == ("paid", 0)
    assert payout.person_after is not None
    assert "account_closed" in world.attempt(payout).onward_message
    assert world.open_payables(payee) == []
    assert PayoutEvent.objects.filter(payout=payout, kind="bank_failed").count() == 1
    told = api.get(f"/api/v1/payouts/{payout.pk}").json()["timeline"]
    assert any("Your bank did not take it" in str(one) for one in told)
    world.assert_books_agree()


# Funds run short ------------------------------------------------------------------------------------------------


def test_a_shortage_is_our_alarm_and_not_the_payees_error(town: AtStripe) -> None:
    world = town.world
    payee, api = town.onboarded()
    _, payout = world.sold_and_approved(payee)
    town.service.post("/_sandbox/funds", {"currency": "EUR", "units": 100})
    world.send()
    payout.refresh_from_db()
    assert payout.state == "approved"
    assert world.attempt(payout).refusal_class == "ours"
    [hold] = Hold.objects.filter(lifted_at__isnull=True)
    assert (hold.rail_id, hold.rule) == ("provider:stripe", "ours")
    shown = api.get("/api/v1/payout-methods/").json()["methods"][0]
    assert shown["standing"] == "in_use"
    world.assert_books_agree()

    town.service.post("/_sandbox/funds", {"currency": "EUR", "units": 1_000_000})
    world.lift_our_holds()
    world.send()
    world.until("paid", of=payout)
    # Under another key: the first one keeps its refusal for a day.
    assert Attempt.objects.filter(payout=payout).count() == 2
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


# Verified, then not ---------------------------------------------------------------------------------------------


def test_unverified_between_approval_and_sending_it_waits_with_the_reason(town: AtStripe) -> None:
    world = town.world
    payee, _ = town.onboarded()
    _, payout = world.sold_and_approved(payee)
    town.turn(payee, "restricted")
    assert world.send() == 0
    payout.refresh_from_db()
    assert (payout.state, payout.blocked_by) == ("approved", "stripe_verified")
    answers = gates.explain([payout.pk], now=world.now)[payout.pk]
    (why,) = [one for one in answers if one.gate == "stripe_verified"]
    assert not why.passed
    assert "Stripe has to verify you" in why.for_payee
    assert world.moved() == {}

    town.turn(payee, "verified")
    assert world.send() == 1
    world.until("paid", of=payout)
    assert world.moved() == {"EUR": 9_000}
    world.assert_books_agree()


def test_stripe_takes_it_away_at_the_very_moment_of_sending(town: AtStripe) -> None:
    world = town.world
    payee, api = town.onboarded()
    _, payout = world.sold_and_approved(payee)
    town.service.post("/_sandbox/fate", {"reference": town.account(payee), "status": "restricted"})
    world.send()
    payout.refresh_from_db()
    assert payout.state == "failed"
    attempt = world.attempt(payout)
    assert (attempt.refusal_code, attempt.refusal_class) == (
        "insufficient_capabilities_for_transfer",
        "payee",
    )
    assert api.get("/api/v1/payout-methods/").json()["methods"][0]["standing"] == "needs_you"
    assert world.moved() == {}
    world.assert_books_agree()


def test_money_never_goes_to_an_account_that_is_not_the_payees_present_one(town: AtStripe) -> None:
    """Anna's account left the marketplace, and she has another one: the method is of the former."""
    world = town.world
    payee, api = town.onboarded()
    _, payout = world.sold_and_approved(payee)
    former = town.account(payee)
    town.turn(payee, "deauthorized")
    fill_in(town.link(api))
    town.until_state(api, "ready")
    assert town.account(payee) != former
    assert world.send() == 0
    payout.refresh_from_db()
    assert payout.blocked_by == "stripe_verified"
    assert town.choose(api).status_code == 201
    old = payout.method_id
    answer = api.post(f"/api/v1/payout-methods/{old}/default")
    assert answer.status_code == 409
    assert "another account" in answer.content.decode()


# Webhooks -------------------------------------------------------------------------------------------------------


def test_what_stripe_tells_at_its_own_door_makes_us_ask_at_once(
    town: AtStripe, live_server: Any, settings: Any
) -> None:
    world = town.world
    payee, _ = town.onboarded()
    _, payout = world.sold_and_approved(payee)
    world.send()
    world.until_true(lambda: town.onward(payout) == "arrived")
    settings.PUBLIC_URL = live_server.url
    list(endpoints.register(now=utc_now()))
    later = world.now + timedelta(days=1)

    Batch.objects.update(next_at=later)
    reference = world.attempt(payout).reference
    town.service.post("/_sandbox/reversal", {"reference": reference, "units": 1_000})
    _hinted("transfer.reversed", town, later)

    Batch.objects.update(next_at=later)
    to_the_bank = town.books.v1.payouts.list({}, {"stripe_account": town.account(payee)}).data[0].id
    town.service.post("/_sandbox/fate", {"reference": to_the_bank, "status": "failed"})
    _hinted("payout.failed", town, later)


def _hinted(kind: str, town: AtStripe, later: datetime) -> None:
    """Wait until an event of a kind made our batch due before its time."""
    end = time.monotonic() + 10
    while Batch.objects.filter(next_at=later).exists():
        assert time.monotonic() < end, kind
        time.sleep(0.05)
        webhooks.work_off(limit=100, now=town.world.now)
    assert arrived(kind) >= 1
