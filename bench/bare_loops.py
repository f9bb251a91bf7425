"""The baselines: loops that do the least there is to do, by raw psycopg and `requests`, with no product around them.

They are honest about the money: what is claimed is committed before it is sent, and the result after, so that a crash
cannot pay twice without a trace. They have no gates, no ledger, no record, no second look.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import uuid4

import psycopg
import requests
from psycopg.types.json import Jsonb

from bench.results import NotAsPromised
from bench.sandboxes import Sandbox

_PAYOUTS: Final = """
    CREATE TABLE payout (
        id uuid PRIMARY KEY, next_at timestamptz NOT NULL, state text NOT NULL, units bigint NOT NULL,
        receiver text NOT NULL, key text NOT NULL, reference text
    )
"""
_EVENTS: Final = """
    CREATE TABLE event (
        event_id uuid PRIMARY KEY, sequence_id bigint NOT NULL, event_type text NOT NULL, resource_id uuid NOT NULL,
        created_at timestamptz NOT NULL, payload jsonb NOT NULL
    )
"""


def session(token: str = "") -> requests.Session:
    """This will make a session as fast as `requests` has them: without a look for proxies on each call."""
    made = requests.Session()
    made.trust_env = False
    if token:
        made.headers["Authorization"] = f"Bearer {token}"
    return made


def seconds_of(work: Callable[[], object], *, threads: int) -> float:
    """This will do the same work in so many threads and give the seconds until the last one was through."""
    errors: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    workers = [threading.Thread(target=guarded) for _ in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - start
    if errors:
        raise errors[0]
    return seconds


# --- paying -------------------------------------------------------------------------------------------------------


def fill_payouts(url: str, count: int) -> int:
    """This will make a table of payouts to be paid, and give what they sum to."""
    units = [1_000 + n * 7 % 9_000 for n in range(count)]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_PAYOUTS)
        with connection.cursor().copy("COPY payout FROM STDIN") as copy:
            for n, one in enumerate(units):
                row = (
                    uuid4(),
                    "2026-01-01T00:00:00Z",
                    "approved",
                    one,
                    f"seller{n}@bench.example",
                    str(uuid4()),
                )
                copy.write_row((*row, None))
        connection.execute("CREATE INDEX ON payout (next_at, id) WHERE state = 'approved'")
    return sum(units)


def pay(url: str, paypal: Sandbox, *, threads: int) -> float:
    """This will pay everything in the table, one call per payout, and give the seconds it took."""
    token = _paypal_token(paypal)
    return seconds_of(lambda: _pay(url, paypal, token), threads=threads)


def _pay(url: str, paypal: Sandbox, token: str) -> None:
    with psycopg.connect(url) as connection, session(token) as http:
        while (claimed := _claim(connection)) is not None:
            pk, units, receiver, key = claimed
            answer = http.post(
                f"{paypal.url}/v1/payments/payouts", json=_order(units, receiver, key), timeout=60
            )
            answer.raise_for_status()
            reference = answer.json()["batch_header"]["payout_batch_id"]
            connection.execute(
                "UPDATE payout SET state = 'sent', reference = %s WHERE id = %s", [reference, pk]
            )
            connection.commit()


def _claim(connection: psycopg.Connection[Any]) -> tuple[Any, int, str, str] | None:
    row = connection.execute(
        "UPDATE payout SET state = 'sending' WHERE id = (SELECT id FROM payout WHERE state = 'approved'"
        " ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, units, receiver, key"
    ).fetchone()
    connection.commit()
    return None if row is None else (row[0], row[1], row[2], row[3])


def _order(units: int, receiver: str, key: str) -> dict[str, Any]:
    return {
        "sender_batch_header": {"sender_batch_id": key, "email_subject": "You have a payout"},
        "items": [
            {
                "recipient_type": "EMAIL",
                "receiver": receiver,
                "amount": {"value": f"{units // 100}.{units % 100:02}", "currency": "EUR"},
                "sender_item_id": key,
            }
        ],
    }


def _paypal_token(paypal: Sandbox) -> str:
    answer = paypal.session.post(
        f"{paypal.url}/v1/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(paypal.credentials["client_id"], paypal.credentials["client_secret"]),
        timeout=30,
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


# --- hearing ------------------------------------------------------------------------------------------------------


def hear(url: str, flex: Sandbox, *, params: dict[str, str]) -> tuple[int, float]:
    """This will read all events page by page, each page one INSERT and one commit; gives how many, and the seconds."""
    with psycopg.connect(url) as connection, session(flex_token(flex)) as http:
        connection.execute(_EVENTS)
        connection.commit()
        heard = 0
        start = time.perf_counter()
        while True:
            answer = http.get(f"{flex.url}/v1/integration_api/events/query", params=params, timeout=60)
            answer.raise_for_status()
            page = answer.json()["data"]
            if page:
                _insert(connection, page)
                heard += len(page)
                params = {"eventTypes": params["eventTypes"], "startAfterSequenceId": str(_last(page))}
            if len(page) < 100:
                return heard, time.perf_counter() - start


def _insert(connection: psycopg.Connection[Any], page: Sequence[dict[str, Any]]) -> None:
    values = []
    for one in page:
        facts = one["attributes"]
        values += [
            one["id"],
            facts["sequenceId"],
            facts["eventType"],
            facts["resourceId"],
            facts["createdAt"],
        ]
        values.append(Jsonb(facts))
    places = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(page))
    connection.execute(f"INSERT INTO event VALUES {places}", values)
    connection.commit()


def _last(page: Sequence[dict[str, Any]]) -> int:
    return int(page[-1]["attributes"]["sequenceId"])


def flex_token(flex: Sandbox) -> str:
    """This will log in to Sharetribe as an application does."""
    answer = flex.session.post(
        f"{flex.url}/v1/auth/token",
        data={
            "grant_type": "client_credentials",
            "client_id": flex.credentials["client_id"],
            "client_secret": flex.credentials["client_secret"],
            "scope": "integ",
        },
        timeout=30,
    )
    answer.raise_for_status()
    return str(answer.json()["access_token"])


# --- announcing ---------------------------------------------------------------------------------------------------


def announce(flex: Sandbox, transactions: Sequence[str], *, connections: int) -> float:
    """This will read each transaction and write to its metadata, over so many connections; gives the seconds."""
    token = flex_token(flex)
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for one in transactions:
        waiting.put(one)

    def work() -> None:
        with session(token) as http:
            while True:
                try:
                    one = waiting.get_nowait()
                except queue.Empty:
                    return
                _announce(http, flex.url, one)

    return seconds_of(work, threads=connections)


def _announce(http: requests.Session, url: str, transaction: str) -> None:
    shown = http.get(
        f"{url}/v1/integration_api/transactions/show",
        params={"id": transaction, "include": "provider"},
        timeout=60,
    )
    shown.raise_for_status()
    # Under a name of its own: the product would stop at a payout that it does not know.
    said = {"status": "announced", "reference": "PO-BARE0-00000", "at": "2026-01-01T00:00:00.000Z"}
    told = http.post(
        f"{url}/v1/integration_api/transactions/update_metadata",
        params={"expand": "true"},
        json={"id": transaction, "metadata": {"bare": said}},
        timeout=60,
    )
    told.raise_for_status()
    if told.json()["data"]["attributes"]["metadata"].get("bare") != said:
        raise NotAsPromised("The baseline's announcement was not repeated.")
