"""The three books: they agree on every way, and whoever moves money behind our back is found and stopped."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import transaction

from marketplace_payouts.lib.clock import utc_now
from payouts import incidents, intervention, reconciling, three_books
from payouts.invariants import running
from payouts.models import Hold, Incident, Payout, Posting, State
from payouts.providers import registry
from tests.sandbox.paypal_api import Caller, item
from tests.stories.world import World


def disagreeing(world: World, *, offline: bool = False) -> dict[str, object]:
    """Name what does not agree, with its rows."""
    report = three_books.check(now=world.now, offline=offline)
    return {check.name: check.rows for check in report.checks if check.violations}


def violated(world: World) -> dict[str, object]:
    """Name the promises that are broken."""
    asked = running.check(since=None, now=world.now)
    return {one.invariant.name: [f.detail for f in one.found] for one in asked if one.count}


def fresh(world: World) -> None:
    """Let PayPal's list be up to date, and the last second be over."""
    world.paypal.post("/_sandbox/fresh", {"always": True})
    world.paypal.advance(5)


def steal(world: World, value: str = "66.00") -> None:
    """Pay somebody by our PayPal account, as whoever has our key could."""
    thief = Caller(world.paypal.url, dict(world.paypal.credentials))
    with thief.session:
        thief.settled(item("thief@example.com", value, currency="EUR"))


def test_the_books_agree_on_a_paid_payout(paid_world):
    assert disagreeing(paid_world) == {}
    sums = three_books.check(now=paid_world.now, offline=True).checks[0].rows
    assert sums == [
        {
            "currency": "EUR",
            "owed": "90.00 EUR",
            "paid": "90.00 EUR",
            "on_its_way": "0.00 EUR",
            "waiting": "0.00 EUR",
            "returned": "0.00 EUR",
            "adjusted": "0.00 EUR",
            "agrees": True,
        }
    ]


def test_the_books_agree_on_everything_at_once(paid_world):
    world = paid_world
    unclaimed = world.seller("unclaimed@example.com")
    world.sale(unclaimed, price=2_000)
    world.decide()
    world.paypal.post("/_sandbox/fate", {"reference": "unclaimed@example.com", "status": "UNCLAIMED"})
    world.approve()
    world.send()
    world.until("submitted", of=Payout.objects.get(payee=unclaimed))
    waiting = world.seller("waiting@example.com")
    world.sale(waiting, price=3_000)
    world.decide()
    world.sale(world.seller("nowhere@example.com", method=False), price=4_000)
    world.hear()
    bonus = {"payee": str(waiting.pk), "purpose": "bonus", "units": "500", "currency": "EUR"}
    world.second("payable_add", bonus)
    world.second("payable_add", bonus | {"purpose": "deduction", "units": "200"})
    assert disagreeing(world, offline=True) == {}
    assert violated(world) == {}
    world.decide()
    world.approve()
    world.send()
    world.hear_back(rounds=3)
    assert disagreeing(world, offline=True) == {}
    assert violated(world) == {}


def test_a_payout_that_is_let_go_is_owed_again(world):
    seller = world.seller()
    world.sale(seller, price=10_000)
    world.decide()
    payout = Payout.objects.get()
    intervention.cancel(by=world.carol, payout_ids=[payout.pk], reason="Wrong.", now=world.now)
    assert disagreeing(world, offline=True) == {}
    assert violated(world) == {}


def test_a_changed_posting_makes_the_books_disagree(paid_world, saboteur):
    saboteur.run("UPDATE payouts_posting SET units = units - 1 WHERE kind = 'accrue'")
    report = three_books.check(now=paid_world.now, offline=True)
    rows = [row for check in report.checks if check.violations for row in check.rows]
    assert [(row["account"], row["ledger"], row["rows"]) for row in rows] == [
        ("due_from_marketplace", "89.99 EUR", "90.00 EUR"),
        ("owed", "-0.01 EUR", "0.00 EUR"),
    ]


