"""Settings of the border that are wrong before anything is asked, each with what to do."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004 - Django's own name

_ROUND_S: Final = 60


@register(Tags.compatibility)
def check_flex_settings(**_options: Any) -> list[CheckMessage]:
    """This will name what is wrong with how Sharetribe is asked; whom and as whom the product's own checks hold."""
    found: list[CheckMessage] = []
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
    if not 1 <= settings.POLL_SHORTEST_S <= settings.POLL_LONGEST_S <= _ROUND_S:
        found.append(
            Error(
                f"POLL_SHORTEST_S is {settings.POLL_SHORTEST_S} and POLL_LONGEST_S {settings.POLL_LONGEST_S}.",
                hint=f"Both are seconds from 1 to {_ROUND_S}, the shortest first: the queue has Sharetribe asked once"
                " a minute in any case.",
                id="flexsync.E006",
            )
        )
    return found
