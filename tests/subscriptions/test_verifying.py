"""The tests' own verifier, which shares nothing with what signs."""

from __future__ import annotations

import pytest

from tests.lib.test_standard_webhooks import AT, BODY, MESSAGE, SECRET, headers
from tests.subscriptions.verifying import NotVerified, verify


def test_takes_the_specifications_example_and_nothing_else():
    assert verify(headers(), BODY, SECRET, now=AT) == MESSAGE
    for changes in ({"id": "msg_another"}, {"timestamp": str(AT + 1)}, {"signature": "v1,AAAA"}):
        with pytest.raises(NotVerified):
            verify(headers(**changes), BODY, SECRET, now=AT)
    with pytest.raises(NotVerified):
        verify(headers(), BODY + b" ", SECRET, now=AT)
    with pytest.raises(NotVerified):
        verify(headers(), BODY, SECRET, now=AT + 301)
