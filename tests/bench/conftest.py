"""One tiny run of everything, as `./run bench` starts it, on the tests' own server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests import database

# One row of each kind; the others are the same code with other numbers.
ONE_OF_EACH = (
    "flex.events",
    "flex.announce",
    "pay.paypal.8threads",
    "pay.batch15000",
    "mem.sender",
    "scale.payout_1m_vs_10k",
    "api.payouts",
    "api.buyer",
    "clusters.2",
)


@pytest.fixture(scope="package")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of one row of each kind wrote; its figures mean nothing at this size."""
    return tiny(tmp_path_factory, *(word for name in ONE_OF_EACH for word in ("--only", name)))


@pytest.fixture(scope="package")
def measured_whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of all rows wrote."""
    return tiny(tmp_path_factory)


def tiny(tmp_path_factory: pytest.TempPathFactory, *words: str) -> dict[str, Any]:
    """Measure once, as small as can be."""
    output = tmp_path_factory.mktemp("bench") / "bench.json"
    with database.admin_url() as admin:
        told = run("--scale", "5000", "--rounds", "1", "--output", str(output), *words, admin=admin)
    assert told.returncode in (0, 1), told.stdout + told.stderr
    report: dict[str, Any] = json.loads(output.read_text())
    return report | {"status": told.returncode, "said": told.stdout}


def run(*words: str, admin: str) -> subprocess.CompletedProcess[str]:
    """Measure on a server that has a migrated database already."""
    environ = os.environ | {
        "BENCH_ADMIN_URL": admin,
        "BENCH_DATABASE": database.template(admin),
        "DATABASE_URL": admin,
        "DJANGO_SETTINGS_MODULE": "marketplace_payouts.settings",
        "LOG_LEVEL": "ERROR",
        "SOURCE_CHECK_VALID_FOR": "P3650D",
    }
    return subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=database.CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def one(report: dict[str, Any], name: str) -> dict[str, Any]:
    """The row of this name."""
    [row] = [row for row in report["rows"] if row["name"] == name]
    found: dict[str, Any] = row
    return found
