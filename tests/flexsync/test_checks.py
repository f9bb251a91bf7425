"""Wrong settings are named before anything is asked."""

from __future__ import annotations

import pytest

from flexsync.checks import check_flex_settings


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("POLL_OVERLAP_EVENTS", 0, "flexsync.E005"),
        ("POLL_SHORTEST_S", 0, "flexsync.E006"),
        ("POLL_SHORTEST_S", 61, "flexsync.E006"),
        ("POLL_LONGEST_S", 300, "flexsync.E006"),
    ],
)
def test_names_what_is_wrong(settings, name, value, wanted):
    assert check_flex_settings() == []
    setattr(settings, name, value)
    [found] = check_flex_settings()
    assert found.id == wanted
    assert found.hint


def test_a_live_marketplace_has_no_test_limits(settings):
    settings.ENVIRONMENT, settings.FLEX_DEV_LIMITS = "live", True
    assert [one.id for one in check_flex_settings()] == ["flexsync.W004"]
    settings.FLEX_DEV_LIMITS = False
    assert check_flex_settings() == []
