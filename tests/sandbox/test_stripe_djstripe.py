"""dj-stripe, unchanged and in a project of its own, hears of all that happens, and syncs all that is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox_services import SandboxService

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def report(stripe_sandbox: SandboxService, tmp_path: Path) -> Any:
    """What dj-stripe had in its tables, first by what it was told, then by what it asked for."""
    stripe_sandbox.post("/_sandbox/settings", {"payout_s": 0.2, "arrival_s": 0.1})
    words = ["tests.sandbox.djstripe_project", stripe_sandbox.url, stripe_sandbox.credentials["secret_key"]]
    ended = subprocess.run(
        [sys.executable, "-m", *words, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.slow
def test_works_against_the_sandbox(report: Any, stripe_sandbox: SandboxService):
    made, heard, synced = report["made"], report["heard"], report["synced"]
    # Every webhook was genuine, and none failed.
    assert (report["invalid"], report["failed"]) == (0, [])
    assert report["verified"]
    assert set(heard["Account"]) == {made["account"], stripe_sandbox.credentials["account"]}
    assert heard["Transfer"] == sorted([made["transfer"], made["paid_out"]])
    assert heard["Payout"] == [made["payout"]]
    assert (heard["Customer"], heard["PaymentIntent"]) == ([made["customer"]], [made["payment_intent"]])
    assert made["charge"] in heard["Charge"]
    assert len(heard["TransferReversal"]) == 1
    assert len(heard["Event"]) >= 18
    assert report["name"] == "Anna"
    # Asking brings nothing that it was not told of, but refunds and what has no events of its own.
    assert made["refund"] in synced["Refund"]
    for name in ("Account", "Customer", "PaymentIntent", "Payout", "Transfer", "TransferReversal"):
        assert synced[name] == heard[name], name
    assert set(synced["Event"]) > set(heard["Event"])
