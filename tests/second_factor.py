"""The codes that somebody's second factor shows."""

from __future__ import annotations

import time

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

_PERIOD_S = 30
_AT_LEAST_S = 5.0
"""How long a code must still hold: on a slow machine a page takes its time."""


def code(secret: str) -> str:
    """Give the present code; where it is about to end, its successor."""
    if (left := _PERIOD_S - time.time() % _PERIOD_S) < _AT_LEAST_S:
        time.sleep(left)
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // _PERIOD_S)))
