"""docs/api.md says of codes, rates and signatures what the code says, and its examples work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import uuid
from datetime import datetime

import pytest
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from rest_framework import exceptions

from accounts.models import ApiSession
from payments.models import Seller
from payouts.blocks import Reason
from payouts.payee_view.shapes import Phase
from tests.api_client import MarketplaceServer, SharetribeUser, bearer, known_marketplace
from tests.docs.code import calls
from tests.docs.pages import table, text_of, words

PAGE = "docs/api.md"
_RAISED = (
    "NotProven",
    "NotAllowedHere",
    "InTheWay",
    "NotNow",
    "ApiError",
    "BadSignature",
    "Problem",
    "NotTaken",
)
# The framework's own for fields; the schema says which a field has.
_OF_FIELDS = {"required", "invalid", "null", "blank"}
_OF_THE_FRAMEWORK: set[type[exceptions.APIException]] = {
    exceptions.NotAuthenticated,
    exceptions.PermissionDenied,
    exceptions.ParseError,
    exceptions.NotFound,
    exceptions.MethodNotAllowed,
    exceptions.NotAcceptable,
    exceptions.UnsupportedMediaType,
    exceptions.Throttled,
}


def codes_of_the_code() -> set[str]:
    """Every code that is written where an error is raised."""
    said = {call.said("code", 0) for call in calls(*_RAISED)}
    found = {code for code in said if code and "…" not in code}
    # Of signatures, and of why somebody may change nothing, the words stand elsewhere.
    signatures = re.findall(r"\"(signature_\w+)\"", text_of("marketplace_payouts/lib/standard_webhooks.py"))
    read_only = {f"read_only_{word}" for word in ("impersonated", "undetermined", "server")}
    return found | set(signatures) | read_only | {"unknown_field"}


def test_every_code_is_explained_and_no_other():
    told = {code for row in table(PAGE, "code", "status", "what it says") for code in words(row[0])}
    framework = {error.default_code for error in _OF_THE_FRAMEWORK}
    # That of staff's acts is told in the back office, and never by the API.
    assert told == (codes_of_the_code() | framework | _OF_FIELDS) - {"key_revoked"}


def test_every_state_of_a_seller_is_explained():
    assert [
        words(row[0])[0] for row in table(PAGE, "state of a seller", "what it means")
    ] == Seller.State.values


def test_the_rates_are_those_of_the_settings():
    told = {
        words(row[0])[0]: (float(row[2]), int(row[3]))
        for row in table(PAGE, "rate", "for", "a minute", "at once")
    }
    assert told == settings.API_RATES


def test_every_reason_and_state_that_payees_read_of_is_explained():
    reasons = {code for row in table(PAGE, "code", "why it is not paid yet") for code in words(row[0])}
    assert reasons == {reason.value for reason in Reason}
    assert [words(row[0])[0] for row in table(PAGE, "`state`", "what it means")] == Phase.values


def example(language: str) -> str:
    """The one example in a language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```", text_of(PAGE), re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.mark.parametrize(
    ("language", "command", "needs"),
    [
        ("sh", ["sh", "-eu", "-c"], ("curl", "openssl")),
        ("python", [sys.executable, "-c"], ()),
        pytest.param("js", ["node", "-e"], ("node",), marks=pytest.mark.node),
    ],
)
def test_the_examples_open_a_session(live_server, flex_sandbox, language, command, needs):
    if not all(shutil.which(program) for program in needs):
        pytest.skip(f"{' and '.join(needs)} are not installed")
    cache.clear()
    known_marketplace(flex_sandbox)
    ada, (server, _) = SharetribeUser(flex_sandbox), MarketplaceServer.with_key()
    logged_in_at = timezone.now().isoformat()
    environ = {
        "PATH": os.environ["PATH"],
        "PAYOUTS_URL": live_server.url,
        "PAYOUTS_SECRET": server.secret,
        "SHARETRIBE_USER_ID": str(ada.id),
        "LOGGED_IN_AT": logged_in_at,
    }
    done = subprocess.run(
        [*command, example(language)], env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    token = re.search(r'"token":\s*"(mps_[^"]+)"', done.stdout)
    assert token is not None, done.stdout
    me = bearer(token[1]).get("/api/v1/me").json()
    assert uuid.UUID(me["payee"]["sharetribe_user_id"]) == ada.id
    assert ApiSession.objects.get().logged_in_at == datetime.fromisoformat(logged_in_at)
