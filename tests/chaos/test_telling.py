"""The table of storms counts each fault once, under its sort."""

from __future__ import annotations

from typing import Any

from tests.chaos import mix, telling


def told(**faults: int) -> dict[str, Any]:
    injected = {name.replace("__", " "): {"injected": n} for name, n in faults.items()}
    figures = dict.fromkeys(
        ("debits", "duplicates", "lost", "wrong_amount", "wrong_destination", "stuck", "unknown", "held"), 0
    )
    return {
        "seed": 7,
        "ok": True,
        "commit": "0123456789ab",
        "faults": {"stop_postgres": {"injected": 4}, **injected},
        "figures": figures | {"oldest_unknown_s": 12.0},
        "crash_points": {"registered": 2, "visited": 1, "visits": {"poll.before_call": 3}},
        "fault_seconds": 30.0,
        "drain_s": 20.0,
    }


def test_each_service_has_its_faults_among_those_on_calls() -> None:
    services = set(mix.FAULTS) - {"provider"}
    [row] = telling.table([told(**{f"{name}__hang": 10 for name in services})]).splitlines()[2:]
    assert row.startswith(f"| 7 | {10 * len(services)} | 0 | 4 | 4 |")


def test_what_landed_late_is_no_fault_of_its_own() -> None:
    [row] = telling.table([told(paypal__landed__20__s__late=3)]).splitlines()[2:]
    assert row.startswith("| 7 | 0 | 0 | 4 | 4 |")


def test_the_sums_are_of_all_storms() -> None:
    sums = telling.sums([told(kill_web=2), told(kill_web=3)])
    assert "kill web: 5 injected" in sums
    assert "2 storms, 2 passed, at 0123456789ab" in sums
    assert "points visited: 1 of 2; the oldest unknown is 12 s old" in sums
