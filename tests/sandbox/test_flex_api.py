"""The Integration API: what it shows, what it changes, what it refuses."""

import uuid

import pytest

from sandbox.flex import transit
from tests.sandbox.flex_api import Caller, code_of
from tests.sandbox_services import SandboxService

TRANSIT = {"Accept": "application/transit+json"}
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def flex(flex_sandbox: SandboxService) -> Caller:
    return Caller(flex_sandbox)


# -------------------------------------------------------------------------------------------- reading


def test_says_which_marketplace_it_is(flex):
    data = flex.get("marketplace/show").json()["data"]
    assert data["id"] == flex.service.credentials["marketplace_id"]
    assert data["attributes"]["name"] == flex.service.credentials["marketplace_name"]


def test_shows_a_transaction_with_its_totals(flex):
    made = flex.order(price=20_000, quantity=2, provider_percent=12.5, customer_percent=5, state="received")
    shown = flex.shown(made["id"])
    assert shown["processName"] == "payout-process"
    assert shown["processVersion"] == 1
    assert (shown["lastTransition"], shown["state"]) == ("transition/mark-received", "state/received")
    assert shown["payinTotal"] == {"amount": 42_000, "currency": "EUR"}
    assert shown["payoutTotal"] == {"amount": 35_000, "currency": "EUR"}
    codes = [(item["code"], item["lineTotal"]["amount"], item["includeFor"]) for item in shown["lineItems"]]
    assert codes == [
        ("line-item/item", 40_000, ["customer", "provider"]),
        ("line-item/provider-commission", -5_000, ["provider"]),
        ("line-item/customer-commission", 2_000, ["customer"]),
    ]
    assert [step["by"] for step in shown["transitions"]] == ["customer", "operator", "provider", "customer"]


def test_an_inquiry_has_no_totals(flex):
    made = flex.order(process="default-inquiry")
    shown = flex.shown(made["id"])
    assert (shown["payinTotal"], shown["payoutTotal"], shown["lineItems"]) == (None, None, [])


def test_includes_what_is_asked_for(flex):
    made = flex.order()
    answer = flex.get(
        "transactions/show", id=made["id"], include="provider,listing.author,booking,reviews"
    ).json()
    related = answer["data"]["relationships"]
    assert related["provider"] == {"data": {"id": made["provider"], "type": "user"}}
    assert related["booking"] == {"data": None}
    assert related["reviews"] == {"data": []}
    assert {(one["type"], one["id"]) for one in answer["included"]} == {
        ("user", made["provider"]),
        ("listing", made["listing"]),
    }
    listing = next(one for one in answer["included"] if one["type"] == "listing")
    assert listing["relationships"]["author"]["data"]["id"] == made["provider"]
    plain = flex.get("transactions/show", id=made["id"]).json()
    assert "included" not in plain
    assert "relationships" not in plain["data"]


def test_shows_only_the_fields_asked_for(flex):
    made = flex.order()
    answer = flex.get(
        "transactions/show",
        id=made["id"],
        include="provider",
        **{"fields.transaction": "state,payoutTotal", "fields.user": "email,profile.displayName"},
    ).json()
    assert set(answer["data"]["attributes"]) == {"state", "payoutTotal"}
    assert set(answer["included"][0]["attributes"]) == {"email", "profile"}
    assert set(answer["included"][0]["attributes"]["profile"]) == {"displayName"}


def test_finds_users_by_id_and_by_email(flex):
    user = flex.service.post("/_sandbox/users", {"email": "mia@example.com", "stripeConnected": True})
    by_id = flex.get("users/show", id=user["id"]).json()["data"]
    assert by_id["attributes"]["email"] == "mia@example.com"
    assert by_id["attributes"]["stripeConnected"] is True
    assert flex.get("users/show", email="mia@example.com").json()["data"] == by_id
    listed = flex.get("users/query").json()
    assert listed["data"] == [by_id]
    assert listed["meta"]["totalItems"] == 1


def test_lists_listings_of_an_author(flex):
    made, other = flex.order(), flex.order()
    found = flex.get("listings/query", authorId=made["provider"]).json()["data"]
    assert [one["id"] for one in found] == [made["listing"]]
    assert flex.get("listings/show", id=other["listing"]).json()["data"]["attributes"]["state"] == "published"


@pytest.mark.parametrize("path", ["transactions/show", "users/show", "listings/show"])
def test_what_is_not_there_is_not_found_when_read(flex, path):
    assert code_of(flex.get(path, id=NOBODY)) == (404, "not-found")
    assert code_of(flex.get(path, id="nonsense")) == (400, "validation-invalid-value")
    assert code_of(flex.get(path)) == (400, "validation-missing-key")


