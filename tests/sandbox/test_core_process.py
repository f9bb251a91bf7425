"""The sandbox as processes: its first line, its end, and what it remembers after a violent one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from sandbox.core.journal import Journal
from sandbox.core.local import Running, running
from sandbox.core.process import existing
from tests.sandbox.paypal_api import Caller, item, moved, statuses
from tests.sandbox.receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]


def caller(service: Running) -> Caller:
    return Caller(service.url, service.credentials)


def ledger(service: Running) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = requests.get(f"{service.url}/_sandbox/ledger", timeout=10).json()[
        "entries"
    ]
    return entries


def kill(service: Running) -> None:
    service.process.kill()
    service.process.wait()


def test_takes_credentials_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SANDBOX_PAYPAL_CLIENT_ID", "given-id")
    monkeypatch.setenv("SANDBOX_PAYPAL_CLIENT_SECRET", "given-secret")
    with running("paypal") as service:
        assert service.credentials["client_id"] == "given-id"
        assert caller(service).log_in().status_code == 200


def test_makes_the_same_ids_from_the_same_seed():
    with running("paypal", seed=7) as one, running("paypal", seed=7) as other:
        assert one.credentials["client_secret"] == other.credentials["client_secret"]
        ids = [
            caller(s).pay(item("a@example.com")).json()["batch_header"]["payout_batch_id"]
            for s in (one, other)
        ]
        assert ids[0] == ids[1]


def test_stops_at_once_when_told_to():
    with running("paypal") as service, requests.Session() as idle:
        idle.get(f"{service.url}/_sandbox/clock", timeout=10)  # a kept connection must not hold it up
        service.process.terminate()
        assert service.process.wait(5) == 0


def test_ends_when_its_parent_is_gone(tmp_path: Path):
    script = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'sandbox', 'paypal', '--port', '0', "
        "'--with-parent'], stdout=subprocess.PIPE, text=True); p.stdout.readline(); print(p.pid, flush=True); "
        "import os; os._exit(0)"
    )
    child = int(
        subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True).stdout
    )
    deadline = time.monotonic() + 10
    while is_alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_says_what_to_do_when_the_port_is_taken():
    with running("paypal") as service:
        port = service.url.rpartition(":")[2]
        second = subprocess.run(
            [sys.executable, "-m", "sandbox", "paypal", "--port", port],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert second.returncode == 2
        assert "--port" in second.stderr
        assert len(second.stderr.splitlines()) == 1


def test_says_what_to_do_when_the_port_is_none():
    told = subprocess.run(
        [sys.executable, "-m", "sandbox", "flex", "--port", "65536"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 2
    assert "Choose another with --port." in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("text", ["my notes", "my notes\n", "{}\n"])
def test_leaves_a_file_alone_that_is_no_state_of_a_sandbox(tmp_path: Path, text: str):
    notes = tmp_path / "notes.txt"
    notes.write_text(text)
    words = [sys.executable, "-m", "sandbox", "paypal", "--port", "0", "--state", str(notes)]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert notes.read_text() == text


def test_starts_every_service_that_exists_with_one_command():
    words = [sys.executable, "-m", "sandbox", "all", "--port", "0", "--with-parent"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = [json.loads(process.stdout.readline()) for _ in existing()]
            assert {"flex", "paypal", "stripe"} <= {line["service"] for line in lines}
            for line in lines:
                assert requests.get(f"{line['url']}/_sandbox/kinds", timeout=10).status_code == 200
        finally:
            process.terminate()
            process.wait(10)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{lines[0]['url']}/_sandbox/kinds", timeout=10)


def test_remembers_the_truth_after_a_sigkill(tmp_path: Path):
    state = tmp_path / "paypal.jsonl"
    with running("paypal", state=state) as service:
        first = caller(service)
        batch = first.settled(
            item("a@example.com", key="one"), item("unclaimed+b@example.com", key="two"), key="k"
        )
        requests.post(f"{service.url}/_sandbox/clock", json={"advance_s": 3600}, timeout=10)
        before, token, credentials = (
            ledger(service),
            first.session.headers["Authorization"],
            service.credentials,
        )
        kill(service)
    with running("paypal", state=state) as service:
        again = caller(service)
        again.session.headers["Authorization"] = token
        assert ledger(service) == before
        assert service.credentials == credentials
        assert Path(credentials["webhook_ca_file"]).read_text() == credentials["webhook_ca_pem"]
        shown = again.batch(batch["batch_header"]["payout_batch_id"])
        assert shown["items"] == [
            {**old, "links": new["links"]} for old, new in zip(batch["items"], shown["items"], strict=True)
        ]
        assert again.pay(item("c@example.com"), key="k").json()["name"] == "USER_BUSINESS_ERROR"
        assert requests.get(f"{service.url}/_sandbox/clock", timeout=10).json()["offset_s"] == 3600
        # What time would have brought, it still brings.
        requests.post(f"{service.url}/_sandbox/clock", json={"advance_s": 31 * 86_400}, timeout=10)
        assert moved(ledger(service), "return") == [("two", "1000")]


def test_finishes_after_a_sigkill_what_was_accepted_before_it(tmp_path: Path):
    state = tmp_path / "paypal.jsonl"
    with running("paypal", state=state, environment={"SANDBOX_PAYPAL_PACE_S": "60"}) as service:
        batch_id = (
            caller(service).pay(item("a@example.com", key="one")).json()["batch_header"]["payout_batch_id"]
        )
        assert ledger(service) == []
        kill(service)
    with running("paypal", state=state) as service:
        batch = caller(service).wait(batch_id, lambda b: b["batch_header"]["batch_status"] == "SUCCESS")
        assert statuses(batch) == ["SUCCESS"]
        assert moved(ledger(service), "debit") == [("one", "1000")]


def test_tells_after_a_sigkill_what_nobody_heard_before_it(tmp_path: Path, receiver: Receiver):
    state = tmp_path / "paypal.jsonl"
    receiver.status = 500
    with running("paypal", state=state, webhook_url=receiver.url) as service:
        caller(service).settled(item("a@example.com"))
        receiver.wait_for(3)
        kill(service)
    receiver.status = 200
    receiver.deliveries.clear()
    with running("paypal", state=state, webhook_url=receiver.url):
        types = sorted(delivery.type for delivery in receiver.wait_for(3))
    assert types == [
        "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
        "PAYMENT.PAYOUTSBATCH.PROCESSING",
        "PAYMENT.PAYOUTSBATCH.SUCCESS",
    ]


def test_forgets_its_state_file_on_reset_but_not_its_credentials(tmp_path: Path):
    state = tmp_path / "paypal.jsonl"
    with running("paypal", state=state) as service:
        caller(service).settled(item("a@example.com"))
        requests.post(f"{service.url}/_sandbox/reset", timeout=10)
        credentials = service.credentials
        kill(service)
    with running("paypal", state=state) as service:
        assert ledger(service) == []
        assert service.credentials["client_secret"] == credentials["client_secret"]
        assert service.credentials["webhook_ca_pem"] == credentials["webhook_ca_pem"]


def test_cuts_off_a_line_that_death_left_unfinished(tmp_path: Path):
    path = tmp_path / "state.jsonl"
    path.write_bytes(b'["a",1]\n["b",[2]]\n["c",')
    assert list(Journal(path).facts()) == [("a", 1), ("b", [2])]
    journal = Journal(path)
    journal.open()
    journal.write("d", {"e": 4})
    journal.flush()
    assert list(Journal(path).facts()) == [("a", 1), ("b", [2]), ("d", {"e": 4})]


def test_state_file_is_private(tmp_path: Path):
    state = tmp_path / "deep" / "paypal.jsonl"
    with running("paypal", state=state):
        assert state.stat().st_mode & 0o077 == 0


def test_sigint_is_a_quiet_end():
    with running("paypal") as service:
        os.kill(service.process.pid, signal.SIGINT)
        assert service.process.wait(5) == 0
