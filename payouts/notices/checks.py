"""Settings of the notices that mean nothing, or would leave payees unprotected, with what to do."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from payouts.notices.kinds import KINDS, SWITCHES


def check_notices(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will hold what is sent to nobody to kinds that there are, and that protect nobody."""
    hint = f"Name some of these, by commas, or leave it out: {', '.join(SWITCHES)}."
    found: list[CheckMessage] = []
    for name in settings.NOTICES_OFF:
        if name in KINDS and name not in SWITCHES:
            sentence = f"NOTICES_OFF names {name}, which protects payees and is always sent."
            found.append(Error(sentence, hint=hint, id="payouts.E100"))
        elif name not in KINDS:
            found.append(
                Error(f"NOTICES_OFF names {name!r}: there is no such notice.", hint=hint, id="payouts.E101")
            )
    return found
