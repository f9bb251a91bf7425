"""Settings that could lose money are refused, each with what to do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

from accounts.api.checks import check_api
from marketplace_payouts import checks

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLE = CHECKOUT / ".env.example"


def example() -> dict[str, str]:
    """Read `.env.example`."""
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def check_deploy(**changes: str) -> subprocess.CompletedProcess[str]:
    """Run the deployment check with the example's settings and nothing else."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environ |= example() | {"DJANGO_SETTINGS_MODULE": "marketplace_payouts.settings"} | changes
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_example_is_clean():
    result = check_deploy()
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_example_s_secrets_are_refused_anywhere_else():
    result = check_deploy(PUBLIC_URL="https://pay.shop.test", ALLOWED_HOSTS="pay.shop.test")
    assert result.returncode == 1
    assert result.stderr.count("payouts.E023") == 3


def test_every_variable_of_the_settings_has_its_line():
    read = set(
        re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", (CHECKOUT / "marketplace_payouts/settings.py").read_text())
    )
    read |= set(
        re.findall(r"_duration\(\"([A-Z_]+)\"", (CHECKOUT / "marketplace_payouts/settings.py").read_text())
    )
    for provider in (CHECKOUT / "payouts/providers").rglob("*.py"):
        read |= set(re.findall(r"\"([A-Z]+(?:_[A-Z]+)+)\"", provider.read_text())) & {
            name for name in example() if name.startswith(("PAYPAL_", "WISE_"))
        }
    assert read - example().keys() == set()


def test_each_line_of_the_example_has_its_comment():
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith("#"):
            assert lines[number - 1].startswith("#"), line


def told(name: str, **environ: str) -> str:
    """Read one of the product's settings in a process of its own, where the environment says nothing else."""
    result = subprocess.run(
        [sys.executable, "-c", f"from marketplace_payouts import settings; print(repr(settings.{name}))"],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "DOTENV": "", "DEBUG": "1"} | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip() or result.stderr.strip().splitlines()[-1]


def test_a_file_s_last_line_break_is_no_part_of_a_secret(tmp_path):
    (tmp_path / "secret").write_text("s3cret\n")
    assert told("FLEX_CLIENT_SECRET", FLEX_CLIENT_SECRET_FILE=str(tmp_path / "secret")) == "'s3cret'"


def test_a_secret_may_begin_with_a_dollar():
    assert told("FLEX_CLIENT_SECRET", FLEX_CLIENT_SECRET="$HOME \\$x $y") == repr("$HOME \\$x $y")
    assert "p$w" in told("DATABASES", DATABASE_URL="postgres://app:p$w@127.0.0.1/payouts")


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"SECRET_KEY_FILE": "/nowhere/at/all"}, "SECRET_KEY_FILE names cannot be read (No such file"),
        ({"POLL_LONGEST_S": "a minute"}, "POLL_LONGEST_S is not of the right form"),
        ({"METHOD_COOL_DOWN": "-P3D"}, "METHOD_COOL_DOWN is negative"),
        ({"METHOD_COOL_DOWN": "3 days or so"}, "METHOD_COOL_DOWN is not an ISO 8601 duration"),
    ],
)
def test_names_in_one_line_what_cannot_be_read(environ, sentence):
    result = check_deploy(**environ, DOTENV="")
    assert result.returncode == 2
    [line] = result.stderr.splitlines()
    assert sentence in line


def ids(messages: Iterable[CheckMessage]) -> set[str | None]:
    """The ids of the errors."""
    return {message.id for message in messages}


def test_the_settings_of_the_tests_are_clean(settings):
    settings.DEBUG = True  # as the tests' settings say; the runner switches it off
    assert checks.check_queue() == []
    assert checks.check_connections() == []
    assert checks.check_environment() == []
    assert checks.check_secrets() == []
    assert checks.check_addresses() == []
    assert check_api() == []
    assert checks.check_files() == []


@pytest.mark.parametrize(
    "change",
    [
        {"bulk": 10},
        {"timeout": None},
        {"retry": 30},
        {"max_attempts": 0},
        {"ack_failures": False},
        {"catch_up": True},
        {"queue_limit": 50},
        {"workers": 1},
        {"sync": True},
    ],
)
def test_each_trap_of_the_queue_is_refused(settings, change):
    settings.Q_CLUSTER = django_settings.Q_CLUSTER | change
    assert ids(checks.check_queue()) == {"payouts.E001"}


