"""What follows when a promise is found broken: an incident stops the provider, or people are told."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from payouts import approval, heartbeats, submission
from payouts.invariants import running
from payouts.models import Hold, Incident, OutboxMessage, Payout, State
from tests.operations.conftest import Saboteur


def test_a_broken_promise_opens_one_incident_that_stops_its_provider(paid_world, saboteur: Saboteur):
    payout = Payout.objects.get()
    saboteur.run("UPDATE payouts_attempt SET returned_units = 5")

    running.check_and_act(full=True, now=paid_world.now)
    running.check_and_act(full=True, now=paid_world.now)

    incident = Incident.objects.get(kind="invariant:returned_is_owed_again")
    assert incident.provider == "paypal"
    assert payout.number in incident.sentence
    assert Hold.objects.filter(rule=f"incident:{incident.pk}", rail_id="provider:paypal").count() == 1
    assert OutboxMessage.objects.filter(kind="alert", subject=incident.pk).exists()
    assert "clean_at" in heartbeats.detail_of("invariants")
    assert heartbeats.detail_of("invariants")["clean_at"] is None


def test_nothing_is_sent_while_the_incident_is_open(paid_world, saboteur):
    saboteur.run("UPDATE payouts_attempt SET returned_units = 5")
    running.check_and_act(full=True, now=paid_world.now)
    paid_world.sale(paid_world.seller("second@example.com"), price=5_000)
    paid_world.decide()
    waiting = Payout.objects.exclude(state=State.PAID).get()
    refused = approval.approve(
        by=paid_world.carol,
        wanted=list(approval.digests_of([waiting.pk]).items()),
        reason="Looks right.",
        now=paid_world.now,
    ).refused
    assert refused
    assert submission.send(limit=10, now=paid_world.now) == 0


def test_what_is_late_is_told_once_and_stops_nothing(paid_world, saboteur):
    saboteur.run("UPDATE flexsync_flexcursor SET polled_at = now() - interval '2 hours'")
    for _ in range(2):
        running.check_and_act(full=False, now=paid_world.now)
    assert not Incident.objects.exists()
    assert OutboxMessage.objects.filter(kind="alert", facts__title="poller_is_alive").count() == 1
    assert heartbeats.detail_of("invariants")["clean_at"]


def test_a_changed_record_is_found(paid_world, saboteur):
    saboteur.run("UPDATE payouts_payoutevent SET reason = 'It never happened.' WHERE n = 3")
    asked = {one.invariant.name: one for one in running.check(since=None, now=paid_world.now)}
    assert asked["record_hashes_add_up"].count == 1
    assert asked["record_hashes_add_up"].found[0].detail == "event 3"
    assert asked["record_is_whole"].count == 0


def test_only_what_changed_lately_is_asked_about(paid_world, saboteur):
    saboteur.run("UPDATE payouts_attempt SET returned_units = 5")
    later = paid_world.now + timedelta(hours=1)
    names = {one.invariant.name for one in running.check(since=later, now=later) if one.count}
    assert "returned_is_owed_again" not in names
    earlier = paid_world.now - timedelta(hours=1)
    names = {one.invariant.name for one in running.check(since=earlier, now=paid_world.now) if one.count}
    assert "returned_is_owed_again" in names


def test_after_a_clean_look_the_next_one_asks_of_less(paid_world):
    running.check_and_act(full=False, now=paid_world.now)
    assert running._since() is not None
    running.check_and_act(full=True, now=paid_world.now)
    assert heartbeats.detail_of("all invariants")["violated"] == []


def test_the_command_says_so_as_json(paid_world, saboteur, capsys):
    with pytest.raises(SystemExit) as clean:
        call_command("check_invariants", "--full")
    shown = json.loads(capsys.readouterr().out)
    assert (clean.value.code, shown["ok"]) == (0, True)
    assert {"name", "violations", "rows"} == set(shown["checks"][0])

    saboteur.run("UPDATE payouts_attempt SET returned_units = 5")
    with pytest.raises(SystemExit) as broken:
        call_command("check_invariants", "--only-look")
    shown = json.loads(capsys.readouterr().out)
    assert (broken.value.code, shown["ok"]) == (1, False)
    assert not Incident.objects.exists()
