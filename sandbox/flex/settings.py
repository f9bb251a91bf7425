"""What can be set while the service runs: lifetimes of tokens, the kind of marketplace, limits, slowness."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from sandbox.core import BadRequest

_DAY_MS: Final = 86_400_000
ENVIRONMENTS: Final = {"live": 90, "test": 7, "dev": 7}
"""Kinds of marketplace, each with how many days its events are kept."""
VARIABLE: Final = "SANDBOX_FLEX_SETTINGS"


@dataclass(frozen=True, slots=True)
class Settings:
    """The present settings; `POST /_sandbox/settings` changes some of them."""

    environment: str = "live"
    access_ttl_s: float = 3600.0
    refresh_ttl_s: float = 30 * 86_400.0
    rate_limits: bool = False
    """One query a second, one command in two, as on dev and test marketplaces."""
    burst_s: float = 60.0
    latency_ms: float = 0.0
    """How long every answer takes; more than ten requests at once are then refused."""
    totals: bool = True
    """Without, lists do not say how many items there are."""
    retention_days: float | None = None
    """Instead of what the environment prescribes."""

    @property
    def retention_ms(self) -> int:
        """Give for how long events are kept."""
        days = ENVIRONMENTS[self.environment] if self.retention_days is None else self.retention_days
        return int(days * _DAY_MS)

    def changed(self, asked: Any) -> Settings:
        """Give these settings with some of them changed.

        :raises BadRequest: naming what is wrong.
        """
        known = {field.name for field in fields(self)}
        if not isinstance(asked, dict) or set(asked) - known:
            raise BadRequest(f"Send an object with some of {', '.join(sorted(known))}")
        for name, value in asked.items():
            _check(name, value)
        return replace(self, **asked)

    def shown(self) -> dict[str, Any]:
        """Give them as steering shows them."""
        return asdict(self)


def _check(name: str, value: Any) -> None:
    if name == "environment":
        good = value in ENVIRONMENTS
    elif name in ("rate_limits", "totals"):
        good = isinstance(value, bool)
    else:
        number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        good = number or (name == "retention_days" and value is None)
    if not good:
        raise BadRequest(f"`{name}` cannot be {value!r}")


def at_start() -> Settings:
    """Give the settings that the environment variable asks for.

    :raises BadRequest: when it makes no sense.
    """
    return Settings().changed(json.loads(os.environ.get(VARIABLE) or "{}"))