def test_the_queue_has_one_broker_on_our_database(settings):
    without = {k: v for k, v in django_settings.Q_CLUSTER.items() if k not in ("orm", "redis")}
    for brokers in ({}, {"orm": "default", "redis": "redis://x"}, {"orm": "other"}):
        settings.Q_CLUSTER = without | brokers
        assert ids(checks.check_queue()) == {"payouts.E002"}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"ENGINE": "django.db.backends.sqlite3"}, "payouts.E003"),
        ({"CONN_MAX_AGE": 0}, "payouts.E004"),
        ({"OPTIONS": {"pool": True}}, "payouts.E005"),
        ({"ATOMIC_REQUESTS": True}, "payouts.E006"),
    ],
)
def test_each_trap_of_the_database_is_refused(monkeypatch, change, error):
    database = django_settings.DATABASES["default"]
    monkeypatch.setitem(django_settings.DATABASES, "default", {**database, **change})
    assert ids(checks.check_connections()) == {error}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PAYPAL_BASE_URL", "https://api-m.sandbox.paypal.com"),
        ("PAYPAL_BASE_URL", "http://127.0.0.1:8802"),
        ("SOLANA_RPC_URL", "https://api.devnet.solana.com"),
        ("NEAR_RPC_URL", "https://rpc.testnet.near.org"),
        ("WISE_BASE_URL", "https://api.sandbox.transferwise.tech"),
    ],
)
def test_test_doubles_never_meet_live_money(settings, monkeypatch, variable, value):
    settings.ENVIRONMENT, settings.DEBUG, settings.STAFF_MFA_REQUIRED = "live", False, True
    settings.FLEX_BASE_URL = "https://flex-integ-api.sharetribe.com"
    settings.FLEX_MARKETPLACE_BASE_URL = "https://flex-api.sharetribe.com"
    for name in list(os.environ):
        if name.endswith(("_BASE_URL", "_RPC_URL")):
            monkeypatch.delenv(name)
    assert checks.check_environment() == []
    monkeypatch.setenv(variable, value)
    assert ids(checks.check_environment()) == {"payouts.E013"}


def test_live_needs_its_own_marketplace_and_second_factors(settings):
    settings.ENVIRONMENT, settings.DEBUG, settings.STAFF_MFA_REQUIRED = "live", True, False
    settings.FLEX_BASE_URL = "http://127.0.0.1:8801"
    wrong = ids(checks.check_environment())
    assert {"payouts.E011", "payouts.E012", "payouts.E013"} <= wrong
    settings.FLEX_BASE_URL = "https://flex.example.com"
    assert "payouts.E041" in ids(checks.check_sharetribe())


def test_the_environment_is_one_of_two(settings):
    settings.ENVIRONMENT = "staging"
    assert ids(checks.check_environment()) == {"payouts.E010"}


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("SECRET_KEY", "short", "payouts.E020"),
        ("DETAILS_KEYS", "", "payouts.E021"),
        ("DETAILS_KEYS", "id:tooshort", "payouts.E021"),
        ("FINGERPRINT_KEY", "short", "payouts.E022"),
    ],
)
def test_secrets_must_be_there_and_readable(settings, name, value, error):
    setattr(settings, name, value)
    assert ids(checks.check_secrets()) == {error}


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("PUBLIC_URL", "http://payouts.example.com", "payouts.E030"),
        ("PUBLIC_URL", "https://payouts.example.com/path", "payouts.E031"),
        ("ALLOWED_HOSTS", ["*"], "payouts.E032"),
        ("ALERT_WEBHOOK_URL", "http://hooks.example.com/x", "payouts.E033"),
    ],
)
def test_addresses_are_https_and_named(settings, name, value, error):
    settings.DEBUG, settings.PUBLIC_URL, settings.ALLOWED_HOSTS = False, "https://payouts.example.com", ["a"]
    setattr(settings, name, value)
    assert ids(checks.check_addresses()) == {error}


def test_plain_http_is_for_debugging_on_this_machine_alone(settings):
    settings.DEBUG, settings.FLEX_BASE_URL = True, "http://127.0.0.1:8801"
    assert "payouts.E033" not in ids(checks.check_sharetribe())
    settings.DEBUG = False
    assert "payouts.E033" in ids(checks.check_sharetribe())
    settings.DEBUG, settings.FLEX_BASE_URL = True, "http://flex.example.com"
    assert "payouts.E033" in ids(checks.check_sharetribe())


