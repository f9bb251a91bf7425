"""What must hold of the settings: checked by `manage.py check`, by every command, and when the web process starts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Info
from django.core.exceptions import ImproperlyConfigured

from accounts.api.checks import check_api
from accounts.branding_checks import check_branding
from marketplace_payouts.lib import crypto
from marketplace_payouts.lib.http import BadBaseUrl, check_base_url
from marketplace_payouts.lib.http.base_urls import is_loopback_host
from payments.checks import check_stripe
from payouts.notices.checks import check_notices
from payouts.providers import registry

OURS: Final = "payouts_settings"
# What stands in `.env.example` is known to everybody. Nobody can be served under this reserved name.
EXAMPLE_HOST: Final = "payouts.example.com"
_PUBLISHED: Final = "example"
_FLEX_HOSTS: Final = frozenset({"flex-integ-api.sharetribe.com", "flex-api.sharetribe.com"})
_TEST_LABELS: Final = frozenset({"sandbox", "test", "testnet", "devnet", "localhost"})
_OLDEST_POSTGRES: Final = 150_000


def register_all() -> None:
    """This will register every check."""
    for function in (
        check_queue,
        check_connections,
        check_environment,
        check_secrets,
        check_addresses,
        check_api,
        check_branding,
        check_notices,
        check_sharetribe,
        check_providers,
        check_stripe,
        check_files,
        check_time_zone,
    ):
        checks.register(function, OURS)
    checks.register(check_postgres, checks.Tags.database)


def refuse_to_start() -> None:
    """This will refuse to start a web process whose settings are wrong; commands are checked by Django itself.

    :raises ImproperlyConfigured: with every error and what to do about it.
    """
    errors = [found for found in checks.run_checks(tags=[OURS]) if found.is_serious()]
    errors += _signers_here()
    if errors:
        told = "\n".join(f"- {found.msg} {found.hint or ''}".rstrip() for found in errors)
        raise ImproperlyConfigured(f"These settings are not safe to start with:\n{told}")


def _signers_here() -> list[CheckMessage]:
    """Whoever breaks into a web process must not find what signs payments; where money is real, it does not start."""
    if settings.ENVIRONMENT != "live":
        return []
    hint = "Take it away from the web process, which needs the wallet's address alone; the cluster signs."
    return [
        Error(f"{name} is set for a web process.", hint=hint, id="payouts.E051")
        for name in sorted(os.environ)
        if name.removesuffix("_FILE").endswith("_SIGNER") and os.environ[name]
    ]


Values = Mapping[str, Any]

_QUEUE: Final[Sequence[tuple[str, Callable[[Values], bool], str]]] = (
    (
        "bulk",
        lambda q: q.get("bulk", 1) == 1,
        "It must be 1: tasks that wait in a worker's own queue run twice.",
    ),
    (
        "timeout",
        lambda q: 0 < (q.get("timeout") or 0) <= 600,
        "Set it: without, a hanging task blocks its worker.",
    ),
    (
        "retry",
        lambda q: q.get("retry", 60) > (q.get("timeout") or 0),
        "It must be longer than timeout, or tasks overlap.",
    ),
    (
        "max_attempts",
        lambda q: q.get("max_attempts", 0) == 1,
        "It must be 1: the tables hold what is tried again.",
    ),
    (
        "ack_failures",
        lambda q: q.get("ack_failures") is True,
        "It must be True: the tables hold what is tried again.",
    ),
    (
        "catch_up",
        lambda q: q.get("catch_up", True) is False,
        "It must be False: a schedule is not made up for.",
    ),
    (
        "queue_limit",
        lambda q: q.get("queue_limit", 99) <= max(q.get("workers") or 1, 1) * 2,
        "Keep it near workers.",
    ),
    (
        "workers",
        lambda q: (q.get("workers") or 0) >= 2,
        "Set CLUSTER_WORKERS to 2 or more: the poller keeps one busy.",
    ),
    ("sync", lambda q: not q.get("sync"), "Never: tasks would run inside the web request."),
)


def check_queue(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will hold the queue's settings to what was found to be safe."""
    queue: Values = settings.Q_CLUSTER
    found: list[CheckMessage] = [
        Error(f"Q_CLUSTER[{name!r}] is {queue.get(name)!r}.", hint=hint, id="payouts.E001")
        for name, is_good, hint in _QUEUE
        if not is_good(queue)
    ]
    brokers = [name for name in ("orm", "redis") if queue.get(name)]
    if len(brokers) != 1 or queue.get("orm", "default") != "default":
        hint = "Use the ORM broker on the database 'default', or Redis by REDIS_URL."
        found.append(Error(f"Q_CLUSTER names the brokers {brokers}.", hint=hint, id="payouts.E002"))
    return found


