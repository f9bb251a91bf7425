"""How fast things happen; steering changes it for as long as no reset comes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sandbox.core import BadRequest

_DEFAULTS = {"lag_s": 0.2, "pace_s": 0.05, "later_s": 3.0}


class Settings:
    """`lag_s`: how long a new payment is not found; `pace_s`: between two steps; `later_s`: until a later fate."""

    lag_s: float
    pace_s: float
    later_s: float

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, from the environment."""
        for name, value in _DEFAULTS.items():
            setattr(self, name, float(os.environ.get(f"SANDBOX_PAYONEER_{name.upper()}", value)))

    def change(self, asked: Mapping[str, Any]) -> dict[str, float]:
        """Take what steering asks for, and give all as they stand now.

        :raises BadRequest: when it is none of them, or no number of seconds.
        """
        for name, value in asked.items():
            if name not in _DEFAULTS:
                raise BadRequest(f"Unknown setting {name!r}; known: currency, {', '.join(_DEFAULTS)}")
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise BadRequest(f"`{name}` must be a number of seconds")
        for name, value in asked.items():
            setattr(self, name, float(value))
        return {name: getattr(self, name) for name in _DEFAULTS}