def test_refuses_parameters_that_it_does_not_know(flex):
    assert code_of(flex.get("transactions/query", colour="red")) == (400, "validation-disallowed-key")
    assert code_of(flex.get("transactions/query", include="hat")) == (400, "validation-invalid-value")
    assert code_of(flex.get("transactions/query", perPage=101)) == (400, "validation-invalid-value")
    assert code_of(flex.get("nonsense/show")) == (404, "not-found")


# -------------------------------------------------------------------------------------------- lists


def test_lists_transactions_newest_first_and_oldest_first_with_a_minus(flex):
    first = flex.order()["id"]
    flex.service.advance(60)
    second = flex.order()["id"]
    flex.service.advance(60)
    flex.steer(first, "operator-confirm-payment")

    def listed(**params: object) -> list[str]:
        return [one["id"] for one in flex.get("transactions/query", **params).json()["data"]]

    assert listed() == [second, first]
    assert listed(sort="-createdAt") == [first, second]
    assert listed(sort="lastTransitionedAt") == [first, second]
    assert listed(sort="-lastTransitionedAt,createdAt") == [second, first]


def test_filters_transactions(flex):
    bought = flex.order(state="received")
    booked = flex.order(process="default-booking", state="accepted")
    asked = flex.order(process="default-inquiry")
    connected = {bought["id"]: "bought", booked["id"]: "booked", asked["id"]: "asked"}

    def listed(**params: object) -> set[str]:
        return {connected[one["id"]] for one in flex.get("transactions/query", **params).json()["data"]}

    assert listed(providerId=booked["provider"]) == {"booked"}
    assert listed(customerId=asked["customer"]) == {"asked"}
    assert listed(userId=asked["customer"]) == {"asked"}
    assert listed(listingId=bought["listing"]) == {"bought"}
    assert listed(lastTransitions="transition/mark-received,transition/accept") == {"bought", "booked"}
    assert listed(states="state/received") == listed(states="received") == {"bought"}
    assert listed(processNames="default-booking,default-inquiry") == {"booked", "asked"}
    assert listed(hasPayin="true") == listed(hasBooking="true") == {"booked"}
    assert listed(hasStockReservation="true") == listed(stockReservationStates="accepted") == {"bought"}
    assert listed(bookingStates="accepted") == {"booked"}
    assert listed(bookingStart="2000-01-01T00:00:00Z,2100-01-01T00:00:00Z") == {"booked"}
    assert listed(createdAtStart="2100-01-01T00:00:00Z") == set()
    assert listed(createdAtEnd="2100-01-01T00:00:00Z") == {"bought", "booked", "asked"}
    flex.send("transactions/update_metadata", {"id": asked["id"], "metadata": {"batch": "7"}})
    assert listed(meta_batch="7") == {"asked"}


def test_pages_and_counts(flex):
    flex.service.post("/_sandbox/bulk", {"transactions": 250, "payees": 3, "state": "received"})
    pages = [flex.get("transactions/query", page=page, perPage=100).json() for page in (1, 2, 3)]
    assert [len(page["data"]) for page in pages] == [100, 100, 50]
    assert len({one["id"] for page in pages for one in page["data"]}) == 250
    assert pages[0]["meta"] == {
        "totalItems": 250,
        "totalPages": 3,
        "page": 1,
        "perPage": 100,
        "paginationLimit": 100,
    }
    assert code_of(flex.get("transactions/query", page=101)) == (400, "validation-invalid-value")
    flex.set(totals=False)
    assert flex.get("transactions/query").json()["meta"]["totalItems"] is None


# ------------------------------------------------------------------------------------------- writing


def test_a_command_answers_with_the_id_alone_unless_expanded(flex):
    made = flex.order(state="received")
    brief = flex.transition(made["id"], "operator-mark-payout-sent").json()
    assert brief == {"data": {"id": made["id"], "type": "transaction"}}
    full = flex.transition(
        made["id"], "operator-mark-payout-paid", query="?expand=true&include=provider"
    ).json()
    assert full["data"]["attributes"]["state"] == "state/payout-paid"
    assert full["included"][0]["id"] == made["provider"]


def test_a_transition_can_carry_metadata(flex):
    made = flex.order(state="received", metadata={"kept": 1})
    flex.transition(made["id"], "operator-mark-payout-sent", metadata={"payout": {"status": "sent"}})
    assert flex.shown(made["id"])["metadata"] == {"kept": 1, "payout": {"status": "sent"}}
    write = flex.truth(made["id"])["metadata_writes"][-1]
    assert write["by"] == "transition/operator-mark-payout-sent"
    assert write["client_id"] == flex.client_id


