"""`api.*`: how long a front end waits for an endpoint, against a bare view with one query in the same processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from accounts import sessions
from accounts.callers import Caller, Credential
from accounts.models import Login, Payee, User
from bench import seeding
from bench.calling import Call, Took, call
from bench.results import CHECKOUT, NotAsPromised, Row
from bench.setting import Setting
from marketplace_payouts.lib.clock import utc_now
from payments.models import Buyer
from payouts.models import Payout

_CLIENTS: Final = 8
_PAYOUTS: Final = 40
"""Of each client: two pages of them."""
_CALLS: Final = 250
_PATIENCE_S: Final = 30.0
_BOTH: Final = ("ours", "baseline")


def measure(setting: Setting, *, of: str) -> Sequence[Row]:
    """This will measure one endpoint; each client is a person of their own."""
    times = setting.size(_CALLS)
    source = setting.databases.seeded(f"people_{_CLIENTS}", _people)
    rounds: list[dict[str, Took]] = []
    with setting.databases.clone(source) as name, _web(setting.databases.url(name)) as port:
        calls = _CALLS_OF[of]()
        for one in _BOTH:
            call(port, calls[one], times=max(times // 10, 1))
        for n in range(setting.rounds):
            order = _BOTH if n % 2 else _BOTH[::-1]
            rounds.append({one: call(port, calls[one], times=times) for one in order})
    return [
        _row(f"api.{of}", [(one["ours"].p50, one["baseline"].p50) for one in rounds], target=2.0),
        _row(f"api.{of}.p95", [(one["ours"].p95, one["baseline"].p95) for one in rounds]),
    ]


def _row(name: str, rounds: list[tuple[float, float]], *, target: float | None = None) -> Row:
    return Row(
        name=name,
        unit="ms",
        better="lower",
        baseline_name="a bare view with one query",
        rounds=rounds,
        target=target,
        notes=[f"{_CLIENTS} clients, who share the processors with the two web processes and PostgreSQL."],
    )


def _people() -> None:
    """Have people who are payees and buyers, with payouts: those of `seeding.approved`, shared out among few."""
    seeding.approved(_CLIENTS * _PAYOUTS)
    payees = list(Payee.objects.order_by("pk"))
    for n, payee in enumerate(payees[:_CLIENTS]):
        user = User.objects.create(email=f"client{n}@bench.example")
        Payee.objects.filter(pk=payee.pk).update(user=user)
        theirs = payees[n * _PAYOUTS : (n + 1) * _PAYOUTS]
        Payout.objects.filter(payee__in=theirs).update(payee=payee)
        Buyer.objects.create(user=user, stripe_id=f"cus_{n}", shown={"name": "Ada"}, read_at=utc_now())


def _payouts() -> Mapping[str, Sequence[Call]]:
    users = _users()
    return {
        "ours": [Call("/api/v1/payouts/", _proof(user)) for user in users],
        "baseline": [Call(f"/bare/payouts/{user.payee.pk}", {}) for user in users],
    }


def _buyer() -> Mapping[str, Sequence[Call]]:
    users = _users()
    return {
        "ours": [Call("/api/v1/buyer", _proof(user)) for user in users],
        "baseline": [Call(f"/bare/buyer/{user.pk}", {}) for user in users],
    }


_CALLS_OF: Final[Mapping[str, Callable[[], Mapping[str, Sequence[Call]]]]] = {
    "payouts": _payouts,
    "buyer": _buyer,
}


def _users() -> Sequence[User]:
    return list(User.objects.filter(buyer__isnull=False).select_related("payee").order_by("pk"))


def _proof(user: User) -> Mapping[str, str]:
    """What a front end sends: a session that was exchanged for a log-in at Sharetribe."""
    now = utc_now()
    caller = Caller(Credential.SHARETRIBE_TOKEN, Login.SHARETRIBE, logged_in_at=now, until=None)
    _session, token = sessions.open_for(user, caller, now=now)
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def _web(database_url: str) -> Iterator[int]:
    """Serve as `./run serve` does; gives the port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "bench.web:application", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", "2", "--threads", "4", "--log-level", "warning", "--no-control-socket"]
    web = subprocess.Popen(command, cwd=CHECKOUT, env=os.environ | {"DATABASE_URL": database_url})
    try:
        _wait_for(web, port)
        yield port
    finally:
        web.terminate()
        with suppress(subprocess.TimeoutExpired):
            web.wait(20)
        web.kill()


def _wait_for(web: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _PATIENCE_S
    while True:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        if web.poll() is not None or time.monotonic() > end:
            raise NotAsPromised("The web server did not start.")
        time.sleep(0.1)
