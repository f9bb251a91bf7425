"""The settings of Wise: the two ways in, what is missing, and what contradicts itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketplace_payouts.lib.http import HttpClient
from payouts.providers.base import ProviderError, ProviderUnavailable
from payouts.providers.wise import settings
from payouts.providers.wise.provider import Wise
from payouts.providers.wise.tokens import NoToken, RefreshedToken
from tests.sandbox_services import SandboxService

TOKEN = {"WISE_API_TOKEN": "t", "WISE_PROFILE_ID": "12345"}
OAUTH = {
    "WISE_CLIENT_ID": "c",
    "WISE_CLIENT_SECRET": "s",
    "WISE_REFRESH_TOKEN": "r",
    "WISE_PROFILE_ID": "12345",
}


def read(**more: str) -> settings.WiseSettings:
    found = settings.read({**TOKEN, **more})
    assert found is not None
    return found


def test_a_personal_token_leaves_the_paying_to_staff():
    assert not read().funds
    assert read(WISE_FUNDING="api").funds
    by_oauth = settings.read(OAUTH)
    assert by_oauth is not None
    assert by_oauth.funds


@pytest.mark.parametrize(
    ("environment", "host"), [("live", "https://api.wise.com"), ("test", "https://api.wise-sandbox.com")]
)
def test_the_host_follows_the_environment(environment: str, host: str):
    assert read(ENVIRONMENT=environment).base_url == host


@pytest.mark.parametrize(
    ("env", "word"),
    [
        ({"WISE_PROFILE_ID": "12345"}, "WISE_API_TOKEN"),
        ({"WISE_API_TOKEN": "t"}, "WISE_PROFILE_ID"),
        ({**TOKEN, "WISE_PROFILE_ID": "ours"}, "WISE_PROFILE_ID"),
        ({**OAUTH, "WISE_REFRESH_TOKEN": ""}, "WISE_REFRESH_TOKEN"),
        ({**OAUTH, "WISE_API_TOKEN": "t"}, "twice"),
        ({**TOKEN, "WISE_FUNDING": "maybe"}, "WISE_FUNDING"),
        ({**TOKEN, "WISE_API_VERSION": "v9"}, "WISE_API_VERSION"),
        ({**TOKEN, "WISE_WEBHOOK_PUBLIC_KEY": "none"}, "WISE_WEBHOOK_PUBLIC_KEY"),
        ({**TOKEN, "WISE_BASE_URL": "https://api.example.com"}, "WISE_BASE_URL"),
        ({**TOKEN, "ENVIRONMENT": "live", "WISE_BASE_URL": "https://api.wise-sandbox.com"}, "WISE_BASE_URL"),
        ({**TOKEN, "ENVIRONMENT": "live", "WISE_BASE_URL": "http://127.0.0.1:8803"}, "WISE_BASE_URL"),
    ],
)
def test_says_what_is_wrong(env: dict[str, str], word: str):
    with pytest.raises(ProviderError, match=word):
        Wise.from_environ(env)


def test_secrets_come_from_files_and_are_shown_nowhere(tmp_path: Path):
    (tmp_path / "token").write_text("s3cret-token\n")
    found = settings.read({"WISE_API_TOKEN_FILE": str(tmp_path / "token"), "WISE_PROFILE_ID": "12345"})
    assert found is not None
    assert found.api_token == "s3cret-token"
    assert "s3cret" not in repr(found)


# OAuth -----------------------------------------------------------------------------------------------------------


def by_oauth(service: SandboxService, **more: str) -> Wise:
    secrets = service.post("/_sandbox/oauth")
    env = {
        "WISE_BASE_URL": service.url,
        "WISE_PROFILE_ID": service.credentials["profile_id"],
        "WISE_CLIENT_ID": secrets["client_id"],
        "WISE_CLIENT_SECRET": secrets["client_secret"],
        "WISE_REFRESH_TOKEN": secrets["refresh_token"],
    }
    made = Wise.from_environ({**env, **more})
    assert made is not None
    return made


def asked_for_tokens(service: SandboxService) -> int:
    return len(service.get("/_sandbox/requests?path=/oauth/token")["requests"])


def test_one_token_serves_until_it_is_no_longer_taken(wise_sandbox: SandboxService):
    wise = by_oauth(wise_sandbox)
    for _ in range(3):
        assert wise.balances()
    assert asked_for_tokens(wise_sandbox) == 1
    wise_sandbox.fault("expire_token", times=1)
    assert wise.balances(), "renewed, and asked once more"
    assert asked_for_tokens(wise_sandbox) == 2


def test_credentials_that_are_not_taken_are_ours_to_mend(wise_sandbox: SandboxService):
    with pytest.raises(ProviderUnavailable, match="refresh token"):
        by_oauth(wise_sandbox, WISE_REFRESH_TOKEN="revoked").balances()


def test_a_token_is_renewed_before_it_ends_and_kept_while_nobody_gives_another(wise_sandbox: SandboxService):
    secrets, now = wise_sandbox.post("/_sandbox/oauth"), [0.0]
    http = HttpClient(base_url=wise_sandbox.url, allow_loopback_http=True)
    keeper = RefreshedToken(http=http, monotonic=lambda: now[0], **secrets)
    first = keeper.take()
    now[0] = first.renew_at - 1
    assert keeper.take() is first
    wise_sandbox.fault("error_before", match={"path": "/oauth/token"})
    now[0] = first.renew_at + 1
    assert keeper.take() is first, "it still has some minutes"
    now[0] = first.ends_at + 1
    with pytest.raises(NoToken):
        keeper.take()
    wise_sandbox.delete("/_sandbox/faults")
    assert keeper.take() is not first


# The test of the connection --------------------------------------------------------------------------------------


def test_the_report_says_what_works_and_what_to_do(wise: Wise, wise_sandbox: SandboxService):
    report = wise.check()
    assert report.ok
    assert report.account == f"Marketplace Ltd (business profile {wise_sandbox.credentials['profile_id']})"
    assert "fund them" in report.scopes
    assert any("--register-webhook" in sentence for sentence in report.missing)


def test_the_report_says_that_staff_pay_and_that_statements_are_closed(wise_sandbox: SandboxService):
    wise_sandbox.fault("statement_forbidden")
    staffed = Wise.from_environ({**wise_sandbox.environment(), "WISE_FUNDING": ""})
    assert staffed is not None
    report = staffed.check()
    assert report.ok
    assert any("wise.com" in scope for scope in report.scopes)
    assert any("statements" in sentence for sentence in report.missing)


@pytest.mark.parametrize("profile", ["personal", "nobody's"])
def test_another_profile_is_named(wise_sandbox: SandboxService, profile: str):
    ours = int(wise_sandbox.credentials["profile_id"])
    other = ours + 1 if profile == "personal" else 77
    wise = Wise.from_environ({**wise_sandbox.environment(), "WISE_PROFILE_ID": str(other)})
    assert wise is not None
    report = wise.check()
    assert not report.ok
    assert report.missing
