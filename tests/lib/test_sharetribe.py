"""The client against the sandbox's Sharetribe: what it asks, what it survives, what it never does twice."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, connections, transaction

from marketplace_payouts.lib.http import BadBaseUrl, Timeouts
from marketplace_payouts.lib.shared_state import InTransaction, shared_lock
from marketplace_payouts.lib.sharetribe import (
    FlexBadAnswer,
    FlexBusy,
    FlexClient,
    FlexConfig,
    FlexConflict,
    FlexError,
    FlexMoney,
    FlexNotFound,
    FlexRefused,
    FlexThrottled,
    FlexTooMany,
    FlexUnauthorized,
    FlexUnavailable,
    FlexUnknownOutcome,
    Transaction,
    calling,
    credits_of,
    paging,
    polling_credits_per_month,
)
from tests.lib.raw_server import plain, raw_server
from tests.sandbox_services import SandboxService

pytestmark = pytest.mark.django_db(transaction=True)

API = "/v1/integration_api/"
TOKEN = "/v1/auth/token"
CONFIRM = "transition/operator-mark-delivered"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "_FIRST_PAUSE_S", 0.01)


@pytest.fixture
def _pauses_longer_than_any_patience(_short_pauses: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling, "_FIRST_PAUSE_S", calling._LONGEST_PAUSE_S)


@pytest.fixture
def config(flex_sandbox: SandboxService) -> FlexConfig:
    return FlexConfig(
        base_url=flex_sandbox.url,
        client_id=flex_sandbox.credentials["client_id"],
        client_secret=flex_sandbox.credentials["client_secret"],
        allow_loopback_http=True,
        patience_s=10,
        timeouts=Timeouts(connect=2, read=2, total=5),
    )


@pytest.fixture
def called() -> list[str]:
    return []


@pytest.fixture
def flex(config: FlexConfig, called: list[str]) -> Iterator[FlexClient]:
    client = FlexClient(config=config, on_call=called.append)
    yield client
    client.close()


def another(config: FlexConfig, called: list[str] | None = None, **changes: Any) -> FlexClient:
    """Give a client as another process would have it: it knows only what is shared."""
    return FlexClient(
        config=dataclasses.replace(config, **changes), on_call=None if called is None else called.append
    )


def asked(sandbox: SandboxService, path: str) -> int:
    return sum(1 for entry in sandbox.requests()["requests"] if entry["target"].startswith(path))


@pytest.fixture
def deal(flex_sandbox: SandboxService) -> UUID:
    """A transaction that the payee is still to deliver."""
    return UUID(flex_sandbox.post("/_sandbox/transactions", {"state": "state/purchased"})["id"])


# ---------------------------------------------------------------------------------------------- what it reads


def test_names_the_marketplace(flex: FlexClient, flex_sandbox: SandboxService) -> None:
    found = flex.marketplace_show()
    assert str(found.id) == flex_sandbox.credentials["marketplace_id"]
    assert found.name == flex_sandbox.credentials["marketplace_name"]


def test_reads_events_in_order_and_from_a_cursor(flex: FlexClient, flex_sandbox: SandboxService) -> None:
    flex_sandbox.post("/_sandbox/bulk", {"transactions": 120})
    begin = datetime.now(UTC) - timedelta(days=1)
    kinds = ["transaction/initiated"]
    first = flex.events(created_at_start=begin, event_types=kinds)
    second = flex.events(start_after=first.events[-1].sequence_id, event_types=kinds)
    assert (len(first.events), first.is_full, len(second.events), second.is_full) == (100, True, 20, False)
    ids = [event.sequence_id for event in [*first.events, *second.events]]
    assert ids == sorted(set(ids))
    event = first.events[0]
    assert event.event_type == "transaction/initiated"
    assert str(event.marketplace_id) == flex_sandbox.credentials["marketplace_id"]
    assert Transaction.parse(event.resource).id == event.resource_id
    empty = flex.events(start_after=ids[-1], event_types=kinds)
    assert (list(empty.events), empty.is_full) == ([], False)


def test_takes_one_cursor_only(flex: FlexClient) -> None:
    with pytest.raises(ValueError, match="not both"):
        flex.events(start_after=1, created_at_start=datetime.now(UTC))


def test_knows_its_own_echo(flex: FlexClient, flex_sandbox: SandboxService, deal: UUID) -> None:
    flex.update_metadata(deal, {"payout": {"status": "paid"}})
    event = flex.events(start_after=0, event_types=["transaction/updated"]).events[-1]
    assert event.client_id == flex_sandbox.credentials["client_id"]
    assert event.previous_values["attributes"]["metadata"] == {"payout": None}


@pytest.mark.parametrize("kind", ["event_duplicate", "poison_event", "event_unknown_type"])
def test_passes_odd_events_on(flex: FlexClient, flex_sandbox: SandboxService, kind: str) -> None:
    flex_sandbox.fault(kind, times=1)
    flex_sandbox.post("/_sandbox/transactions", {"state": "state/purchased"})
    events = flex.events(start_after=0).events
    assert {"transaction/initiated", "transaction/transitioned"} <= {event.event_type for event in events}


def test_reads_a_transaction(flex: FlexClient, flex_sandbox: SandboxService) -> None:
    made = flex_sandbox.post("/_sandbox/transactions", {"state": "state/received", "currency": "EUR"})
    found = flex.transaction(UUID(made["id"]), include=["provider", "customer"])
    assert found.process_name == made["process"]
    assert (found.state, found.last_transition) == ("state/received", made["last_transition"])
    assert found.payout_total == FlexMoney(**made["payout_total"])
    assert (str(found.provider_id), str(found.customer_id)) == (made["provider"], made["customer"])
    assert [entry.by for entry in found.transitions][:2] == ["customer", "operator"]
    assert found.line_items[0]["code"].startswith("line-item/")
    assert {entry["type"] for entry in found.included} == {"user"}
    assert found.created_at.tzinfo is not None


def test_reads_a_user(flex: FlexClient, flex_sandbox: SandboxService) -> None:
    made = flex_sandbox.post("/_sandbox/users", {"email": "payee@example.com", "stripeConnected": True})
    found = flex.user(UUID(made["id"]))
    assert (found.email, found.stripe_connected, found.state, found.deleted) == (
        "payee@example.com",
        True,
        "active",
        False,
    )


def test_says_that_something_does_not_exist(flex: FlexClient, called: list[str]) -> None:
    with pytest.raises(FlexNotFound) as missing:
        flex.transaction(uuid4())
    assert (missing.value.status, missing.value.code) == (404, "not-found")
    assert missing.value.request_id
    assert called == ["auth/token", "transactions/show"]


def test_walks_all_transactions_once(
    flex: FlexClient, flex_sandbox: SandboxService, called: list[str]
) -> None:
    flex_sandbox.post("/_sandbox/bulk", {"transactions": 230})
    walked = list(flex.transactions())
    assert len({found.id for found in walked}) == len(walked) == 230
    assert [found.created_at for found in walked] == sorted(found.created_at for found in walked)
    assert called.count("transactions/query") == 3


@pytest.mark.parametrize("totals", [True, False])
def test_walks_beyond_the_ceiling_of_paging(
    flex: FlexClient, flex_sandbox: SandboxService, monkeypatch: pytest.MonkeyPatch, totals: bool
) -> None:
    flex_sandbox.post("/_sandbox/settings", {"totals": totals})
    for _ in range(3):
        flex_sandbox.post("/_sandbox/bulk", {"transactions": 110})
        flex_sandbox.advance(60)
    monkeypatch.setattr(paging, "_CEILING", 200)
    try:
        walked = list(flex.transactions())
    finally:
        flex_sandbox.post("/_sandbox/settings", {"totals": True})
    assert len({found.id for found in walked}) == len(walked) == 330


def test_says_when_a_walk_cannot_end(
    flex: FlexClient, flex_sandbox: SandboxService, monkeypatch: pytest.MonkeyPatch
) -> None:
    flex_sandbox.post("/_sandbox/bulk", {"transactions": 150})
    monkeypatch.setattr(paging, "_CEILING", 100)
    with pytest.raises(FlexTooMany):
        list(flex.transactions(transitioned_after=datetime(2020, 1, 1, tzinfo=UTC)))


def test_walks_what_changed_lately(flex: FlexClient, flex_sandbox: SandboxService) -> None:
    old = flex_sandbox.post("/_sandbox/transactions", {"state": "state/purchased"})["id"]
    flex_sandbox.advance(3600)
    since = datetime.now(UTC) + timedelta(seconds=1800)
    assert not list(flex.transactions(transitioned_after=since))
    new = flex_sandbox.post("/_sandbox/transactions", {"state": "state/delivered"})["id"]
    assert [str(found.id) for found in flex.transactions(transitioned_after=since)] == [new]
    assert {str(found.id) for found in flex.transactions()} == {old, new}


def test_narrows_a_walk(flex: FlexClient, flex_sandbox: SandboxService) -> None:
    made = [
        flex_sandbox.post("/_sandbox/transactions", {"state": state})
        for state in ("state/purchased", "state/received")
    ]
    for terms in (
        {"states": ["state/received"]},
        {"last_transitions": [made[1]["last_transition"]]},
        {"provider_id": UUID(made[1]["provider"])},
        {"customer_id": UUID(made[1]["customer"]), "process_names": [made[1]["process"]]},
    ):
        assert [str(found.id) for found in flex.transactions(**terms)] == [made[1]["id"]]


# ----------------------------------------------------------------------------------------------- what it does


def test_merges_metadata(flex: FlexClient, deal: UUID) -> None:
    flex.update_metadata(deal, {"payout": {"status": "sent"}, "note": "x"})
    done = flex.update_metadata(deal, {"payout": {"status": "paid"}, "note": None})
    assert done is not None
    assert done.metadata["payout"] == {"status": "paid"}
    assert done.metadata.get("note") is None
    assert flex.update_metadata(deal, {"a": 1}, expand=False) is None


def test_refuses_metadata_that_is_too_large(flex: FlexClient, deal: UUID) -> None:
    with pytest.raises(ValueError, match="50 KB"):
        flex.update_metadata(deal, {"a": "x" * 52_000})


def test_makes_a_transition(flex: FlexClient, deal: UUID) -> None:
    assert flex.transition_speculative(deal, CONFIRM).state == "state/delivered"
    assert flex.transaction(deal).state == "state/purchased"
    assert flex.transition(deal, CONFIRM).last_transition == CONFIRM
    with pytest.raises(FlexConflict) as refused:
        flex.transition(deal, CONFIRM)
    assert refused.value.code == "transaction-invalid-transition"


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "html_body", "truncated_body"])
def test_never_repeats_a_transition_in_doubt(
    flex: FlexClient, flex_sandbox: SandboxService, deal: UUID, fault: str
) -> None:
    flex.marketplace_show()
    flex_sandbox.fault(fault, match={"path": API + "transactions/transition"})
    with pytest.raises(FlexUnknownOutcome):
        flex.transition(deal, CONFIRM)
    assert asked(flex_sandbox, API + "transactions/transition") == 1
    assert flex.transaction(deal).last_transition == CONFIRM


def test_an_unanswered_transition_is_in_doubt(
    config: FlexConfig, flex_sandbox: SandboxService, deal: UUID
) -> None:
    flex_sandbox.fault("hang", match={"path": API + "transactions/transition"}, seconds=3, when="after")
    with pytest.raises(FlexUnknownOutcome):
        another(config, timeouts=Timeouts(connect=1, read=0.3, total=2)).transition(deal, CONFIRM)


@pytest.mark.parametrize("fault", ["rate_limit", "transaction_locked", "token_expired"])
def test_repeats_a_transition_that_was_certainly_not_made(
    flex: FlexClient, flex_sandbox: SandboxService, deal: UUID, fault: str
) -> None:
    flex_sandbox.fault(fault, match={"path": API + "transactions/transition"}, times=1, seconds=0)
    assert flex.transition(deal, CONFIRM).last_transition == CONFIRM


@pytest.mark.parametrize(
    "fault", ["drop_before", "drop_after", "error_before", "error_after", "truncated_body"]
)
def test_repeats_a_metadata_write_in_doubt(
    flex: FlexClient, flex_sandbox: SandboxService, deal: UUID, fault: str
) -> None:
    flex_sandbox.fault(fault, match={"path": API + "transactions/update_metadata"}, times=2)
    done = flex.update_metadata(deal, {"payout": {"status": "paid"}})
    assert done is not None
    assert done.metadata["payout"] == {"status": "paid"}


# ------------------------------------------------------------------------------------------- what it survives


@pytest.mark.parametrize(
    "fault", ["drop_before", "error_before", "html_body", "truncated_body", "rate_limit", "drop_after"]
)
def test_asks_a_question_again(
    flex: FlexClient, flex_sandbox: SandboxService, called: list[str], fault: str
) -> None:
    flex_sandbox.fault(fault, match={"path": API + "marketplace/show"}, times=2, seconds=0)
    assert flex.marketplace_show().name
    assert called.count("marketplace/show") == 3


def test_asks_again_for_as_long_as_the_patience_lasts(
    flex: FlexClient, flex_sandbox: SandboxService, called: list[str]
) -> None:
    flex.marketplace_show()
    flex_sandbox.fault("error_before", match={"path": API}, status=503)
    with pytest.raises(FlexUnavailable):
        flex.marketplace_show(patience_s=2)
    assert called.count("marketplace/show") > 2


@pytest.mark.usefixtures("_pauses_longer_than_any_patience")
def test_does_not_ask_again_when_the_patience_would_be_over(
    flex: FlexClient, flex_sandbox: SandboxService, called: list[str]
) -> None:
    flex_sandbox.fault("error_before", match={"path": API}, status=503)
    with pytest.raises(FlexUnavailable) as failed:
        flex.marketplace_show()
    assert failed.value.status == 503
    assert called.count("marketplace/show") == 1


def test_does_not_wait_longer_than_it_may_for_a_throttle(
    flex: FlexClient, flex_sandbox: SandboxService
) -> None:
    flex.marketplace_show()
    flex_sandbox.fault("rate_limit", match={"path": API}, seconds=30)
    with pytest.raises(FlexThrottled) as refused:
        flex.marketplace_show(patience_s=5)
    assert refused.value.retry_after == 30


@pytest.mark.parametrize(
    ("code", "error"), [("forbidden", "FlexForbidden"), ("transaction-payment-failed", "FlexRefused")]
)
def test_names_a_refusal(
    flex: FlexClient, flex_sandbox: SandboxService, deal: UUID, code: str, error: str
) -> None:
    flex_sandbox.fault("api_error", match={"path": API + "transactions/transition"}, value=code)
    with pytest.raises(FlexError) as refused:
        flex.transition(deal, CONFIRM)
    assert type(refused.value).__name__ == error
    assert refused.value.code == code


def test_a_wrong_question_is_refused_and_not_repeated(flex: FlexClient, called: list[str]) -> None:
    with pytest.raises(FlexRefused):
        flex.transition(uuid4(), "not a transition")
    assert called.count("transactions/transition") == 1


def test_nobody_there(config: FlexConfig) -> None:
    with pytest.raises(FlexUnavailable):
        another(config, base_url="http://127.0.0.1:1", patience_s=0.2).marketplace_show()


@pytest.mark.parametrize(
    "url", ["http://flex-integ-api.sharetribe.com", "https://sharetribe.evil.example", "http://10.0.0.1"]
)
def test_talks_to_sharetribe_only(config: FlexConfig, url: str) -> None:
    with pytest.raises(BadBaseUrl):
        another(config, base_url=url)


def test_refuses_to_call_in_a_transaction(flex: FlexClient) -> None:
    flex.marketplace_show()
    with transaction.atomic(), pytest.raises(InTransaction):
        flex.marketplace_show()


# ------------------------------------------------------------------------------------------------- the token


def test_shares_one_token_among_processes(config: FlexConfig, flex_sandbox: SandboxService) -> None:
    for _ in range(3):
        another(config).marketplace_show()
    assert asked(flex_sandbox, TOKEN) == 1


def test_seals_the_token(flex: FlexClient, flex_sandbox: SandboxService) -> None:
    flex.marketplace_show()
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM lib_secret")
        sealed = bytes(cursor.fetchone()[0])
    assert b"access" not in sealed
    assert b"refresh" not in sealed


def test_renews_a_token_that_is_refused(
    flex: FlexClient, flex_sandbox: SandboxService, called: list[str]
) -> None:
    flex.marketplace_show()
    flex_sandbox.post("/_sandbox/tokens/expire")
    assert flex.marketplace_show().name
    assert called == ["auth/token", "marketplace/show", "marketplace/show", "auth/token", "marketplace/show"]


def test_one_renewal_serves_all(config: FlexConfig, flex_sandbox: SandboxService) -> None:
    processes = [another(config) for _ in range(4)]
    for process in processes:
        process.marketplace_show()
    flex_sandbox.post("/_sandbox/tokens/expire")
    for process in processes:
        process.marketplace_show()
    assert asked(flex_sandbox, TOKEN) == 2


def test_falls_back_to_the_secret_when_the_refresh_is_refused(
    flex: FlexClient, flex_sandbox: SandboxService, called: list[str]
) -> None:
    flex.marketplace_show()
    flex_sandbox.post("/_sandbox/tokens/expire")
    flex_sandbox.fault("token_refused", times=1)
    assert flex.marketplace_show().name
    assert called.count("auth/token") == 3


def test_climbs_the_whole_ladder_and_gives_up(
    flex: FlexClient, flex_sandbox: SandboxService, called: list[str]
) -> None:
    flex_sandbox.fault("token_expired", match={"path": API})
    with pytest.raises(FlexUnauthorized):
        flex.marketplace_show()
    # The first token, the refreshed one, and one by the secret; each tried once.
    assert called.count("auth/token") == called.count("marketplace/show") == 3


def test_a_wrong_secret_is_named(config: FlexConfig, called: list[str]) -> None:
    with pytest.raises(FlexUnauthorized, match="client id and secret"):
        another(config, called, client_secret="wrong").marketplace_show()
    assert called == ["auth/token"]


def test_goes_on_with_the_old_token_while_another_renews(
    config: FlexConfig, flex_sandbox: SandboxService
) -> None:
    flex_sandbox.post("/_sandbox/settings", {"access_ttl_s": 10})
    try:
        another(config).marketplace_show()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE lib_secret SET expires_at = clock_timestamp() + interval '1.5 second'")
        with _held_elsewhere(f"{config.name} token"):
            another(config).marketplace_show()
        assert asked(flex_sandbox, TOKEN) == 1
        another(config).marketplace_show()
        assert asked(flex_sandbox, TOKEN) == 2
    finally:
        flex_sandbox.post("/_sandbox/settings", {"access_ttl_s": 3600})


def test_goes_on_with_the_old_token_when_renewing_it_ahead_fails(
    config: FlexConfig, flex_sandbox: SandboxService
) -> None:
    another(config).marketplace_show()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE lib_secret SET expires_at = clock_timestamp() + interval '5 minutes'")
    flex_sandbox.fault("error_before", match={"path": TOKEN}, status=503)
    assert another(config).marketplace_show().name


def test_does_not_wait_for_ever_for_another_that_renews(config: FlexConfig) -> None:
    with _held_elsewhere(f"{config.name} token"), pytest.raises(FlexBusy):
        another(config).marketplace_show(patience_s=0.3)


class _held_elsewhere:  # noqa: N801 - reads as a verb where it is used
    """Hold a shared lock in another session."""

    def __init__(self, name: str) -> None:
        self.name, self.taken, self.over = name, threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._hold)

    def _hold(self) -> None:
        with shared_lock(self.name):
            self.taken.set()
            self.over.wait(10)
        connections.close_all()

    def __enter__(self) -> None:
        self.thread.start()
        assert self.taken.wait(5)

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(5)


# -------------------------------------------------------------------------------------------------- the limits


def test_makes_ten_requests_at_once_and_no_more(config: FlexConfig, flex_sandbox: SandboxService) -> None:
    clients = [another(config) for _ in range(4)]
    clients[0].marketplace_show()
    # The sandbox refuses the eleventh; nothing would be left of these pauses if it did.
    flex_sandbox.post("/_sandbox/settings", {"latency_ms": 50})
    failures: list[BaseException] = []

    def work(client: FlexClient) -> None:
        try:
            client.marketplace_show()
        except FlexError as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(clients[n % 4],)) for n in range(24)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    finally:
        flex_sandbox.post("/_sandbox/settings", {"latency_ms": 0})
    assert not failures
    statuses = [e["outcome"] for e in flex_sandbox.requests()["requests"] if e["target"].startswith(API)]
    assert statuses == [200] * 25


def test_runs_side_by_side_make_ten_requests_at_once_and_no_more(
    config: FlexConfig, flex_sandbox: SandboxService
) -> None:
    clients = [another(config) for _ in range(3)]
    clients[0].marketplace_show()
    flex_sandbox.post("/_sandbox/settings", {"latency_ms": 50})

    def run(client: FlexClient) -> None:
        try:
            client.side_by_side(lambda _: client.marketplace_show(), range(20))
        finally:
            connections.close_all()

    try:
        with ThreadPoolExecutor(len(clients)) as pool:
            list(pool.map(run, clients))
    finally:
        flex_sandbox.post("/_sandbox/settings", {"latency_ms": 0})
    statuses = [e["outcome"] for e in flex_sandbox.requests()["requests"] if e["target"].startswith(API)]
    assert statuses == [200] * 61


def test_keeps_the_rate_of_a_test_marketplace(config: FlexConfig, flex_sandbox: SandboxService) -> None:
    flex_sandbox.post("/_sandbox/settings", {"rate_limits": True, "burst_s": 3})
    try:
        clients = [another(config, rate_limited=True, query_burst=3) for _ in range(2)]
        for n in range(4):
            clients[n % 2].marketplace_show()
        with pytest.raises(FlexBusy):
            clients[0].marketplace_show(patience_s=0.2)
    finally:
        flex_sandbox.post("/_sandbox/settings", {"rate_limits": False, "burst_s": 60})
    statuses = [e["outcome"] for e in flex_sandbox.requests()["requests"] if e["target"].startswith(API)]
    # On a busy machine one call may arrive late and the next in time, so that the two come too close together.
    assert statuses.count(200) == 4
    assert statuses.count(429) <= 1


def test_a_throttle_holds_everybody_back(config: FlexConfig, flex_sandbox: SandboxService) -> None:
    first, second = (another(config, rate_limited=True) for _ in range(2))
    first.marketplace_show()
    flex_sandbox.fault("rate_limit", match={"path": API}, times=1, seconds=30)
    with pytest.raises(FlexThrottled):
        first.marketplace_show()
    with pytest.raises(FlexBusy):
        second.marketplace_show()


def test_counts_what_it_asks(flex: FlexClient, called: list[str]) -> None:
    flex.marketplace_show()
    flex.events(start_after=0)
    assert called == ["auth/token", "marketplace/show", "events/query"]
    assert sum(credits_of(kind).credits for kind in called) == 6
    assert not credits_of("transactions/transition").verified
    assert polling_credits_per_month(interval_s=60) == 216_000


def _in_a_child(client: FlexClient, said: Any) -> None:
    connections.close_all()
    said.put((os.getpid(), client.marketplace_show().name))


def test_survives_a_fork(flex: FlexClient, flex_sandbox: SandboxService) -> None:
    flex.marketplace_show()
    connections.close_all()
    context = multiprocessing.get_context("fork")
    said = context.SimpleQueue()
    child = context.Process(target=_in_a_child, args=(flex, said))
    child.start()
    pid, name = said.get()
    child.join(10)
    assert (child.exitcode, name) == (0, flex_sandbox.credentials["marketplace_name"])
    assert pid != os.getpid()
    assert flex.marketplace_show().name == name
    assert asked(flex_sandbox, TOKEN) == 1


# --------------------------------------------------------------------------------------- answers that are wrong


def served(config: FlexConfig, *bodies: bytes) -> Iterator[FlexClient]:
    token = plain(b'{"access_token": "a", "expires_in": 3600, "refresh_token": "r"}')
    with raw_server() as server:
        server.scripts = [server.answering(token, *[plain(body) for body in bodies])]
        client = another(config, base_url=server.url)
        yield client
        client.close()


@pytest.mark.usefixtures("_pauses_longer_than_any_patience")
@pytest.mark.parametrize(
    "body",
    [
        b'{"data": {"id": "x"}}',
        b'{"data": [{"id": "x", "type": "event"}]}',
        b"[]",
        b'{"data": null}',
        b'{"data": [{"id": "0374d5d6-408d-5bae-9164-af2b70ca1117", "attributes": {"sequenceId": 1.0}}]}',
    ],
)
def test_refuses_events_without_shape(config: FlexConfig, body: bytes) -> None:
    for client in served(config, body):
        with pytest.raises(FlexBadAnswer):
            client.events(start_after=0)


def _event(sequence_id: int) -> dict[str, Any]:
    some_id = "0374d5d6-408d-5bae-9164-af2b70ca1117"
    attributes = {
        "sequenceId": sequence_id,
        "createdAt": "2026-01-01T00:00:00.000Z",
        "eventType": "a/b",
        "resourceType": "a",
        "resourceId": some_id,
    }
    return {"id": some_id, "type": "event", "attributes": attributes}


@pytest.mark.usefixtures("_pauses_longer_than_any_patience")
@pytest.mark.parametrize(("ids", "per_page"), [((3, 2), 100), ((1, 2), 2)])
def test_refuses_events_that_would_lead_astray(
    config: FlexConfig, ids: tuple[int, int], per_page: int
) -> None:
    body = {"data": [_event(sequence_id) for sequence_id in ids], "meta": {"perPage": per_page}}
    for client in served(config, json.dumps(body).encode()):
        with pytest.raises(FlexBadAnswer):
            client.events(start_after=2)


@pytest.mark.usefixtures("_pauses_longer_than_any_patience")
@pytest.mark.parametrize("attributes", ["{}", '{"payoutTotal": {"amount": 1.5, "currency": "EUR"}}'])
def test_one_unreadable_transaction_steps_aside(config: FlexConfig, attributes: str) -> None:
    record = f'{{"id": "0374d5d6-408d-5bae-9164-af2b70ca1117", "attributes": {attributes}}}'
    body = f'{{"data": [{record}], "meta": {{"totalPages": 1}}}}'.encode()
    aside: list[object] = []
    for client in served(config, body):
        assert not list(client.transactions(on_unreadable=lambda raw, _error: aside.append(raw)))
    assert len(aside) == 1
    for client in served(config, body):
        with pytest.raises(FlexBadAnswer):
            list(client.transactions())


def test_shows_no_secret(config: FlexConfig) -> None:
    assert config.client_secret not in repr(config)
