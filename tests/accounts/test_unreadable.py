"""What allauth's endpoints cannot read is refused aloud."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db
SIGN_UP = "/_allauth/app/v1/auth/signup"


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"email": "ada@mail.example", "password": "correct horse \\ud83d battery"}',
    ],
    ids=["nested too deeply", "half a surrogate pair"],
)
def test_a_body_that_cannot_be_read_is_no_fault_of_ours(client, body):
    answer = client.post(SIGN_UP, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "unreadable"
