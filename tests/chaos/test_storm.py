"""What must hold of the storms: they cannot strike a live installation, nor pass by unnoticed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from marketplace_payouts.lib import crash_points
from tests.chaos import doom, mix
from tests.database import CHECKOUT

SERVICES = ("flex", "paypal", "two_step")


def never(*injected: Mapping[str, int]) -> list[str]:
    """Name what none of these storms had."""
    found = mix.never(injected, payouts=150, seconds=25, services=SERVICES)
    return [sentence.partition(": ")[0] for sentence in found]


def doomed() -> doom.Doomed:
    return doom.Doomed("tests.chaos", sys.modules["tests.chaos"])


@pytest.mark.parametrize(("debug", "environment"), [(False, "test"), (True, "live"), (False, "live")])
def test_nothing_strikes_where_money_is_real(
    debug: bool, environment: str, settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.DEBUG, settings.ENVIRONMENT = debug, environment
    monkeypatch.setenv("CHAOS_FOLDER", str(tmp_path))
    monkeypatch.setenv("CHAOS_SEED", "1")
    with pytest.raises(ImproperlyConfigured, match="CHAOS_FOLDER"):
        doomed().ready()
    crash_points.crash_point("nothing is installed, so any name will do")


def test_the_product_knows_nothing_of_it() -> None:
    assert "chaos" not in apps.app_configs
    assert "CHAOS_FOLDER" not in os.environ


def test_without_a_folder_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHAOS_FOLDER", raising=False)
    doomed().ready()
    crash_points.crash_point("nothing is installed, so any name will do")


def test_the_seed_says_what_strikes_where() -> None:
    def strikes(seed: int) -> list[str]:
        return [doom.choose(seed, name, n) for name in crash_points.POINTS for n in range(1, 100)]

    assert strikes(1) == strikes(1)
    assert strikes(1) != strikes(2)
    assert Counter(strikes(1)).keys() == {"", *doom.ACTS}


def test_visits_are_counted_by_all_processes_together(tmp_path: Path) -> None:
    for name in ("visits", "strikes", "stalled"):
        (tmp_path / name).mkdir()
    first, second = doom.Doom(tmp_path, seed=1), doom.Doom(tmp_path, seed=1)
    for one in (first, second, first):
        one.visit("send.before_call")
    assert doom.counted(tmp_path / "visits") == {"send.before_call": 3}
    assert doom.counted(tmp_path / "strikes") == {}, "It strikes only while the storm rages."


def test_a_storm_in_which_nothing_happened_does_not_count() -> None:
    found = mix.too_little({}, {}, {}, payouts=150, seconds=25, services=SERVICES)
    words = {"flex hang after", "crash points", "clock_skewed", "refund", "stall past a lease", *mix.RATES}
    for service in ("paypal", "two_step"):
        for kind in ("accept_late by 55 s", "delay", "drop_after", "error_after", "hang", "hang after"):
            words.add(f"{service} {kind}, paying: 0 times, at least 1")
    for word in words:
        assert any(word in sentence for sentence in found), word


def test_what_is_rare_is_wanted_of_all_storms_together() -> None:
    rare = "paypal duplicate_without_link"
    all_but_it = dict.fromkeys(never({}, {}, {}), 1)
    assert all_but_it.pop(rare)
    found = mix.too_little({}, {}, {}, payouts=150, seconds=25, services=SERVICES)
    assert not any(rare in sentence for sentence in found)
    assert never(all_but_it, all_but_it) == [], "Two storms are too few to tell."
    assert never(all_but_it, all_but_it, all_but_it) == [rare]
    assert never(all_but_it, {rare: 1}, all_but_it) == []


def test_what_is_rare_has_the_name_of_something_that_is_wanted() -> None:
    names = never({}, {}, {})
    assert set(mix.RARE) <= set(names)
    assert len(names) == len(set(names)), "What is counted under one name is one thing."


def test_every_reason_why_a_point_is_not_visited_is_about_a_point() -> None:
    for beginning in mix.UNVISITED:
        assert any(name.startswith(beginning) for name in crash_points.POINTS)


def test_the_command_starts_and_refuses_what_contradicts_itself() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--seed", "1", "--sweep"]
    ended = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2, ended.stderr
    assert "--seed runs storms alone" in ended.stderr
