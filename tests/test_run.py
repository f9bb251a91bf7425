from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from marketplace_payouts.lib.embedded_postgres import until
from marketplace_payouts.lib.launch.processes import Heartbeat, Service
from tests.database import CHECKOUT

QUIET = {name: value for name, value in os.environ.items() if name not in {"DEBUG", "DATABASE_URL"}}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with what `./run` itself consists of, which needs no packages."""
    for part in ("run", "marketplace_payouts/lib"):
        source, target = CHECKOUT / part, tmp_path / part
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text("# nothing\n")
    return tmp_path


def run(*words: str, at: Path = CHECKOUT, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "run", *words],
        cwd=at,
        env=QUIET | environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def entry() -> ModuleType:
    """`./run` as a module."""
    loader = importlib.machinery.SourceFileLoader("entry", str(CHECKOUT / "run"))
    spec = importlib.util.spec_from_loader("entry", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("words", [[], ["unheard-of"], ["serve", "--unheard-of"]])
def test_a_command_that_it_does_not_know_cannot_start(words):
    assert run(*words).returncode == 2


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_says_in_one_line_what_is_no_port(port):
    told = run("serve", f"--port={port}")
    assert told.returncode == 2
    assert f"{port} is not a port" in told.stderr.splitlines()[-1]


def test_help_names_every_command():
    told = run("--help")
    assert told.returncode == 0
    assert all(command in told.stdout for command in ("demo", "serve", "test", "check", "chaos", "clean"))


@pytest.mark.slow
def test_makes_the_environment_again_only_when_what_is_pinned_changed(checkout):
    first, second = run("serve", at=checkout), run("serve", at=checkout)
    assert "making .venv" in first.stderr
    assert "making .venv" not in second.stderr
    (checkout / "requirements.txt").write_text("# still nothing\n")
    assert "making .venv" in run("serve", at=checkout).stderr


@pytest.mark.slow
def test_says_in_one_line_that_a_private_database_is_for_debug_only(checkout):
    run("serve", at=checkout)
    told = run("serve", at=checkout)
    assert told.returncode == 2
    assert len(told.stderr.splitlines()) == 1
    assert "set DATABASE_URL" in told.stderr
    assert run("clean", at=checkout).returncode == 0
    assert not (checkout / ".venv").exists()
    assert not (checkout / "var").exists()


FAMILY = (
    "import pathlib, subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "pathlib.Path(sys.argv[1]).write_text(str(child.pid))\n"
    "time.sleep(600)\n"
)
SUPERVISOR = (
    "import json, os, sys, time\n"
    "from marketplace_payouts.lib.launch.processes import Service\n"
    "Service(name='family', command=json.loads(sys.argv[1]), environ=os.environ).start()\n"
    "time.sleep(600)\n"
)


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    return tmp_path / "grandchild"


@pytest.fixture
def family(pid_file: Path) -> Iterator[Service]:
    """A service whose process has a child that nobody tells to stop, like a cluster's workers."""
    service = Service(
        name="family", command=[sys.executable, "-c", FAMILY, str(pid_file)], environ=os.environ
    )
    yield service
    service.stop()


def grandchild(pid_file: Path) -> int:
    assert until(lambda: pid_file.exists() and pid_file.read_text() != "", timeout_s=10)
    return int(pid_file.read_text())


def test_a_service_leaves_nothing_behind_when_it_stops(family, pid_file):
    family.start()
    pid = grandchild(pid_file)
    family.stop()
    assert family.exit_status() is not None
    assert until(lambda: not is_alive(pid), timeout_s=5)


def test_a_service_leaves_nothing_behind_when_its_supervisor_is_killed(family, pid_file):
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, json.dumps(family.command)], cwd=CHECKOUT
    )
    pid = grandchild(pid_file)
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    assert until(lambda: not is_alive(pid), timeout_s=10)


def test_a_stale_heartbeat_restarts_the_cluster(family, pid_file):
    family.start()
    pid = grandchild(pid_file)
    pid_file.unlink()
    stale = [sys.executable, "-c", "raise SystemExit(1)"]
    heartbeat = Heartbeat(family, stale, os.environ, every_s=0, patience_s=0)
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        heartbeat.look()
    heartbeat.stop()
    assert grandchild(pid_file) != pid


def test_a_service_that_ends_is_started_again(tmp_path):
    traces = tmp_path / "traces"
    code = "import sys; open(sys.argv[1], 'a').write('x')"
    service = Service(name="brief", command=[sys.executable, "-c", code, str(traces)], environ=os.environ)
    service.start()
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and not (traces.exists() and len(traces.read_text()) > 1):
        service.revive()
        time.sleep(0.02)
    service.stop()
    assert len(traces.read_text()) > 1


@pytest.mark.parametrize(
    "name", ["REDIS_URL", "RECORDS_FOLDER", "EXTRA_PROVIDERS", "SECRET_KEY_FILE", "STRIPE_SECRET_KEY"]
)
def test_the_demo_takes_no_setting_from_the_shell(entry, monkeypatch, name):
    monkeypatch.setenv(name, "/somebody/s/own")
    assert name not in entry.without_settings()


@pytest.mark.parametrize(
    ("service", "origins"),
    [
        ("flex", {"FLEX_BASE_URL", "FLEX_MARKETPLACE_BASE_URL"}),
        ("paypal", {"PAYPAL_BASE_URL"}),
        ("stripe", {"STRIPE_API_HOST"}),
    ],
)
def test_the_product_is_told_where_a_service_of_the_sandbox_is(entry, service, origins):
    url, key = "http://127.0.0.1:8899", f"{service.upper()}_SECRET_KEY"
    told = entry.where({"service": service, "url": url, "credentials": {"secret_key": "s3"}})
    assert told == dict.fromkeys(origins, url) | {key: "s3"}


def test_the_demo_takes_no_setting_from_a_dotenv(entry, tmp_path):
    (tmp_path / ".env").write_text("ALERT_WEBHOOK_URL=https://alarm.example.com/live\n")
    show = "from marketplace_payouts import settings; print(repr(settings.ALERT_WEBHOOK_URL))"

    def told(environ: dict[str, str]) -> str:
        command = [sys.executable, "-c", show]
        return subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True).stdout

    settings = entry.without_settings() | {"DEBUG": "1"}
    assert told(settings | {"DOTENV": str(tmp_path / ".env")}).strip() == "'https://alarm.example.com/live'"
    assert settings["DOTENV"] == ""


def test_migrates_as_the_owner_whatever_names_the_two_addresses(entry):
    given = {"DATABASE_URL_FILE": "/run/secrets/app", "DATABASE_OWNER_URL": "postgres://owner@/x", "A": "b"}
    assert entry.as_owner(given) == {"DATABASE_URL": "postgres://owner@/x", "A": "b"}
    given = {"DATABASE_URL": "postgres://app@/x", "DATABASE_OWNER_URL_FILE": "/run/secrets/owner"}
    assert entry.as_owner(given)["DATABASE_URL_FILE"] == "/run/secrets/owner"
    assert "DATABASE_OWNER_URL_FILE" not in given
    assert entry.as_owner({"DATABASE_URL": "postgres://app@/x"}) == {"DATABASE_URL": "postgres://app@/x"}
