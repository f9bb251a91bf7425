"""How often one may call: one count for all processes, by person, key or address, with a time to come back."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from rest_framework.request import Request

from accounts.api import throttles
from tests.accounts.test_sessions import ME, SESSION
from tests.api_client import Api, bearer

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def rates(settings):
    """Sets rates: so many a minute, so many at once."""
    return lambda **rates: setattr(settings, "API_RATES", settings.API_RATES | rates)


def statuses(api, path: str, times: int) -> list[int]:
    return [api.get(path).status_code for _ in range(times)]


def test_a_person_has_so_many_turns(ada, bo, rates):
    rates(caller=(1, 3))
    one, two = ada.session(), bo.session()
    assert statuses(one, ME, 4) == [200, 200, 200, 429]
    refused = one.get(ME)
    [error] = refused.json()["errors"]
    assert (error["code"], error["field"]) == ("throttled", None)
    assert 1 <= int(refused["Retry-After"]) <= 60
    # It is the person who is counted, whichever proof they show, and nobody else.
    assert ada.api().get(ME).status_code == 429
    assert statuses(two, ME, 2) == [200, 200]


def test_a_turn_comes_back(ada, rates):
    rates(caller=(60, 1))
    api = ada.session()
    assert statuses(api, ME, 2) == [200, 429]
    time.sleep(1.1)
    assert api.get(ME).status_code == 200


def test_opening_sessions_has_a_rate_of_its_own(ada, rates):
    rates(login=(1, 2))
    api = ada.api()
    assert [api.post(SESSION).status_code for _ in range(3)] == [201, 201, 429]
    assert api.get(ME).status_code == 200


def test_a_key_has_so_many_turns(server, rates):
    rates(server=(1, 2))
    assert [Api(server.signed(b"")).get(ME).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer mps_guess"}, {"X-Session-Token": "guess123"}]
)
def test_strangers_are_counted_by_address(transactional_db, rates, headers):
    rates(address=(1, 3))
    assert statuses(Api(headers), ME, 4) == [401, 401, 401, 429]


def test_strangers_do_not_have_sharetribe_asked_as_often_as_they_like(ada, flex_sandbox, rates):
    rates(sharetribe=(1, 2))
    before = len(flex_sandbox.requests()["requests"])
    assert [bearer(f"guess{n}").get(ME).status_code for n in range(5)] == [401, 401, 429, 429, 429]
    assert len(flex_sandbox.requests()["requests"]) == before + 2


def test_whoever_is_remembered_has_nobody_asked(ada, rates):
    rates(sharetribe=(1, 2))
    api = ada.api()
    assert api.get(ME).status_code == 200
    assert bearer("guess").get(ME).status_code == 401
    assert bearer("guess").get(ME).status_code == 429
    assert api.get(ME).status_code == 200


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, None, "192.0.2.7"),
        (0, "198.51.100.1", "192.0.2.7"),
        (1, None, "192.0.2.7"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        (1, "nonsense", "unknown"),
    ],
)
def test_an_address_is_the_one_that_our_own_proxies_saw(rf, settings, proxies, forwarded, expected):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": proxies}
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert throttles.address(Request(rf.get("/", REMOTE_ADDR="192.0.2.7", headers=headers))) == expected


_CALLS = """
import sys, django
django.setup()
from django.test import Client
client = Client(SERVER_NAME="127.0.0.1")
statuses = [client.get("/api/v1/me", headers={"Authorization": sys.argv[1]}).status_code for _ in range(80)]
print(statuses.count(200), statuses.count(429))
"""


def test_processes_count_together(ada):
    api = ada.session()
    command = [sys.executable, "-c", _CALLS, api.headers["Authorization"]]
    started = time.monotonic()
    processes = [subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    counted = [tuple(map(int, process.communicate(timeout=60)[0].split())) for process in processes]
    passed = time.monotonic() - started
    assert all(sum(one) == 80 for one in counted)
    # A hundred at once, and five a second for as long as it took.
    assert 100 <= sum(let_in for let_in, _ in counted) <= 100 + 5 * passed + 1
