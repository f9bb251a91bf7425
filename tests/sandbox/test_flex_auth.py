"""Tokens: how they are got, renewed, refused and taken back."""

import pytest
import requests

from tests.sandbox.flex_api import API, Caller, code_of
from tests.sandbox_services import SandboxService


@pytest.fixture
def flex(flex_sandbox: SandboxService) -> Caller:
    return Caller(flex_sandbox)


def test_gives_a_pair_of_tokens(flex):
    assert flex.granted["token_type"] == "bearer"
    assert flex.granted["scope"] == "integ"
    assert flex.granted["expires_in"] == 3600
    assert flex.granted["refresh_token"] != flex.granted["access_token"]
    assert flex.get("marketplace/show").status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_secret": "guess"},
        {"client_id": "11111111-1111-4111-8111-111111111111"},
        {"scope": "user"},
        {"grant_type": "password"},
    ],
)
def test_refuses_strangers(flex, wrong):
    form = {
        "client_id": flex.client_id,
        "client_secret": flex.service.credentials["client_secret"],
        "grant_type": "client_credentials",
        "scope": "integ",
    }
    answer = flex.token(**{**form, **wrong})
    assert (answer.status_code, answer.text) == (401, "Unauthorized")


def test_a_refresh_token_is_good_once(flex):
    form = {
        "client_id": flex.client_id,
        "grant_type": "refresh_token",
        "refresh_token": flex.granted["refresh_token"],
    }
    renewed = flex.token(**form)
    assert renewed.status_code == 200
    assert renewed.json()["refresh_token"] != flex.granted["refresh_token"]
    assert flex.token(**form).status_code == 401
    assert flex.token(**{**form, "refresh_token": renewed.json()["refresh_token"]}).status_code == 200


def test_access_ends_when_its_time_is_over_and_a_refresh_brings_it_back(flex):
    flex.set(access_ttl_s=5)
    form = {"client_id": flex.client_id, "grant_type": "refresh_token"}
    short = flex.token(**form, refresh_token=flex.granted["refresh_token"]).json()
    assert short["expires_in"] == 5
    flex.headers = {"Authorization": f"bearer {short['access_token']}"}
    assert flex.get("marketplace/show").status_code == 200
    flex.service.advance(6)
    assert code_of(flex.get("marketplace/show")) == (401, "auth-invalid-access-token")
    assert flex.token(**form, refresh_token=short["refresh_token"]).status_code == 200


def test_a_refresh_token_ends_too(flex):
    flex.service.advance(31 * 86_400)
    form = {"client_id": flex.client_id, "grant_type": "refresh_token"}
    assert flex.token(**form, refresh_token=flex.granted["refresh_token"]).status_code == 401


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "auth-missing-access-token"),
        ("Basic abc", "auth-missing-access-token"),
        ("Bearer ", "auth-missing-access-token"),
        ("Bearer made-up", "auth-invalid-access-token"),
    ],
)
def test_says_what_is_wrong_with_a_token(flex, header, code):
    url = flex.service.url + API + "marketplace/show"
    answer = requests.get(url, headers={"Authorization": header} if header else {}, timeout=10)
    assert code_of(answer) == (401, code)


def test_revokes_a_pair(flex):
    def revoke(token: str) -> requests.Response:
        return requests.post(
            f"{flex.service.url}/v1/auth/revoke", data={"token": token}, headers=flex.headers, timeout=10
        )

    assert revoke("made-up").json() == {"action": "nothing"}
    assert revoke(flex.granted["refresh_token"]).json() == {"action": "revoked"}
    assert flex.get("marketplace/show").status_code == 401
    assert revoke(flex.granted["refresh_token"]).status_code == 401


def test_steering_makes_all_access_tokens_invalid_at_once(flex):
    assert flex.service.post("/_sandbox/tokens/expire") == {"expired": 1}
    assert code_of(flex.get("marketplace/show")) == (401, "auth-invalid-access-token")


def test_another_application_has_tokens_of_its_own(flex):
    made = flex.service.post("/_sandbox/transactions", {})
    other = flex.service.post("/_sandbox/clients")
    token = flex.token(**other, grant_type="client_credentials", scope="integ").json()["access_token"]
    flex.headers = {"Authorization": f"Bearer {token}"}
    assert flex.send("transactions/update_metadata", {"id": made["id"], "metadata": {"theirs": 1}}).ok
    assert flex.truth(made["id"])["metadata_writes"][0]["client_id"] == other["client_id"] != flex.client_id


