"""Settings of the border that are wrong before anything is asked, each with what to do."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name


@register(Tags.compatibility)
def check_flex_settings(**_options: Any) -> list[CheckMessage]:
    """This will name what is wrong with the settings about Sharetribe."""
    found: list[CheckMessage] = []
    if settings.ENVIRONMENT not in ("live", "test"):
        found.append(
            Error(f"ENVIRONMENT is {settings.ENVIRONMENT!r}.", hint="Say live or test.", id="flexsync.E001")
        )
    if bool(settings.FLEX_CLIENT_ID) != bool(settings.FLEX_CLIENT_SECRET):
        missing = "FLEX_CLIENT_SECRET" if settings.FLEX_CLIENT_ID else "FLEX_CLIENT_ID"
        found.append(
            Error(
                f"{missing} is missing.",
                hint="Both come from an Integration API application in Sharetribe's Console.",
                id="flexsync.E002",
            )
        )
    host = urlsplit(settings.FLEX_BASE_URL).hostname or ""
    if settings.ENVIRONMENT == "live" and not host.endswith(".sharetribe.com"):
        found.append(
            Error(
                f"ENVIRONMENT is live, but FLEX_BASE_URL leads to {host or 'nowhere'}.",
                hint="Leave FLEX_BASE_URL out: live and test marketplaces have the same address.",
                id="flexsync.E003",
            )
        )
    if settings.ENVIRONMENT == "live" and settings.FLEX_DEV_LIMITS:
        found.append(
            Warning(
                "FLEX_DEV_LIMITS slows a live marketplace down to the limits of a test marketplace.",
                hint="Leave it out.",
                id="flexsync.W004",
            )
        )
    if settings.POLL_OVERLAP_EVENTS < 1:
        found.append(
            Error(
                "POLL_OVERLAP_EVENTS must be at least 1.",
                hint="Leave it out: 200 is a good number.",
                id="flexsync.E005",
            )
        )
    return found
