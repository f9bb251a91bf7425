"""Medians, ratios and targets."""

from __future__ import annotations

from bench import results
from bench.results import Row


def row(**changes: object) -> Row:
    given = {
        "name": "pay.all",
        "unit": "payouts/s",
        "better": "higher",
        "baseline_name": "bare loop",
        "rounds": [(10.0, 2.0), (90.0, 1.0), (12.0, 4.0)],
        "target": 5.0,
    }
    return Row(**{**given, **changes})  # type: ignore[arg-type]


def test_compares_medians():
    assert (row().ours, row().baseline, row().ratio) == (12.0, 2.0, 6.0)


def test_more_is_better_or_less():
    assert row(target=6.0).met
    assert not row(target=6.1).met
    assert row(better="lower", target=6.0).met
    assert not row(better="lower", target=5.9).met


def test_what_is_wrong_never_meets_its_target():
    assert row(target=None).met
    assert not row(target=None, broken="Two payouts were paid twice.").met


def test_a_row_that_broke_has_no_rounds_and_is_shown_all_the_same():
    broken = row(rounds=[], broken="Two payouts were paid twice.")
    assert broken.shown()["notes"] == ["Two payouts were paid twice."]
    assert "Two payouts were paid twice." in results.table([broken])


def test_takes_turns():
    order: list[str] = []

    def measure(name: str) -> float:
        order.append(name)
        return 1.0

    results.interleave(3, lambda: measure("ours"), lambda: measure("bare"))
    assert order == ["ours", "bare", "bare", "ours", "ours", "bare"]