@pytest.mark.parametrize(
    "name",
    ["operator-mark-payout-paid", "mark-received", "auto-mark-received", "unheard-of"],
    ids=["another state", "the customer's", "by itself", "unknown"],
)
def test_refuses_transitions_that_are_not_the_operators_now(flex, name):
    made = flex.order(state="delivered")
    assert code_of(flex.transition(made["id"], name)) == (409, "transaction-invalid-transition")


def test_a_transition_twice_is_refused_the_second_time(flex):
    made = flex.order(state="received")
    assert flex.transition(made["id"], "operator-mark-payout-sent").status_code == 200
    again = flex.transition(made["id"], "operator-mark-payout-sent")
    assert code_of(again) == (409, "transaction-invalid-transition")
    assert flex.shown(made["id"])["lastTransition"] == "transition/operator-mark-payout-sent"


def test_a_speculative_transition_changes_nothing(flex):
    made = flex.order(state="received")
    body = {"id": made["id"], "transition": "transition/operator-refund", "params": {}}
    answer = flex.send("transactions/transition_speculative", body, query="?expand=true").json()
    assert answer["data"]["attributes"]["state"] == "state/refunded"
    assert answer["data"]["attributes"]["payoutTotal"] == {"amount": 0, "currency": "EUR"}
    assert flex.shown(made["id"])["state"] == "state/received"
    body["transition"] = "transition/operator-mark-payout-paid"
    assert code_of(flex.send("transactions/transition_speculative", body)) == (
        409,
        "transaction-invalid-transition",
    )


def test_metadata_is_merged_on_its_top_level_and_null_takes_away(flex):
    made = flex.order(metadata={"a": {"x": 1, "y": 2}, "b": 1})

    def write(metadata: object) -> None:
        assert flex.send("transactions/update_metadata", {"id": made["id"], "metadata": metadata}).ok

    write({"a": {"x": 9}, "c": [1]})
    assert flex.shown(made["id"])["metadata"] == {"a": {"x": 9}, "b": 1, "c": [1]}
    write({"b": None, "never-there": None})
    assert flex.shown(made["id"])["metadata"] == {"a": {"x": 9}, "c": [1]}


def test_metadata_has_room_for_fifty_kilobytes(flex):
    made = flex.order()

    def write(size: int) -> int:
        body = {"id": made["id"], "metadata": {"text": "x" * size}}
        return int(flex.send("transactions/update_metadata", body).status_code)

    assert write(50_000) == 200
    assert write(52_000) == 400
    assert len(flex.shown(made["id"])["metadata"]["text"]) == 50_000


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("transactions/update_metadata", "transaction-not-found"),
        ("transactions/transition", "transaction-not-found"),
        ("transactions/transition_speculative", "transaction-not-found"),
        ("users/update_profile", "user-not-found"),
    ],
)
def test_what_is_not_there_is_a_conflict_when_written(flex, path, code):
    body = (
        {"id": NOBODY, "metadata": {}}
        if "meta" in path or "users" in path
        else {"id": NOBODY, "transition": "transition/x"}
    )
    assert code_of(flex.send(path, body)) == (409, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"metadata": {}}, "validation-missing-key"),
        ({"id": NOBODY}, "validation-missing-key"),
        ({"id": "x", "metadata": {}}, "validation-invalid-value"),
        ({"id": NOBODY, "metadata": "text"}, "validation-invalid-value"),
        ({"id": NOBODY, "metadata": {}, "note": 1}, "validation-disallowed-key"),
        ([], "bad-request"),
    ],
)
def test_says_what_is_wrong_with_a_body(flex, body, code):
    assert code_of(flex.send("transactions/update_metadata", body)) == (400, code)


def test_refuses_parameters_that_the_transition_does_not_take(flex):
    made = flex.order(state="purchased")
    answer = flex.transition(made["id"], "operator-mark-delivered", metadata={"a": 1})
    assert code_of(answer) == (400, "validation-disallowed-key")


