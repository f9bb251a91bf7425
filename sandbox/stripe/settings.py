"""How long things take, in seconds of the sandbox's time: set at the start, or while the service runs."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from sandbox.core import BadRequest

VARIABLE: Final = "SANDBOX_STRIPE_SETTINGS"


@dataclass(slots=True)
class Settings:
    """The present settings; `POST /_sandbox/settings` changes some of them."""

    pace_s: float = 0.05
    """From what happens until webhooks tell of it."""
    judging_s: float = 0.1
    """From all that Stripe wants to know until its judgement."""
    payout_s: float = 2.0
    """From money in a seller's balance until its automatic payout."""
    arrival_s: float = 1.0
    """Between the steps of a payout: pending, in transit, paid, and perhaps failed."""
    settling_s: float = 2 * 86_400.0
    """From a payment until its money is available."""
    after_s: float = 1.0
    """From a payment until what its card is for: a refund, a dispute."""

    def change(self, asked: Any) -> None:
        """Change some of them.

        :raises BadRequest: naming what is wrong.
        """
        known = {field.name for field in fields(self)}
        if not isinstance(asked, dict) or set(asked) - known:
            raise BadRequest(f"Send an object with some of {', '.join(sorted(known))}")
        for name, value in asked.items():
            if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
                raise BadRequest(f"`{name}` must be a number of seconds, not {value!r}")
        for name, value in asked.items():
            setattr(self, name, float(value))

    def forget(self) -> None:
        """Return to what the environment variable asks for.

        :raises BadRequest: when it makes no sense.
        """
        self.change(asdict(Settings()))
        self.change(json.loads(os.environ.get(VARIABLE) or "{}"))

    def shown(self) -> dict[str, Any]:
        """Give them as steering shows them."""
        return asdict(self)
