"""Each fault is real: the socket, the work and the ledger tell the same story."""

import threading
import time

import pytest
import requests

from tests.sandbox.paypal_api import Caller, item, order
from tests.sandbox_services import SandboxService

PATH = "/v1/payments/payouts$"
COMMON = {
    "drop_before",
    "drop_after",
    "error_before",
    "error_after",
    "delay",
    "accept_late",
    "hang",
    "rate_limit",
    "html_body",
    "truncated_body",
    "wrong_echo",
    "webhook_lose",
    "webhook_double",
    "webhook_replay",
    "webhook_reorder",
    "webhook_forge",
    "webhook_early",
    "webhook_late",
    "return",
    "insufficient_funds",
    "refuse",
}


def was_made(paypal: Caller, key: str) -> bool:
    """Say whether a batch of this key exists: asking again finds a duplicate with a link."""
    answer = paypal.pay(item("again@example.com"), key=key)
    return answer.status_code == 400 and bool(answer.json()["links"])


def test_lists_every_kind_with_what_it_does(paypal_sandbox: SandboxService):
    kinds = {kind["kind"]: kind["does"] for kind in paypal_sandbox.get("/_sandbox/kinds")["kinds"]}
    assert set(kinds) >= COMMON
    assert {"burn_id", "deny_batch", "stuck_pending"} <= set(kinds)
    assert all(kinds.values())


@pytest.mark.parametrize(("kind", "made"), [("drop_before", False), ("drop_after", True)])
def test_drops_the_connection_without_or_after_the_work(
    paypal: Caller, paypal_sandbox: SandboxService, kind: str, made: bool
):
    paypal_sandbox.fault(kind, match={"method": "POST", "path": PATH}, times=1)
    with pytest.raises(requests.ConnectionError):
        paypal.pay(item("a@example.com"), key="k")
    assert was_made(paypal, "k") is made


@pytest.mark.parametrize(("kind", "made"), [("error_before", False), ("error_after", True)])
def test_answers_an_error_without_or_after_the_work(
    paypal: Caller, paypal_sandbox: SandboxService, kind: str, made: bool
):
    paypal_sandbox.fault(kind, match={"path": PATH}, times=1, status=503)
    answer = paypal.pay(item("a@example.com"), key="k")
    assert (answer.status_code, answer.json()["name"]) == (503, "SERVICE_UNAVAILABLE")
    assert was_made(paypal, "k") is made


def test_delays_the_work_and_does_it_even_when_the_caller_has_gone(
    paypal: Caller, paypal_sandbox: SandboxService
):
    paypal_sandbox.fault("delay", match={"path": PATH}, times=1, seconds=0.3)
    with pytest.raises(requests.Timeout):
        paypal.call(
            "POST",
            "/v1/payments/payouts",
            {
                "sender_batch_header": {"sender_batch_id": "k"},
                "items": [item("a@example.com", recipient_type="EMAIL")],
            },
            timeout=0.1,
        )
    assert paypal_sandbox.ledger() == []
    deadline = time.monotonic() + 5
    while not paypal_sandbox.ledger():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert was_made(paypal, "k")