def test_line_items_are_checked(flex):
    made = flex.order(state="received")
    item = {"code": "line-item/item", "unitPrice": {"amount": 100, "currency": "EUR"}, "quantity": 2}
    for wrong in (
        {**item, "code": "item"},
        {**item, "code": "line-item/" + "x" * 60},
        {**item, "percentage": 10},
        {**item, "lineTotal": {"amount": 199, "currency": "EUR"}},
        {**item, "includeFor": ["everybody"]},
        {**item, "quantity": -2},
        {**item, "unitPrice": {"amount": 1.5, "currency": "EUR"}},
    ):
        answer = flex.transition(made["id"], "operator-adjust", lineItems=[wrong])
        assert code_of(answer) == (400, "validation-invalid-value"), wrong
    assert code_of(flex.transition(made["id"], "operator-adjust")) == (400, "validation-missing-key")
    too_many = flex.transition(made["id"], "operator-adjust", lineItems=[item] * 51)
    assert code_of(too_many) == (400, "validation-invalid-value")
    two_currencies = [item, {**item, "unitPrice": {"amount": 1, "currency": "USD"}}]
    assert not flex.transition(made["id"], "operator-adjust", lineItems=two_currencies).ok
    assert flex.transition(made["id"], "operator-adjust", lineItems=[item]).ok
    assert flex.shown(made["id"])["payoutTotal"] == {"amount": 200, "currency": "EUR"}


def test_profiles_are_merged_like_metadata(flex):
    user = flex.service.post("/_sandbox/users", {"profile": {"firstName": "Mia", "privateData": {"a": 1}}})
    body = {"id": user["id"], "privateData": {"b": 2}, "metadata": {"c": 3}, "bio": "Sells bicycles."}
    answer = flex.send("users/update_profile", body, query="?expand=true").json()
    profile = answer["data"]["attributes"]["profile"]
    assert profile["privateData"] == {"a": 1, "b": 2}
    assert profile["metadata"] == {"c": 3}
    assert (profile["firstName"], profile["bio"]) == ("Mia", "Sells bicycles.")


def test_transactions_cannot_be_begun_through_the_integration_api(flex):
    assert code_of(flex.send("transactions/initiate", {})) == (404, "not-found")


# -------------------------------------------------------------------------------------- wire formats


def test_answers_in_transit_where_it_is_asked_for(flex):
    made = flex.order(state="received")
    answer = flex.get("transactions/show", TRANSIT, id=made["id"])
    assert answer.headers["Content-Type"].startswith("application/transit+json")
    assert answer.text.startswith('["^ "')
    in_json = flex.get("transactions/show", id=made["id"])
    assert in_json.headers["Content-Type"].startswith("application/json")
    assert transit.loads(answer.text) == in_json.json()
    verbose = flex.get("transactions/show", {**TRANSIT, "X-Transit-Verbose": "true"}, id=made["id"])
    assert verbose.text.startswith('{"~:data"')
    assert transit.loads(verbose.text) == in_json.json()


def test_takes_bodies_in_transit(flex):
    made = flex.order()
    body = (
        f'["^ ","~:id","~u{made["id"]}","~:metadata",["^ ","~:amount",["~#mn",[100,"USD"]],"~:at","~m0",'
        '"~:nested",["^ ","~:amount",["^3",[5,"USD"]]]]]'
    )
    headers = {"Content-Type": "application/transit+json"}
    assert flex.send("transactions/update_metadata", None, data=body, headers=headers).ok
    assert flex.shown(made["id"])["metadata"] == {
        "amount": {"amount": 100, "currency": "USD"},
        "at": "1970-01-01T00:00:00.000Z",
        "nested": {"amount": {"amount": 5, "currency": "USD"}},
    }
    verbose = flex.get("transactions/show", {**TRANSIT, "X-Transit-Verbose": "true"}, id=made["id"])
    assert '"~:amount":{"~#mn":[100,"USD"]}' in verbose.text


def test_refuses_other_content(flex):
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {"Content-Type": content_type}
        answer = flex.send("transactions/update_metadata", None, data=b"{}", headers=headers)
        assert code_of(answer) == (400, "unsupported-content-type")
    for content_type in ("application/json", "application/transit+json"):
        headers = {"Content-Type": content_type}
        answer = flex.send("transactions/update_metadata", None, data=b"{nonsense", headers=headers)
        assert code_of(answer) == (400, "bad-request")


def test_errors_come_in_transit_too(flex):
    answer = flex.get("transactions/show", TRANSIT, id=str(uuid.uuid4()))
    assert answer.status_code == 404
    assert transit.loads(answer.text)["errors"][0]["code"] == "not-found"


def test_compresses_where_it_is_asked_to(flex):
    made = flex.order(state="received")
    answer = flex.get("transactions/show", {"Accept-Encoding": "gzip"}, id=made["id"])
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.json()["data"]["id"] == made["id"]
