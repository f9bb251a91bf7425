"""Every row of the speed proof works, and measures what it says; how fast that is, no test can tell."""

from __future__ import annotations

import pytest

from bench.rows import ROWS
from tests import database
from tests.bench.conftest import ONE_OF_EACH, one, run

KEYS = {
    "name",
    "unit",
    "better",
    "ours",
    "baseline",
    "baseline_name",
    "ratio",
    "target",
    "met",
    "rounds",
    "notes",
}


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_is_measured_and_correct(measured, name):
    check(one(measured, name))


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_measured_and_correct(measured_whole, name):
    check(one(measured_whole, name))


def check(row):
    assert row.keys() == KEYS
    assert row["rounds"], row["notes"]
    assert all(ours > 0 and baseline > 0 for ours, baseline in row["rounds"])


def test_says_on_what_it_was_measured(measured):
    assert measured.keys() >= {"commit", "machine", "python", "postgres", "seconds", "rows"}
    assert "synchronous_commit=" in measured["postgres"]


def test_counts_the_statements_of_a_batch(measured):
    """Of the same size here: the same number both times."""
    row = one(measured, "pay.batch15000.statements")
    assert row["ours"] == row["baseline"] > 0
    assert row["met"]


def test_ends_as_its_targets_say(measured):
    assert measured["status"] == (0 if all(row["met"] for row in measured["rows"]) else 1)
    assert "scale.payout_1m_vs_10k" in measured["said"]


def test_refuses_a_row_that_it_does_not_know():
    with database.admin_url() as admin:
        told = run("--only", "unheard.of", admin=admin)
    assert told.returncode == 2
    assert "There is no row unheard.of" in told.stdout
