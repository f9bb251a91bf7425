"""The health check: silence of a part is a fault, trouble with money is information."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from marketplace_payouts.lib.clock import utc_now
from payouts import health, heartbeats

ALL = ("cluster", "sweep", "poller")


@pytest.fixture
def well(db: None, settings) -> None:
    """Every part beat just now."""
    settings.FLEX_CLIENT_ID = "somebody"
    for name in ALL:
        heartbeats.beat(name, now=utc_now())
    heartbeats.beat("invariants", now=utc_now(), clean_at=utc_now().isoformat())


def violated() -> list[str]:
    """Name what is not well."""
    return [check.name for check in health.check().checks if check.violations]


def test_all_is_well(well):
    assert violated() == []
    assert [check.name for check in health.check().checks] == ["database", *health.QUESTIONS]


@pytest.mark.parametrize(("part", "fault"), [("sweep", "sweep"), ("poller", "poller")])
def test_a_silent_part_is_a_fault(well, part, fault):
    heartbeats.beat(part, now=utc_now() - timedelta(hours=1))
    assert violated() == [fault]


def test_a_cluster_is_alive_while_any_task_beats(well):
    for name in ("cluster", "sweep"):
        heartbeats.beat(name, now=utc_now() - timedelta(hours=1))
    assert "heartbeat" not in violated()
    heartbeats.beat("poller", now=utc_now() - timedelta(hours=1))
    assert "heartbeat" in violated()


def test_a_part_that_fails_is_a_fault_though_it_beats(well):
    heartbeats.beat("sweep", now=utc_now(), errors={"send": "RuntimeError: broken"})
    heartbeats.beat("poller", now=utc_now(), error="401")
    assert violated() == ["sweep", "poller"]


def test_promises_not_found_kept_for_long_are_a_fault(well):
    heartbeats.beat("invariants", now=utc_now(), clean_at=(utc_now() - timedelta(hours=2)).isoformat())
    assert violated() == ["invariants"]


def test_a_new_installation_has_no_heartbeat_yet(db):
    assert "heartbeat" in violated()


def test_the_command_prints_json_and_fails_with_what_it_found(well, capsys):
    with pytest.raises(SystemExit) as ended:
        call_command("healthcheck", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (ended.value.code, shown["ok"]) == (0, True)
    heartbeats.beat("sweep", now=utc_now() - timedelta(hours=1))
    with pytest.raises(SystemExit) as ended:
        call_command("healthcheck")
    assert ended.value.code == 1
    assert "NOT OK  sweep" in capsys.readouterr().out


def test_the_supervisor_s_question_has_three_answers(well, capsys, monkeypatch):
    def asked() -> object:
        with pytest.raises(SystemExit) as ended:
            call_command("healthcheck", "--only", "heartbeat")
        return ended.value.code

    assert asked() == 0
    for name in ALL:
        heartbeats.beat(name, now=utc_now() - timedelta(hours=1))
    assert asked() == 1

    def unreachable(_connection: object) -> None:
        from django.db import OperationalError

        raise OperationalError("no route")

    monkeypatch.setattr(health, "database_now", unreachable)
    assert asked() == 2


def test_parts_that_may_be_silent_are_not_called_silent(db):
    heartbeats.beat("reconcile paypal", now=utc_now() - timedelta(days=9))
    heartbeats.beat("chain heads", now=utc_now() - timedelta(hours=3))
    assert heartbeats.silent(now=utc_now()) == []
    heartbeats.beat("cluster", now=utc_now() - timedelta(hours=3))
    assert [beat.name for beat in heartbeats.silent(now=utc_now())] == ["cluster"]
