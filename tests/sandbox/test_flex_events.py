"""The feed of events: its order, its filters, what an event says, and how steering disturbs it."""

import itertools

import pytest

from tests.sandbox.flex_api import Caller, code_of
from tests.sandbox_services import SandboxService

DAY = 86_400


@pytest.fixture
def flex(flex_sandbox: SandboxService) -> Caller:
    return Caller(flex_sandbox)


def ids(events):
    return [event["attributes"]["sequenceId"] for event in events]


def types(events):
    return [event["attributes"]["eventType"] for event in events]


def the_last(flex, **params):
    return list(flex.all_events(**params))[-1]["attributes"]


def test_tells_an_order_from_beginning_to_end(flex):
    made = flex.order(state="received")
    assert types(flex.events()) == [
        "user/created",
        "listing/created",
        "user/created",
        "stockReservation/created",
        "transaction/initiated",
        "stockReservation/updated",
        "transaction/transitioned",
        "transaction/transitioned",
        "transaction/transitioned",
    ]
    event = flex.events(eventTypes="transaction/initiated")[0]
    told = event["attributes"]
    assert event["type"] == "event"
    assert told["marketplaceId"] == flex.service.credentials["marketplace_id"]
    assert (told["resourceId"], told["resourceType"]) == (made["id"], "transaction")
    assert told["source"] == "source/transaction"
    assert told["previousValues"] == {"attributes": {}, "relationships": {}}
    assert told["auditData"]["userId"] == made["customer"]
    assert told["auditData"]["requestId"]
    related = told["resource"]["relationships"]
    assert related["provider"]["data"] == {"id": made["provider"], "type": "user"}
    assert related["listing"]["data"]["id"] == made["listing"]
    assert {"stockReservation", "customer", "marketplace"} <= set(related)
    assert not {"reviews", "messages"} & set(related)
    # The after-image is of then, whatever came later.
    assert told["resource"]["attributes"]["state"] == "state/pending-payment"
    assert len(told["resource"]["attributes"]["transitions"]) == 1


def test_sequence_ids_rise_with_gaps(flex):
    flex.service.post("/_sandbox/bulk", {"transactions": 120})
    found = ids(flex.all_events())
    assert found == sorted(set(found))
    steps = {after - before for before, after in itertools.pairwise(found)}
    assert 1 in steps
    assert max(steps) > 1


def test_gives_a_hundred_at_a_time_and_goes_on_after_the_cursor(flex):
    flex.service.post("/_sandbox/bulk", {"transactions": 130, "payees": 2, "state": "purchased"})
    answer = flex.get("events/query").json()
    assert answer["meta"] == {"perPage": 100}
    assert len(answer["data"]) == 100
    everything = list(flex.all_events(eventTypes="transaction"))
    assert len(everything) == 260
    assert flex.events(startAfterSequenceId=ids(everything)[-1]) == []
    # A page from the cache is the same page, in either format.
    assert flex.get("events/query").json() == answer
    assert len(flex.events(perPage=7)) == 7


def test_filters_by_type_in_both_forms(flex):
    flex.order(state="purchased")
    assert set(types(flex.events(eventTypes="user"))) == {"user/created"}
    found = types(flex.events(eventTypes="listing,transaction/transitioned"))
    assert found == ["listing/created", "transaction/transitioned"]
    assert flex.events(eventTypes="nothing/happened") == []


def test_filters_by_resource_and_by_what_is_related_to_it(flex):
    made, _other = flex.order(), flex.order()
    assert types(flex.events(resourceId=made["provider"])) == ["user/created"]
    related = flex.events(relatedResourceId=made["provider"])
    assert types(related) == ["user/created", "listing/created", "transaction/initiated"]
    assert code_of(flex.get("events/query", resourceId="nonsense")) == (400, "validation-invalid-value")
    assert code_of(flex.get("events/query", page=2)) == (400, "validation-disallowed-key")


def test_begins_at_a_moment(flex):
    flex.order()
    flex.wait(10 * DAY)
    before = flex.service.get("/_sandbox/clock")["now"]
    later = flex.order(state="purchased")
    found = flex.events(createdAtStart=before, eventTypes="transaction")
    assert {event["attributes"]["resourceId"] for event in found} >= {later["id"]}
    assert all(event["attributes"]["createdAt"] >= before[:19] for event in found)


@pytest.mark.parametrize(("environment", "days"), [("live", 90), ("test", 7), ("dev", 7)])
def test_forgets_events_when_their_time_is_over(flex, environment, days):
    flex.set(environment=environment)
    flex.order(process="default-inquiry")
    flex.wait(days * DAY - 60)
    assert types(flex.events(eventTypes="transaction")) == ["transaction/initiated"]
    flex.wait(120)
    assert flex.events() == []