@pytest.mark.parametrize("waits", [False, True])
def test_does_late_what_was_asked_and_counts_whoever_had_gone(
    paypal: Caller, paypal_sandbox: SandboxService, waits: bool
):
    paypal_sandbox.fault("accept_late", match={"path": PATH}, times=1, seconds=3000)
    answers: list[object] = []

    def ask() -> None:
        try:
            body = order(item("a@example.com"), key="k")
            answer = paypal.call("POST", "/v1/payments/payouts", body, timeout=10 if waits else 0.1)
            answers.append(answer.status_code)
        except requests.Timeout as error:
            answers.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    if not waits:
        asking.join()
    deadline = time.monotonic() + 5
    while not paypal_sandbox.get("/_sandbox/requests?path=/v1/payments&method=POST")["requests"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert paypal_sandbox.ledger() == []
    paypal_sandbox.advance(3001)
    asking.join()
    (shown,) = paypal_sandbox.get("/_sandbox/faults")["faults"]
    assert (shown["hits"], shown["late"]) == (1, int(not waits))
    assert (answers == [201]) is waits
    assert was_made(paypal, "k")


@pytest.mark.parametrize("when", ["before", "after"])
def test_hangs_without_or_after_the_work_and_then_closes(
    paypal: Caller, paypal_sandbox: SandboxService, when: str
):
    paypal_sandbox.fault("hang", match={"path": PATH}, times=1, seconds=0.2, when=when)
    began = time.monotonic()
    with pytest.raises(requests.ConnectionError):
        paypal.pay(item("a@example.com"), key="k")
    assert time.monotonic() - began >= 0.2
    assert was_made(paypal, "k") is (when == "after")


def test_limits_the_rate_in_the_services_words(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("rate_limit", times=1, seconds=7)
    answer = paypal.pay(item("a@example.com"), key="k")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"
    assert answer.json()["name"] == "RATE_LIMIT_REACHED"
    assert not was_made(paypal, "k")


def test_answers_a_proxys_page_after_the_work(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("html_body", match={"path": PATH}, times=1)
    answer = paypal.pay(item("a@example.com"), key="k")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html")
    assert was_made(paypal, "k")


def test_cuts_an_answer_short_of_its_content_length(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("truncated_body", match={"path": PATH}, times=1)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        paypal.pay(item("a@example.com"), key="k")
    assert was_made(paypal, "k")


def test_says_something_else_than_it_did(paypal: Caller, paypal_sandbox: SandboxService):
    batch = paypal.settled(item("a@example.com", "10.00"))
    item_id = batch["items"][0]["payout_item_id"]
    paypal_sandbox.fault("wrong_echo", match={"reference": item_id}, times=1)
    lie = paypal.call("GET", f"/v1/payments/payouts-item/{item_id}").json()
    truth = paypal.call("GET", f"/v1/payments/payouts-item/{item_id}").json()
    assert lie["payout_item"]["amount"]["value"] == "110.00"
    assert truth["payout_item"]["amount"]["value"] == "10.00"
    [told] = paypal_sandbox.get("/_sandbox/lies")["lies"]
    assert (told["kind"], told["answer"]) == ("wrong_echo", None)
    assert {item_id, "a@example.com"} <= set(told["about"])
    assert paypal_sandbox.ledger()[0]["units"] == "1000"


def test_a_batch_goes_by_the_names_of_its_items(paypal: Caller, paypal_sandbox: SandboxService):
    hers, another = (
        paypal.settled(item(who))["batch_header"] for who in ("her@example.com", "x@example.com")
    )
    paypal_sandbox.fault("error_before", match={"method": "GET", "reference": "her@example.com"})
    for header, status in ((another, 200), (hers, 500)):
        assert paypal.call("GET", "/v1/payments/payouts/" + header["payout_batch_id"]).status_code == status


def test_strikes_as_often_as_asked_and_counts_it(paypal: Caller, paypal_sandbox: SandboxService):
    fault_id = paypal_sandbox.fault("error_before", match={"path": PATH}, times=2)
    answers = [paypal.pay(item("a@example.com")).status_code for _ in range(4)]
    assert answers == [500, 500, 201, 201]
    (shown,) = paypal_sandbox.get("/_sandbox/faults")["faults"]
    assert (shown["id"], shown["hits"]) == (fault_id, 2)
    paypal_sandbox.delete(f"/_sandbox/faults/{fault_id}")
    assert paypal_sandbox.get("/_sandbox/faults")["faults"] == []


def test_strikes_with_a_probability(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("error_before", match={"path": PATH}, probability=0.5)
    answers = {paypal.pay(item("a@example.com")).status_code for _ in range(60)}
    assert answers == {500, 201}
    paypal_sandbox.delete("/_sandbox/faults")
    paypal_sandbox.fault("error_before", probability=0)
    assert paypal.pay(item("a@example.com")).status_code == 201


def test_strikes_only_what_matches(paypal: Caller, paypal_sandbox: SandboxService):
    paypal_sandbox.fault("error_before", match={"method": "GET"})
    paypal_sandbox.fault("error_before", match={"path": "/v1/reporting"})
    paypal_sandbox.fault("error_before", match={"reference": "other-key"})
    assert paypal.pay(item("a@example.com"), key="this-key").status_code == 201
    assert paypal.pay(item("a@example.com"), key="other-key").status_code == 500


def test_matches_a_reference_that_the_path_does_not_spell_out(paypal: Caller, paypal_sandbox: SandboxService):
    batch = paypal.settled(item("a@example.com", key="ours"))
    paypal_sandbox.fault("error_before", match={"reference": "ours"}, times=1)
    item_id = batch["items"][0]["payout_item_id"]
    assert paypal.call("GET", f"/v1/payments/payouts-item/{item_id}").status_code == 500


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ([], "object"),
        ({"kind": "no_such"}, "no_such"),
        ({"kind": "delay", "tims": 1}, "tims"),
        ({"kind": "delay", "times": 0}, "times"),
        ({"kind": "delay", "times": True}, "times"),
        ({"kind": "delay", "probability": 2}, "probability"),
        ({"kind": "delay", "seconds": -1}, "seconds"),
        ({"kind": "delay", "status": 42}, "status"),
        ({"kind": "delay", "match": {"url": "/"}}, "match"),
        ({"kind": "delay", "match": {"path": "("}}, "regular expression"),
        ({"kind": "delay", "match": {"reference": 1}}, "match"),
        ({"kind": "hang", "when": "never"}, "when"),
    ],
)
def test_refuses_a_fault_that_makes_no_sense(paypal_sandbox: SandboxService, asked, named: str):
    answer = requests.post(f"{paypal_sandbox.url}/_sandbox/faults", json=asked, timeout=10)
    assert answer.status_code == 400
    assert named in answer.json()["error"]


@pytest.mark.parametrize(
    ("door", "asked"),
    [
        ("clock", {"advance_s": "1"}),
        ("clock", {"advance_s": -1}),
        ("clock", {}),
        ("funds", {"currency": "XXX", "units": 1}),
        ("funds", {"currency": "USD", "units": -1}),
        ("funds", {"currency": "USD", "units": 1.5}),
        ("fate", {"reference": "x", "status": "GONE"}),
        ("fate", {"reference": "x"}),
        ("webhook", {"url": "https://example.com/hook"}),
        ("return", {"reference": "x", "units": 1}),
    ],
)
def test_refuses_steering_that_makes_no_sense(paypal_sandbox: SandboxService, door: str, asked):
    answer = requests.post(f"{paypal_sandbox.url}/_sandbox/{door}", json=asked, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]
    broken = requests.post(f"{paypal_sandbox.url}/_sandbox/{door}", data=b"{", timeout=10)
    assert broken.status_code == 400


def test_keeps_a_log_of_what_was_asked_without_what_authenticates(
    paypal: Caller, paypal_sandbox: SandboxService
):
    paypal.pay(item("a@example.com"), key="logged")
    paypal_sandbox.fault("drop_before", times=1)
    with pytest.raises(requests.ConnectionError):
        paypal.pay(item("a@example.com"), key="dropped")
    log = paypal_sandbox.get("/_sandbox/requests?path=/v1/payments")
    assert [entry["outcome"] for entry in log["requests"]] == [201, "drop_before"]
    assert "authorization" not in log["requests"][0]["headers"]
    (found,) = paypal_sandbox.get("/_sandbox/requests?reference=logged")["requests"]
    assert '"sender_batch_id": "logged"' in found["body"]


def test_forgets_everything_on_reset_even_what_was_still_to_happen(
    paypal: Caller, paypal_sandbox: SandboxService
):
    paypal.settled(item("a@example.com"))
    paypal_sandbox.advance(5000)
    paypal_sandbox.fault("delay", match={"path": PATH}, seconds=0.2)
    ends = []

    def ask() -> None:
        with pytest.raises(requests.ConnectionError) as end:
            paypal.pay(item("b@example.com"))
        ends.append(end)

    late = threading.Thread(target=ask)
    late.start()
    deadline = time.monotonic() + 5
    while len(paypal_sandbox.get("/_sandbox/requests?path=/v1/payments&method=POST")["requests"]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    paypal_sandbox.reset()
    late.join()
    assert ends, "what was asked before the reset is not answered after it"
    assert paypal_sandbox.ledger() == []
    assert paypal_sandbox.get("/_sandbox/faults")["faults"] == []
    assert paypal_sandbox.get("/_sandbox/lies")["lies"] == []
    assert paypal_sandbox.get("/_sandbox/clock")["offset_s"] == 0
    assert paypal_sandbox.get("/_sandbox/requests")["total"] == 0
    assert paypal_sandbox.get("/_sandbox/ledger")["totals"] == {}


DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/_sandbox/requests?limit=%C2%B2", b""),
        ("GET", "/_sandbox/ledger?after=%C2%B2", b""),
        ("POST", "/_sandbox/funds", '{"currency": "EUR", "units": "²"}'.encode()),
        ("POST", "/_sandbox/clock", DEEP),
        ("POST", "/_sandbox/faults", b'{"kind": "delay", "seconds": 1e400}'),
    ],
)
def test_says_what_is_wrong_with_any_steering(
    paypal_sandbox: SandboxService, method: str, path: str, body: bytes
):
    answer = requests.request(method, paypal_sandbox.url + path, data=body, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]
