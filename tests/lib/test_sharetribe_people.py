"""Who holds a user's access token, and whether it is their own: asked of the sandbox's Sharetribe."""

from __future__ import annotations

from uuid import UUID

import pytest
import requests

from marketplace_payouts.lib.sharetribe.errors import FlexUnauthorized, FlexUnavailable
from marketplace_payouts.lib.sharetribe.people import PeopleClient, PeopleConfig
from tests.sandbox_services import SandboxService

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(flex_sandbox: SandboxService) -> PeopleClient:
    config = PeopleConfig(
        base_url=flex_sandbox.url,
        client_id=flex_sandbox.credentials["marketplace_client_id"],
        client_secret=flex_sandbox.credentials["marketplace_client_secret"],
        allow_loopback_http=True,
    )
    return PeopleClient(config=config)


def token_of(flex: SandboxService, user_id: str, **login: bool) -> str:
    return str(flex.post(f"/_sandbox/users/{user_id}/login", login)["access_token"])


@pytest.fixture
def user_id(flex_sandbox: SandboxService) -> str:
    return str(flex_sandbox.post("/_sandbox/users", {"email": "ada@example.com"})["id"])


def test_tells_who_holds_a_token(people, flex_sandbox, user_id):
    user = people.current_user(token_of(flex_sandbox, user_id))
    assert (user.id, user.email, user.email_verified) == (UUID(user_id), "ada@example.com", True)


@pytest.mark.parametrize("token", ["guess", "", "two\nlines", "ü", "x" * 5000])
def test_refuses_what_is_no_token(people, token):
    with pytest.raises(FlexUnauthorized):
        people.current_user(token)


def test_refuses_an_applications_own_token(people, flex_sandbox):
    form = {
        **{name: flex_sandbox.credentials[name] for name in ("client_id", "client_secret")},
        "grant_type": "client_credentials",
        "scope": "integ",
    }
    token = requests.post(f"{flex_sandbox.url}/v1/auth/token", data=form, timeout=10).json()
    with pytest.raises(FlexUnauthorized):
        people.current_user(token["access_token"])


def test_an_operators_token_is_not_the_users_own(people, flex_sandbox, user_id):
    operators = token_of(flex_sandbox, user_id, as_operator=True)
    assert people.current_user(operators).id == UUID(user_id)
    assert people.is_their_own(token_of(flex_sandbox, user_id))
    assert not people.is_their_own(operators)
    assert not people.is_their_own("guess")


@pytest.mark.parametrize("question", ["current_user", "is_their_own"])
def test_says_when_sharetribe_cannot_say(people, flex_sandbox, user_id, question):
    token = token_of(flex_sandbox, user_id)
    flex_sandbox.fault("error_before", status=503, times=1)
    with pytest.raises(FlexUnavailable):
        getattr(people, question)(token)