def test_half_a_marketplace_is_named(settings):
    settings.FLEX_CLIENT_ID, settings.FLEX_CLIENT_SECRET = "id", ""
    assert "payouts.E040" in ids(checks.check_sharetribe())


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"ID": "app", "SECRET": "secret"}, set()),
        ({"ID": "app", "SECRET": ""}, {"payouts.E042"}),
        ({"ID": "", "SECRET": "secret"}, {"payouts.E042"}),
        ({"ID": "integration", "SECRET": "secret"}, {"payouts.E043"}),
        ({"ID": "", "SECRET": ""}, {"payouts.I042"}),
    ],
)
def test_the_front_ends_application_is_whole_and_another_one(settings, values, found):
    settings.DEBUG, settings.FLEX_CLIENT_ID, settings.FLEX_CLIENT_SECRET = True, "integration", "secret"
    for name, value in values.items():
        setattr(settings, f"FLEX_MARKETPLACE_CLIENT_{name}", value)
    assert ids(checks.check_sharetribe()) == found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("CORS_ALLOWED_ORIGINS", ["https://www.example.com", "https://app.example.com:8443"], set()),
        ("CORS_ALLOWED_ORIGINS", ["*"], {"payouts.E034"}),
        ("CORS_ALLOWED_ORIGINS", ["https://*.example.com"], {"payouts.E034"}),
        ("CORS_ALLOWED_ORIGINS", ["www.example.com"], {"payouts.E034"}),
        ("CORS_ALLOWED_ORIGINS", ["http://www.example.com"], {"payouts.E034"}),
        ("CORS_ALLOWED_ORIGINS", ["https://www.example.com/shop"], {"payouts.E034"}),
        ("PASSWORD_RESET_URL", "https://www.example.com/reset?key={key}", set()),
        ("PASSWORD_RESET_URL", "https://www.example.com/reset", {"payouts.E035"}),
        ("PASSWORD_RESET_URL", "http://www.example.com/reset?key={key}", {"payouts.E035"}),
        ("TRUSTED_PROXIES", 2, set()),
        ("TRUSTED_PROXIES", -1, {"payouts.E036"}),
        ("TRUSTED_PROXIES", 0, {"payouts.W036"}),
    ],
)
def test_browsers_and_proxies_are_told_what_means_what_it_says(settings, name, value, found):
    settings.DEBUG, settings.PUBLIC_URL, settings.TRUSTED_PROXIES = False, "https://payouts.example.com", 1
    setattr(settings, name, value)
    assert ids(check_api()) == found


def test_a_proxy_is_trusted_where_one_speaks_tls():
    assert told("TRUSTED_PROXIES", PUBLIC_URL="https://pay.example.org") == "1"
    assert told("TRUSTED_PROXIES") == "0"


def test_half_a_provider_is_named(monkeypatch):
    monkeypatch.setenv("PAYPAL_CLIENT_ID", "id")
    monkeypatch.delenv("PAYPAL_CLIENT_SECRET", raising=False)
    (found,) = checks.check_providers()
    assert found.id == "payouts.E050"
    assert "PAYPAL_CLIENT_SECRET" in found.msg


def test_files_that_settings_name_must_be_readable(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("PAYPAL_WEBHOOK_CA_FILE", str(tmp_path / "gone.pem"))
    assert ids(checks.check_files()) == {"payouts.E060"}
    monkeypatch.delenv("PAYPAL_WEBHOOK_CA_FILE")
    (tmp_path / "file").touch()
    settings.RECORDS_FOLDER = str(tmp_path / "file" / "records")
    assert ids(checks.check_files()) == {"payouts.E061"}
    settings.RECORDS_FOLDER = str(tmp_path / "not yet there")
    assert checks.check_files() == []


def test_the_business_time_zone_must_exist(settings):
    settings.BUSINESS_TIME_ZONE = "Europe/Atlantis"
    assert ids(checks.check_time_zone()) == {"payouts.E070"}


@pytest.mark.django_db
def test_postgresql_must_be_new_enough(monkeypatch):
    assert checks.check_postgres(databases=["default"]) == []
    monkeypatch.setattr(checks, "_OLDEST_POSTGRES", 990_000)
    assert ids(checks.check_postgres(databases=["default"])) == {"payouts.E080"}


def test_the_web_process_refuses_to_start_with_wrong_settings(settings):
    settings.DEBUG = True
    checks.refuse_to_start()
    settings.ENVIRONMENT = "staging"
    with pytest.raises(ImproperlyConfigured, match="Set it to live or test"):
        checks.refuse_to_start()