def test_says_what_a_transition_changed(flex):
    made = flex.order(state="received", protectedData={"note": "ring twice"})
    flex.transition(made["id"], "operator-mark-payout-sent", metadata={"payout": {"status": "sent"}})
    told = the_last(flex)
    previous = told["previousValues"]["attributes"]
    assert set(previous) == {"lastTransition", "lastTransitionedAt", "state", "metadata", "transitions"}
    assert previous["lastTransition"] == "transition/mark-received"
    assert previous["metadata"] == {"payout": None}
    assert told["source"] == "source/transaction"
    assert told["auditData"]["clientId"] == flex.client_id
    assert told["auditData"]["userId"] is None


def test_says_what_a_metadata_write_changed_one_key_at_a_time(flex):
    made = flex.order(metadata={"kept": 1, "changed": {"x": 1}, "gone": True})
    patch = {"changed": {"x": 2}, "gone": None, "new": "here"}
    flex.send("transactions/update_metadata", {"id": made["id"], "metadata": patch})
    told = the_last(flex)
    assert told["eventType"] == "transaction/updated"
    assert told["source"] == "source/integration-api"
    assert told["auditData"]["clientId"] == flex.client_id
    assert told["previousValues"]["attributes"] == {
        "metadata": {"changed": {"x": 1}, "gone": True, "new": None}
    }
    assert told["resource"]["attributes"]["metadata"] == {"kept": 1, "changed": {"x": 2}, "new": "here"}


def test_a_write_that_changes_nothing_makes_no_event(flex):
    made = flex.order(metadata={"a": 1})
    before = len(flex.events())
    flex.send("transactions/update_metadata", {"id": made["id"], "metadata": {"a": 1}})
    assert len(flex.events()) == before
    assert len(flex.truth(made["id"])["metadata_writes"]) == 2


def test_says_what_changed_in_a_profile(flex):
    user = flex.service.post("/_sandbox/users", {})
    flex.send("users/update_profile", {"id": user["id"], "privateData": {"iban": "changed"}})
    told = the_last(flex)
    assert told["eventType"] == "user/updated"
    assert told["previousValues"]["attributes"] == {"profile": {"privateData": {"iban": None}}}


def test_a_deleted_transaction_leaves_no_after_image(flex):
    made = flex.order()
    flex.service.post(f"/_sandbox/transactions/{made['id']}/delete")
    told = the_last(flex)
    assert told["eventType"] == "transaction/deleted"
    assert told["resource"] is None
    assert told["previousValues"]["attributes"]["state"] == "state/pending-payment"
    assert flex.get("transactions/show", id=made["id"]).status_code == 404


def test_shows_only_the_fields_asked_for(flex):
    flex.order()
    event = flex.events(**{"fields.event": "sequenceId,eventType"})[0]
    assert set(event["attributes"]) == {"sequenceId", "eventType"}


# ------------------------------------------------------------------------------------------ disturbed


def test_an_event_can_be_lost(flex):
    flex.service.fault("event_gap", times=1, match={"path": "transaction/initiated"})
    flex.order(state="purchased")
    assert types(flex.events(eventTypes="transaction")) == ["transaction/transitioned"]
    hidden = [event for event in flex.service.get("/_sandbox/events")["events"] if not event["visible"]]
    assert types(hidden) == ["transaction/initiated"]


def test_an_event_can_turn_up_late_behind_larger_ids(flex):
    flex.service.fault("event_late_visible", times=1, seconds=60, match={"path": "transaction/initiated"})
    flex.order(state="purchased")
    before = ids(flex.events(eventTypes="transaction"))
    flex.wait(61)
    after = ids(flex.events(eventTypes="transaction"))
    assert len(before) == 1
    assert len(after) == 2
    assert after[0] < before[0] == after[1]


def test_an_event_can_come_twice(flex):
    flex.service.fault("event_duplicate", times=1)
    flex.order()
    first, second = flex.events(eventTypes="transaction")
    assert first == second


def test_an_event_of_an_unknown_type_can_come(flex):
    flex.service.fault("event_unknown_type", times=1)
    flex.order()
    assert types(flex.events(eventTypes="transaction")) == ["transaction/annotated", "transaction/initiated"]
    made = flex.service.post("/_sandbox/events", {"event_type": "loyaltyPoint/granted"})
    told = the_last(flex)
    assert (told["eventType"], told["sequenceId"]) == ("loyaltyPoint/granted", made["sequence_id"])


def test_an_event_can_be_nonsense_while_the_transaction_is_not(flex):
    made = flex.order(state="delivered")
    flex.service.fault("poison_event", times=1, match={"reference": made["id"]})
    flex.order(state="delivered")
    flex.steer(made["id"], "mark-received")
    poisoned = flex.events(resourceId=made["id"])[-1]["attributes"]["resource"]
    assert poisoned["attributes"]["payoutTotal"] == {"amount": "plenty", "currency": 978}
    assert flex.shown(made["id"])["payoutTotal"] == {"amount": 9_000, "currency": "EUR"}