def test_faults_refuse_tokens(flex):
    flex.service.fault("token_expired", times=1)
    assert code_of(flex.get("marketplace/show")) == (401, "auth-invalid-access-token")
    assert flex.get("marketplace/show").status_code == 200
    flex.service.fault("token_refused", times=1)
    assert flex.token().status_code == 401
    assert flex.token().status_code == 200


def test_the_marketplace_api_is_not_there_yet(flex):
    answer = requests.get(f"{flex.service.url}/v1/api/listings/query", headers=flex.headers, timeout=10)
    assert code_of(answer) == (501, "not-implemented")


@pytest.fixture
def person(flex) -> dict[str, str]:
    given = {"email": "ada@example.com", "password": "a long password"}
    return given | {"id": flex.service.post("/_sandbox/users", given)["id"]}


def log_in(flex: Caller, person: dict[str, str], **wrong: str) -> requests.Response:
    form = {
        "client_id": flex.service.credentials["marketplace_client_id"],
        "grant_type": "password",
        "username": person["email"],
        "password": person["password"],
        "scope": "user",
    }
    return flex.token(**{**form, **wrong})


def exchange(flex: Caller, token: str, **wrong: str) -> requests.Response:
    form = {
        "client_id": flex.service.credentials["marketplace_client_id"],
        "client_secret": flex.service.credentials["marketplace_client_secret"],
        "grant_type": "token_exchange",
        "subject_token": token,
        "scope": "trusted:user",
    }
    return flex.token(**{**form, **wrong})


def current_user(flex: Caller, token: str, **query: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{flex.service.url}/v1/api/current_user/show"
    return requests.get(url, headers=headers, params=query, timeout=10)


def test_a_user_logs_in_and_sees_themselves(flex, person):
    tokens = log_in(flex, person).json()
    assert tokens["scope"] == "user"
    data = current_user(flex, tokens["access_token"], include="marketplace").json()["data"]
    assert (data["type"], data["id"]) == ("currentUser", person["id"])
    assert data["attributes"]["email"] == person["email"]
    assert data["relationships"]["marketplace"]["data"]["id"] == flex.service.credentials["marketplace_id"]
    renewed = flex.token(
        client_id=flex.service.credentials["marketplace_client_id"],
        grant_type="refresh_token",
        refresh_token=tokens["refresh_token"],
    ).json()
    assert renewed["scope"] == "user"
    assert current_user(flex, renewed["access_token"]).json()["data"]["id"] == person["id"]


@pytest.mark.parametrize(
    "wrong", [{"password": "guess"}, {"password": ""}, {"username": "b@example.com"}, {"scope": "integ"}]
)
def test_refuses_a_user_who_is_none(flex, person, wrong):
    assert log_in(flex, person, **wrong).status_code == 401


def test_a_user_without_a_password_cannot_log_in(flex):
    made = flex.service.post("/_sandbox/users", {"email": "no@example.com"})
    assert log_in(flex, {"email": "no@example.com", "password": ""}).status_code == 401
    assert flex.service.post(f"/_sandbox/users/{made['id']}/login")["scope"] == "user"


def test_the_two_apis_do_not_take_each_others_tokens(flex, person):
    token = log_in(flex, person).json()["access_token"]
    assert code_of(current_user(flex, flex.granted["access_token"])) == (403, "forbidden")
    flex.headers = {"Authorization": f"Bearer {token}"}
    assert code_of(flex.get("marketplace/show")) == (403, "forbidden")
    assert code_of(current_user(flex, "nonsense")) == (401, "auth-invalid-access-token")


def test_an_exchanged_token_tells_whether_an_operator_is_behind_it(flex, person):
    own = log_in(flex, person).json()["access_token"]
    assert exchange(flex, own).json()["scope"] == "trusted:user"
    login = f"/_sandbox/users/{person['id']}/login"
    operators = flex.service.post(login, {"as_operator": True})
    assert operators["scope"] == "user:limited"
    assert exchange(flex, operators["access_token"]).json()["scope"] == "trusted:user:limited"


def test_exchanges_only_for_the_application_of_the_token(flex, person):
    own = log_in(flex, person).json()["access_token"]
    other = flex.service.post("/_sandbox/clients")
    assert exchange(flex, own, **other).status_code == 401
    assert exchange(flex, own, client_secret="guess").status_code == 401
    assert exchange(flex, flex.granted["access_token"]).status_code == 401
