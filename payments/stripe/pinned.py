"""What we hold fast of Stripe's interface; knows neither Django nor anything else, so that everybody may read it."""

from __future__ import annotations

from typing import Final

HOST: Final = "api.stripe.com"
API_VERSION: Final = "2026-08-26.dahlia"
"""The version of the interface that this release was tested with."""
