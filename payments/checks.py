"""What must hold of Stripe's settings."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error

from payments import seller_settings
from payments.stripe import config


def check_stripe(app_configs: object = None, **_more: Any) -> list[CheckMessage]:
    """This will name what is wrong with Stripe's settings; without a key Stripe is off."""
    return [
        Error(sentence, hint=hint, id=f"payouts.{number}")
        for problems in (config.problems(), seller_settings.problems())
        for number, sentence, hint in problems
    ]