def check_connections(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will hold the database's settings to what forked workers and locks can live with."""
    found: list[CheckMessage] = []
    database = settings.DATABASES["default"]
    if database["ENGINE"] != "django.db.backends.postgresql":
        found.append(
            Error(
                "DATABASE_URL names no PostgreSQL.",
                hint="Only PostgreSQL has the locks we need.",
                id="payouts.E003",
            )
        )
        return found
    if database.get("CONN_MAX_AGE") == 0:
        found.append(Error("CONN_MAX_AGE is 0.", hint="Keep connections: 60 seconds.", id="payouts.E004"))
    if database.get("OPTIONS", {}).get("pool"):
        hint = "Take the pool away: forked workers would share its connections."
        found.append(Error("The database connections are pooled.", hint=hint, id="payouts.E005"))
    if database.get("ATOMIC_REQUESTS"):
        hint = "Take it away: no request may call the world inside a transaction."
        found.append(Error("ATOMIC_REQUESTS is on.", hint=hint, id="payouts.E006"))
    return found


def check_environment(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will hold the environment to one of two words, and keep test doubles away from live money."""
    if settings.ENVIRONMENT not in ("live", "test"):
        return [
            Error(
                f"ENVIRONMENT is {settings.ENVIRONMENT!r}.", hint="Set it to live or test.", id="payouts.E010"
            )
        ]
    return list(_live()) if settings.ENVIRONMENT == "live" else []


def _live() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield Error("DEBUG is on where ENVIRONMENT is live.", hint="Switch DEBUG off.", id="payouts.E011")
    if not settings.STAFF_MFA_REQUIRED:
        hint = "Take STAFF_MFA_REQUIRED away."
        yield Error("Staff need no second factor where money is real.", hint=hint, id="payouts.E012")
    for name, host in _hosts():
        if _is_test_double(host):
            hint = f"Take {name} away, so that the live host is used, or set ENVIRONMENT to test."
            yield Error(f"{name} is {host}, which is no live service.", hint=hint, id="payouts.E013")


def _hosts() -> Iterator[tuple[str, str]]:
    """The hosts of every service that a setting names."""
    for name in sorted({*os.environ, "FLEX_BASE_URL", "FLEX_MARKETPLACE_BASE_URL"}):
        if name.endswith(("_BASE_URL", "_API_HOST", "_AUTH_URL", "_RPC_URL")):
            value = _setting(name)
            host = urlsplit(value if "//" in value else f"//{value}").hostname or ""
            if host:
                yield name, host.lower()


def _is_test_double(host: str) -> bool:
    return is_loopback_host(host) or bool(_TEST_LABELS & set(re.split(r"[.-]", host)))


def _setting(name: str) -> str:
    return str(getattr(settings, name, None) or os.environ.get(name, "")).strip()


def check_secrets(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will make sure that the secrets are there, can be read, and are nobody else's."""
    found: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < 50:
        hint = "Set it to 50 random characters or more: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'."
        found.append(Error("SECRET_KEY is missing or too short.", hint=hint, id="payouts.E020"))
    try:
        crypto.DetailsKeys.parse(settings.DETAILS_KEYS)
    except crypto.CryptoError as error:
        hint = "Give it as id:base64 of 32 random bytes; the newest key first."
        found.append(Error(str(error), hint=hint, id="payouts.E021"))
    try:
        crypto.fingerprint("check", key=settings.FINGERPRINT_KEY)
    except crypto.CryptoError as error:
        hint = "Give 32 random bytes as base64, and never change it lightly."
        found.append(Error(str(error), hint=hint, id="payouts.E022"))
    return found + list(_published())


def _published() -> Iterator[CheckMessage]:
    if settings.DEBUG or urlsplit(settings.PUBLIC_URL).hostname == EXAMPLE_HOST:
        return
    for name in ("SECRET_KEY", "DETAILS_KEYS", "FINGERPRINT_KEY"):
        if str(getattr(settings, name)).startswith((_PUBLISHED, "debug", "only-for-debug")):
            hint = "Make your own: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'."
            if name == "DETAILS_KEYS":
                hint = "Make your own: an id of your choice, a colon, and 32 random bytes as base64."
            yield Error(
                f"{name} is the one of the example, which everybody knows.", hint=hint, id="payouts.E023"
            )


def check_addresses(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will hold our own address to https, and the services' to origins that we may talk to."""
    found: list[CheckMessage] = []
    public = urlsplit(settings.PUBLIC_URL)
    if not settings.DEBUG and public.scheme != "https":
        hint = "Set it to the https address that people and providers see."
        found.append(Error(f"PUBLIC_URL is {settings.PUBLIC_URL}.", hint=hint, id="payouts.E030"))
    if public.path or public.query or not public.hostname:
        hint = "Give scheme and host alone, such as https://payouts.example.com."
        found.append(Error(f"PUBLIC_URL is {settings.PUBLIC_URL}.", hint=hint, id="payouts.E031"))
    if "*" in settings.ALLOWED_HOSTS and not settings.DEBUG:
        hint = "Name the hosts, by commas."
        found.append(Error("ALLOWED_HOSTS takes any host.", hint=hint, id="payouts.E032"))
    if settings.ALERT_WEBHOOK_URL:
        found += _address("ALERT_WEBHOOK_URL", allow_path=True)
    return found


def _address(name: str, *, allow_path: bool = False) -> list[CheckMessage]:
    value = _setting(name)
    try:
        check_base_url(value, allow_loopback_http=settings.DEBUG, allow_path=allow_path)
    except BadBaseUrl as error:
        hint = "https, or with DEBUG this machine itself by http."
        return [Error(f"{name}: {error}", hint=hint, id="payouts.E033")]
    return []


def check_sharetribe(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will hold the marketplace's settings together; whose they are only Sharetribe can tell (`check_flex`)."""
    found = [*_address("FLEX_BASE_URL"), *_address("FLEX_MARKETPLACE_BASE_URL")]
    has_id, has_secret = bool(settings.FLEX_CLIENT_ID), bool(settings.FLEX_CLIENT_SECRET)
    if has_id != has_secret:
        missing = "FLEX_CLIENT_SECRET" if has_id else "FLEX_CLIENT_ID"
        hint = "Both stand in Console, under Build, Applications."
        found.append(Error(f"{missing} is missing.", hint=hint, id="payouts.E040"))
    found += _front_end()
    if not has_id:
        hint = "Set FLEX_CLIENT_ID and FLEX_CLIENT_SECRET, then run check_flex."
        found.append(Info("No marketplace is set up: nothing is heard.", hint=hint, id="payouts.I040"))
    for name in ("FLEX_BASE_URL", "FLEX_MARKETPLACE_BASE_URL"):
        host = urlsplit(_setting(name)).hostname or ""
        if settings.ENVIRONMENT == "live" and host not in _FLEX_HOSTS and not _is_test_double(host):
            hint = f"Take {name} away: live marketplaces are at Sharetribe's own hosts."
            found.append(Error(f"{name} is {host}, which is not Sharetribe's.", hint=hint, id="payouts.E041"))
    return found


def _front_end() -> Iterator[CheckMessage]:
    """The application through which users log in is another one than ours of the Integration API."""
    has_id, has_secret = (
        bool(settings.FLEX_MARKETPLACE_CLIENT_ID),
        bool(settings.FLEX_MARKETPLACE_CLIENT_SECRET),
    )
    if has_id != has_secret:
        missing = "FLEX_MARKETPLACE_CLIENT_SECRET" if has_id else "FLEX_MARKETPLACE_CLIENT_ID"
        hint = "Both are of the Marketplace API application that your front end uses."
        yield Error(f"{missing} is missing.", hint=hint, id="payouts.E042")
    if has_id and settings.FLEX_MARKETPLACE_CLIENT_ID == settings.FLEX_CLIENT_ID:
        hint = "Console has two kinds: FLEX_CLIENT_ID is for the Integration API, this one for the Marketplace API."
        yield Error("FLEX_MARKETPLACE_CLIENT_ID is FLEX_CLIENT_ID.", hint=hint, id="payouts.E043")
    if not (has_id or has_secret):
        hint = "Set FLEX_MARKETPLACE_CLIENT_ID and FLEX_MARKETPLACE_CLIENT_SECRET."
        yield Info(
            "Users who come from Sharetribe may look and change nothing.", hint=hint, id="payouts.I042"
        )


def check_providers(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will name the providers whose settings are incomplete or wrong."""
    return [
        Error(f"{name}: {problem}", hint="Mend its settings, or take all of them away.", id="payouts.E050")
        for name, problem in registry.problems().items()
    ]


def check_files(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will make sure that files which settings name can be read."""
    found: list[CheckMessage] = []
    for name in sorted(_named_files()):
        path = Path(os.environ[name])
        if not os.access(path, os.R_OK) or not path.is_file():
            hint = "Check the path and its rights for the user that runs the product."
            found.append(Error(f"{name} names {path}, which cannot be read.", hint=hint, id="payouts.E060"))
    folder = settings.RECORDS_FOLDER
    if folder and not _can_write(_existing(Path(folder))):
        hint = "Make it, and let the user that runs the product write into it."
        found.append(
            Error(f"RECORDS_FOLDER is {folder}, which cannot be written to.", hint=hint, id="payouts.E061")
        )
    return found


def _named_files() -> Iterable[str]:
    prefixes = ("FLEX_", "STRIPE_", *(f"{name.upper()}_" for name in registry.PROVIDERS))
    names = {"SECRET_KEY_FILE", "DETAILS_KEYS_FILE", "FINGERPRINT_KEY_FILE", "DATABASE_URL_FILE"}
    return [
        name
        for name, value in os.environ.items()
        if value and name.endswith("_FILE") and (name in names or name.startswith(prefixes))
    ]


def _can_write(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK)


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def check_time_zone(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will make sure that the business time zone exists."""
    from marketplace_payouts.lib.clock import ClockError, local_day, utc_now

    try:
        local_day(moment=utc_now(), zone=settings.BUSINESS_TIME_ZONE)
    except ClockError as error:
        return [Error(str(error), hint="Set TIME_ZONE to a name such as Europe/Berlin.", id="payouts.E070")]
    return []


def check_postgres(
    app_configs: object = None, databases: Sequence[str] | None = None, **_more: Any
) -> list[CheckMessage]:
    """This will make sure of PostgreSQL's version, where a database may be asked."""
    from django.db import connections

    found: list[CheckMessage] = []
    for alias in databases or ():
        version = getattr(connections[alias], "pg_version", 0)
        if version < _OLDEST_POSTGRES:
            hint = "Use PostgreSQL 15 or newer."
            found.append(
                Error(
                    f"The database {alias} is PostgreSQL {version // 10_000}.", hint=hint, id="payouts.E080"
                )
            )
    return found