def test_a_payment_that_we_did_not_make_stops_the_provider(paid_world):
    steal(paid_world)
    fresh(paid_world)
    since = utc_now() - timedelta(hours=1)
    result = reconciling.reconcile(registry.get("paypal"), since=since, now=utc_now() + timedelta(seconds=5))
    assert [one.kind for one in result.differences] == ["foreign_debit"]
    assert result.opened == 1
    incident = Incident.objects.get()
    assert (incident.kind, incident.facts["amount"]) == (
        "foreign_debit",
        {"units": "6600", "currency": "EUR"},
    )
    assert Hold.objects.filter(rail_id="provider:paypal", lifted_at__isnull=True).exists()
    posting = Posting.objects.get(kind="suspense")
    assert (posting.debit, posting.credit, int(posting.units)) == (
        "suspense:paypal",
        "provider_cash:paypal",
        6600,
    )
    assert violated(paid_world) == {}


def test_what_people_explained_is_not_asked_of_them_again(paid_world):
    steal(paid_world)
    fresh(paid_world)
    later = utc_now() + timedelta(seconds=5)
    since = utc_now() - timedelta(hours=1)
    reconciling.reconcile(registry.get("paypal"), since=since, now=later)
    name = "the list of paypal agrees with our attempts"
    assert name in {c.name for c in three_books.check(now=later, since=since).checks if c.violations}
    with transaction.atomic():
        incidents.close(Incident.objects.get(), explanation="Ours.", by_id=paid_world.carol.pk, now=later)
    again = reconciling.reconcile(registry.get("paypal"), since=since, now=later)
    assert (len(again.differences), again.opened) == (1, 0)
    assert three_books.check(now=later, since=since).ok
    assert Posting.objects.filter(kind="suspense").count() == 1


def test_a_payout_that_the_provider_does_not_list_is_found(paid_world, saboteur):
    """As if somebody had written into our tables that it was paid."""
    fresh(paid_world)
    saboteur.run("UPDATE payouts_attempt SET key = 'another', reference = 'another', destination = 'another'")
    paid_world.paypal.advance(9 * 86_400)
    result = reconciling.reconcile(
        registry.get("paypal"), since=utc_now() - timedelta(hours=1), now=utc_now() + timedelta(days=9)
    )
    assert sorted(one.kind for one in result.differences) == ["foreign_debit", "missing_debit"]


def test_a_debit_of_what_counts_as_refused_is_found(paid_world, saboteur):
    fresh(paid_world)
    saboteur.run("UPDATE payouts_attempt SET state = 'refused'")
    result = reconciling.reconcile(
        registry.get("paypal"), since=utc_now() - timedelta(hours=1), now=utc_now() + timedelta(seconds=5)
    )
    assert [one.kind for one in result.differences] == ["debit_of_the_dead"]


def test_another_amount_than_ours_is_found(paid_world, saboteur):
    fresh(paid_world)
    saboteur.run("UPDATE payouts_attempt SET units = units - 1")
    result = reconciling.reconcile(
        registry.get("paypal"), since=utc_now() - timedelta(hours=1), now=utc_now() + timedelta(seconds=5)
    )
    assert [one.kind for one in result.differences] == ["wrong_amount"]


def test_reconcile_asks_about_what_is_open(world, capsys):
    world.sale(world.seller(), price=10_000)
    world.decide()
    world.approve()
    world.send()
    for _ in range(50):
        with pytest.raises(SystemExit):
            call_command("reconcile", "--provider", "paypal")
        if Payout.objects.get().state == State.PAID:
            break
    assert Payout.objects.get().state == State.PAID
    assert "paypal:" in capsys.readouterr().out


def test_a_book_that_cannot_be_read_does_not_count_as_agreeing(paid_world, capsys):
    paid_world.paypal.fault("error_before", match={"method": "GET", "path": "/v1/reporting/"}, times=None)
    with pytest.raises(SystemExit, match="1"):
        call_command("check_ledger")
    printed = json.loads(capsys.readouterr().out)
    assert printed["ok"] is False
    assert "not compared" in printed["checks"][-1]["rows"][0]


def test_the_ledger_command_prints_json(paid_world, capsys, saboteur):
    with pytest.raises(SystemExit) as ended:
        call_command("check_ledger", "--offline")
    assert (ended.value.code, json.loads(capsys.readouterr().out)["ok"]) == (0, True)
    saboteur.run("UPDATE payouts_payable SET units = units + 1")
    with pytest.raises(SystemExit) as ended:
        call_command("check_ledger", "--offline")
    assert (ended.value.code, json.loads(capsys.readouterr().out)["ok"]) == (1, False)
