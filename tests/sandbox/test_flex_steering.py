"""Steering the marketplace, time, limits, and what survives a restart."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.sandbox.flex_api import Caller, code_of
from tests.sandbox_services import SandboxService

DAY = 86_400


@pytest.fixture
def flex(flex_sandbox: SandboxService) -> Caller:
    return Caller(flex_sandbox)


def refused(flex: Caller, path: str, body: object) -> int:
    return requests.post(f"{flex.service.url}/_sandbox/{path}", json=body, timeout=10).status_code


# ---------------------------------------------------------------------------------------- processes


def test_the_way_of_an_order_whose_payout_arrives(flex):
    made = flex.order()
    for name, actor in (
        ("operator-confirm-payment", "operator"),
        ("mark-delivered", "provider"),
        ("mark-received", "customer"),
    ):
        flex.steer(made["id"], name, actor=actor)
    for name in ("operator-mark-payout-sent", "operator-mark-payout-paid", "operator-mark-payout-returned"):
        assert flex.transition(made["id"], name, metadata={"payout": {"number": "PO-1"}}).ok
    assert flex.shown(made["id"])["state"] == "state/received"


def test_an_actor_does_only_what_is_theirs(flex):
    made = flex.order(state="purchased")
    path = f"transactions/{made['id']}/transition"
    assert refused(flex, path, {"transition": "mark-delivered", "actor": "customer"}) == 409
    assert refused(flex, path, {"transition": "transition/mark-delivered", "actor": "provider"}) == 201


def test_a_purchase_completes_at_once_when_it_was_received(flex):
    made = flex.order(process="default-purchase", state="delivered")
    flex.steer(made["id"], "mark-received")
    shown = flex.shown(made["id"])
    assert shown["lastTransition"] == "transition/auto-complete"
    assert [step["transition"] for step in shown["transitions"]][-2:] == [
        "transition/mark-received",
        "transition/auto-complete",
    ]
    assert shown["transitions"][-1]["by"] == "system"
    events = flex.events(eventTypes="transaction/transitioned")
    assert events[-1]["attributes"]["auditData"]["userId"] is None


def test_time_makes_timed_transitions_each_at_its_own_moment(flex):
    made = flex.order(state="delivered")
    flex.wait(13 * DAY)
    assert flex.shown(made["id"])["state"] == "state/delivered"
    flex.wait(100 * DAY)
    shown = flex.shown(made["id"])
    assert shown["state"] == "state/received"
    steps = shown["transitions"]
    assert steps[-1]["transition"] == "transition/auto-mark-received"
    # Fourteen days after delivery, not when somebody looked.
    assert steps[-1]["createdAt"] < flex.service.get("/_sandbox/clock")["now"][:10]
    event = flex.service.get("/_sandbox/events?limit=1")["events"][0]["attributes"]
    assert event["createdAt"] == steps[-1]["createdAt"]


def test_a_booking_completes_two_days_after_its_end(flex):
    made = flex.order(
        process="default-booking",
        state="accepted",
        bookingStart="2031-01-10T10:00:00Z",
        bookingEnd="2031-01-12T10:00:00Z",
    )
    assert flex.truth(made["id"])["booking"]["state"] == "accepted"
    flex.wait(6 * 366 * DAY)
    steps = flex.shown(made["id"])["transitions"]
    complete = next(step for step in steps if step["transition"] == "transition/complete")
    assert complete["createdAt"] == "2031-01-14T10:00:00.000Z"


def test_an_unpaid_order_expires_and_owes_nothing(flex):
    made = flex.order(process="default-download", state="pending-payment")
    flex.wait(16 * 60)
    shown = flex.shown(made["id"])
    assert shown["state"] == "state/payment-expired"
    assert shown["payoutTotal"] == {"amount": 0, "currency": "EUR"}


@pytest.mark.parametrize(
    ("process", "due", "earlier"),
    [
        ("default-purchase", "mark-received", "delivered"),
        ("default-booking", "operator-complete", "accepted"),
        ("default-download", "operator-complete", "purchased"),
        ("default-negotiation", "operator-accept-deliverable", "delivered"),
    ],
)
def test_default_processes_show_that_stripe_pays(flex, process, due, earlier):
    provider = flex.service.post("/_sandbox/users", {"stripeConnected": True})
    made = flex.order(process=process, state=earlier, provider=provider["id"])
    assert flex.truth(made["id"])["paid_by_stripe"] is False
    flex.steer(made["id"], due)
    shown = flex.shown(made["id"])
    intent = shown["protectedData"]["stripePaymentIntents"]["default"]
    assert intent["stripePaymentIntentId"].startswith("pi_")
    assert flex.truth(made["id"])["paid_by_stripe"] is True
    assert flex.get("users/show", id=provider["id"]).json()["data"]["attributes"]["stripeConnected"] is True


def test_the_example_process_shows_no_stripe(flex):
    made = flex.order(state="payout-paid")
    assert flex.truth(made["id"])["paid_by_stripe"] is False
    assert flex.shown(made["id"])["protectedData"] == {}


def test_a_negotiation_comes_to_an_end(flex):
    made = flex.order(process="default-negotiation", transitions=["request-quote", "make-offer-from-request"])
    assert made["state"] == "state/offer-pending"
    assert made["payout_total"] == {"amount": 9_000, "currency": "EUR"}


# -------------------------------------------------------------------------------------------- money


def test_a_cancelled_order_owes_nothing(flex):
    made = flex.order(state="purchased", customer_percent=3)
    flex.transition(made["id"], "cancel")
    shown = flex.shown(made["id"])
    assert shown["payinTotal"]["amount"] == shown["payoutTotal"]["amount"] == 0
    reversals = [item for item in shown["lineItems"] if item["reversal"]]
    assert [item["lineTotal"]["amount"] for item in reversals] == [-10_000, 1_000, -300]


@pytest.mark.parametrize(
    ("refund", "payout"), [({"amount": 4_000}, 5_400), ({"percent": 25}, 6_750), ({"percent": 100}, 0)]
)
def test_a_part_can_be_given_back(flex, refund, payout):
    made = flex.order(state="received")
    path = f"/_sandbox/transactions/{made['id']}/lines"
    assert flex.service.post(path, {"refund": refund})["payout_total"]["amount"] == payout
    told = flex.service.get("/_sandbox/events?limit=1")["events"][0]["attributes"]
    assert told["eventType"] == "transaction/updated"
    assert told["previousValues"]["attributes"]["payoutTotal"]["amount"] == 9_000


def test_a_part_can_be_given_back_by_a_transition(flex):
    made = flex.order(state="payout-paid")
    path = f"/_sandbox/transactions/{made['id']}/lines"
    flex.service.post(path, {"refund": {"percent": 50}, "transition": "operator-adjust-after-payout"})
    shown = flex.shown(made["id"])
    assert shown["lastTransition"] == "transition/operator-adjust-after-payout"
    assert shown["payoutTotal"]["amount"] == 4_500
    assert refused(flex, path.removeprefix("/_sandbox/"), {"refund": {"amount": 10_001}}) == 400


def test_line_items_can_be_set_anew(flex):
    made = flex.order(state="received")
    item = {"code": "line-item/item", "unitPrice": {"amount": 777, "currency": "EUR"}, "quantity": 1}
    path = f"/_sandbox/transactions/{made['id']}/lines"
    assert flex.service.post(path, {"lineItems": [item]})["payout_total"]["amount"] == 777


# --------------------------------------------------------------------------------------------- bulk


def test_makes_very_many_transactions_quickly(flex):
    made = flex.service.post(
        "/_sandbox/bulk",
        {"transactions": 3_000, "payees": 40, "state": "received", "currency": "USD", "price": 500},
    )
    assert made["transactions"] == 3_000
    assert made["events"] == 12_000
    assert len(made["providers"]) == 40
    owed = 0
    for page in range(1, 31):
        answer = flex.get("transactions/query", page=page, states="received").json()
        owed += sum(one["attributes"]["payoutTotal"]["amount"] for one in answer["data"])
    assert str(owed) == made["payout_total"]
    due = [
        e
        for e in flex.all_events(eventTypes="transaction")
        if e["attributes"]["resource"]["attributes"]["state"] == "state/received"
    ]
    assert len(due) == 3_000
    one = flex.shown(made["first_ids"][0])
    assert len(one["transitions"]) == 4
    assert flex.transition(made["first_ids"][0], "operator-mark-payout-sent").ok


def test_bulk_runs_what_follows_by_itself_and_takes_given_payees(flex):
    seller = flex.service.post("/_sandbox/users", {})["id"]
    made = flex.service.post(
        "/_sandbox/bulk",
        {"transactions": 30, "providers": [seller], "process": "default-purchase", "state": "received"},
    )
    assert made["providers"] == [seller]
    answer = flex.get("transactions/query", providerId=seller, states="completed").json()
    assert answer["meta"]["totalItems"] == 30
    assert refused(flex, "bulk", {"transactions": 0}) == 400
    assert refused(flex, "bulk", {"transactions": 5, "process": "unheard-of"}) == 400


# ------------------------------------------------------------------------------------- limits, faults


def test_dev_and_test_marketplaces_limit_the_rate(flex):
    made = flex.order()
    flex.set(rate_limits=True, burst_s=3)
    codes = [flex.get("marketplace/show").status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    refusal = flex.get("marketplace/show")
    assert code_of(refusal) == (429, "too-many-requests")
    assert "Retry-After" not in refusal.headers
    body = {"id": made["id"], "metadata": {"a": 1}}
    writes = [flex.send("transactions/update_metadata", body).status_code for _ in range(2)]
    assert writes == [200, 429]
    flex.wait(2)
    assert flex.get("marketplace/show").status_code == 200
    assert flex.send("transactions/update_metadata", body).status_code == 200


def test_more_than_ten_requests_at_once_are_refused(flex):
    flex.set(latency_ms=300)
    with ThreadPoolExecutor(14) as pool:
        codes = sorted(pool.map(lambda _: flex.get("marketplace/show").status_code, range(14)))
    assert codes == [200] * 10 + [429] * 4
    flex.set(latency_ms=0)
    assert flex.get("marketplace/show").status_code == 200


def test_a_transaction_can_be_locked(flex):
    made, other = flex.order(), flex.order()
    flex.service.fault("transaction_locked", times=1, match={"reference": made["id"]})
    body = {"id": made["id"], "metadata": {"a": 1}}
    assert flex.send("transactions/update_metadata", {**body, "id": other["id"]}).ok
    assert code_of(flex.send("transactions/update_metadata", body)) == (409, "transaction-locked")
    assert flex.send("transactions/update_metadata", body).ok


def test_the_api_can_refuse_with_any_code(flex):
    flex.service.fault(
        "api_error", value="transaction-payment-failed", match={"path": "/v1/integration_api/users"}, times=1
    )
    assert flex.get("marketplace/show").ok
    assert code_of(flex.get("users/query")) == (402, "transaction-payment-failed")


def test_faults_of_the_wire_speak_sharetribes_words(flex):
    flex.service.fault("error_before", status=503, times=1)
    assert code_of(flex.get("marketplace/show")) == (503, "service-unavailable")
    flex.service.fault("rate_limit", seconds=7, times=1)
    limited = flex.get("marketplace/show")
    assert code_of(limited) == (429, "too-many-requests")
    assert limited.headers["Retry-After"] == "7"
    made = flex.order(state="received")
    flex.service.fault("wrong_echo", times=1)
    assert flex.shown(made["id"])["payoutTotal"]["amount"] == 9_100
    assert flex.shown(made["id"])["payoutTotal"]["amount"] == 9_000


def test_a_command_is_done_even_when_its_answer_is_lost(flex):
    made = flex.order(state="received")
    flex.service.fault("drop_after", times=1, match={"reference": made["id"]})
    with pytest.raises(requests.ConnectionError):
        flex.transition(made["id"], "operator-mark-payout-sent")
    assert code_of(flex.transition(made["id"], "operator-mark-payout-sent"))[0] == 409
    assert flex.shown(made["id"])["lastTransition"] == "transition/operator-mark-payout-sent"


# ------------------------------------------------------------------------------------------ the rest


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("users", {"nonsense": 1}, 400),
        ("users", {"id": "x"}, 400),
        ("listings", {"author": "00000000-0000-4000-8000-000000000000"}, 409),
        ("transactions", {"process": "unheard-of"}, 400),
        ("transactions", {"state": "heaven"}, 400),
        ("transactions", {"listing": "00000000-0000-4000-8000-000000000000"}, 409),
        ("transactions/00000000-0000-4000-8000-000000000000/transition", {"transition": "x"}, 409),
        ("events", {"event_type": "x"}, 400),
        ("settings", {"environment": "moon"}, 400),
        ("settings", {"colour": "red"}, 400),
        ("fate", {"reference": "x", "status": "y"}, 400),
        ("faults", {"kind": "webhook_lose"}, 400),
    ],
)
def test_steering_says_no(flex, path, body, status):
    assert refused(flex, path, body) == status


def test_ids_can_be_chosen_once(flex):
    seller = "11111111-1111-4111-8111-111111111111"
    assert flex.service.post("/_sandbox/users", {"id": seller})["id"] == seller
    assert refused(flex, "users", {"id": seller}) == 409
    made = flex.order(provider=seller, id="22222222-2222-4222-8222-222222222222")
    assert made["provider"] == seller
    assert refused(flex, "transactions", {"id": made["id"]}) == 409


def test_people_change(flex):
    user = flex.service.post("/_sandbox/users", {"email": "old@example.com"})
    changed = flex.service.post(
        f"/_sandbox/users/{user['id']}", {"email": "new@example.com", "state": "banned"}
    )
    assert changed["attributes"]["banned"] is True
    assert flex.get("users/show", email="old@example.com").status_code == 404
    assert flex.get("users/show", email="new@example.com").ok


def test_console_writes_are_told_from_ours(flex):
    made = flex.order()
    flex.service.post(f"/_sandbox/transactions/{made['id']}/metadata", {"metadata": {"note": "by hand"}})
    told = flex.service.get("/_sandbox/events?limit=1")["events"][0]["attributes"]
    assert (told["source"], told["auditData"]["clientId"]) == ("source/console", None)
    listed = flex.service.get(f"/_sandbox/transactions?provider={made['provider']}")
    assert [one["id"] for one in listed["transactions"]] == [made["id"]]


def test_there_is_no_money_in_its_ledger(flex):
    flex.order(state="payout-paid")
    assert flex.service.get("/_sandbox/ledger") == {"entries": [], "totals": {}}


def test_a_reset_forgets_all_but_the_credentials(flex):
    made = flex.order()
    last = flex.service.get("/_sandbox/events")["events"][-1]["attributes"]["sequenceId"]
    flex.service.reset()
    fresh = Caller(flex.service)
    assert fresh.events() == []
    assert fresh.get("transactions/show", id=made["id"]).status_code == 404
    again = fresh.order()
    assert again["id"] != made["id"]
    assert fresh.events()[0]["attributes"]["sequenceId"] > last


def test_the_state_file_brings_everything_back(start_sandbox, tmp_path):
    state = str(tmp_path / "flex.state")
    first = start_sandbox("flex", "--state", state)
    before = Caller(first)
    made = before.order(state="received", price=12_345)
    before.service.fault("event_gap", times=1)
    before.transition(made["id"], "operator-mark-payout-sent", metadata={"payout": {"a": [1, None]}})
    before.order(process="default-purchase", state="delivered")
    before.wait(20 * DAY)
    before.service.post("/_sandbox/bulk", {"transactions": 50, "state": "received"})
    seen, shown = list(before.all_events()), before.shown(made["id"])
    truth = before.truth(made["id"])

    second = start_sandbox("flex", "--state", state)
    after = Caller(second)
    assert second.credentials == first.credentials
    assert list(after.all_events()) == seen
    assert after.shown(made["id"]) == shown
    assert after.truth(made["id"]) == truth
    assert after.order()["id"] not in {event["attributes"]["resourceId"] for event in seen}


def test_a_seed_makes_the_same_marketplace_again(start_sandbox):
    one, two = start_sandbox("flex", "--seed", "7"), start_sandbox("flex", "--seed", "7")
    other = start_sandbox("flex", "--seed", "8")
    assert one.credentials == two.credentials
    assert one.credentials["marketplace_id"] != other.credentials["marketplace_id"]
    assert Caller(one).order()["id"] == Caller(two).order()["id"]
