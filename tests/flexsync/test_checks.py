"""Wrong settings are named before anything is asked."""

from __future__ import annotations

import pytest

from flexsync.checks import check_flex_settings


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("ENVIRONMENT", "staging", "flexsync.E001"),
        ("FLEX_CLIENT_SECRET", "only this", "flexsync.E002"),
        ("POLL_OVERLAP_EVENTS", 0, "flexsync.E005"),
    ],
)
def test_names_what_is_wrong(settings, name, value, wanted):
    settings.FLEX_CLIENT_ID = settings.FLEX_CLIENT_SECRET = ""
    assert check_flex_settings() == []
    setattr(settings, name, value)
    [found] = check_flex_settings()
    assert found.id == wanted
    assert found.hint


def test_a_live_marketplace_is_asked_at_sharetribe_and_without_test_limits(settings):
    settings.ENVIRONMENT, settings.FLEX_DEV_LIMITS = "live", True
    settings.FLEX_BASE_URL = "http://127.0.0.1:8801"
    assert {one.id for one in check_flex_settings()} == {"flexsync.E003", "flexsync.W004"}
    settings.FLEX_BASE_URL, settings.FLEX_DEV_LIMITS = "https://flex-integ-api.sharetribe.com", False
    assert check_flex_settings() == []
