"""The whole demo, as somebody runs it who has just cloned the project."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections import Counter

import pytest

from demo.cast import SELLERS, regulars
from tests.database import CHECKOUT

CREDENTIALS = {
    "flex": {"client_id", "client_secret"},
    "paypal": {"client_id", "client_secret"},
    "stripe": {"secret_key", "publishable_key"},
}


def test_no_two_sellers_share_a_name_or_an_address():
    everybody = (*SELLERS, *regulars())
    assert max(Counter(one.first for one in everybody).values()) == 1
    assert max(Counter(one.to for one in everybody if one.to).values()) == 1


def test_every_sale_leaves_whole_units_to_the_seller():
    assert all(price % 10 == 0 for one in SELLERS for price in one.prices)


@pytest.mark.slow
def test_everything_ends_as_promised():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    quiet = {name: value for name, value in os.environ.items() if name not in {"DEBUG", "DATABASE_URL"}}
    quiet["DEMO_PATIENCE_S"] = "600"  # other tests keep the machine busy meanwhile
    done = subprocess.run(
        [sys.executable, "run", "demo", "--once", "--port", str(port)],
        cwd=CHECKOUT,
        env=quiet,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "The three books agree." in done.stdout
    assert re.search(r"\d+ invariants asked, 0 broken\.", done.stdout)
    file = CHECKOUT / "var" / "demo.json"
    assert file.stat().st_mode & 0o777 == 0o600
    handed_out = json.loads(file.read_text())
    assert handed_out["ready"]
    roles = {"viewer", "operator", "approver", "administrator", "engineer"}
    assert {member["role"] for member in handed_out["staff"]} == roles
    assert set(handed_out["sandbox"]) == {"flex", "paypal", "stripe"}
    assert all({"url", *names} <= handed_out["sandbox"][one].keys() for one, names in CREDENTIALS.items())
    [account] = [one for one in handed_out["payees"] if one["password"]]
    assert account["email"] == "mara.neu@example.com"
    for told in (
        "Mara pays at Stripe",
        "Stripe's webhooks have Mara verified",
        "Willi is paid what Mara paid him",
    ):
        assert told in done.stdout
