"""Sharetribe's Integration API, in plain JSON, for one marketplace and all our processes together."""

from marketplace_payouts.lib.sharetribe.client import FlexClient
from marketplace_payouts.lib.sharetribe.config import FlexConfig
from marketplace_payouts.lib.sharetribe.connection import FLEX_HOSTS
from marketplace_payouts.lib.sharetribe.costs import (
    CREDITS,
    INCLUDED_CREDITS_PER_MONTH,
    Credits,
    credits_of,
    polling_credits_per_month,
)
from marketplace_payouts.lib.sharetribe.errors import (
    FlexBadAnswer,
    FlexBusy,
    FlexConflict,
    FlexError,
    FlexForbidden,
    FlexNotFound,
    FlexRefused,
    FlexThrottled,
    FlexTooMany,
    FlexUnauthorized,
    FlexUnavailable,
    FlexUnknownOutcome,
)
from marketplace_payouts.lib.sharetribe.records import (
    Event,
    EventPage,
    FlexMoney,
    JsonObject,
    Marketplace,
    Transaction,
    TransitionRecord,
    User,
)

__all__ = [
    "CREDITS",
    "FLEX_HOSTS",
    "INCLUDED_CREDITS_PER_MONTH",
    "Credits",
    "Event",
    "EventPage",
    "FlexBadAnswer",
    "FlexBusy",
    "FlexClient",
    "FlexConfig",
    "FlexConflict",
    "FlexError",
    "FlexForbidden",
    "FlexMoney",
    "FlexNotFound",
    "FlexRefused",
    "FlexThrottled",
    "FlexTooMany",
    "FlexUnauthorized",
    "FlexUnavailable",
    "FlexUnknownOutcome",
    "JsonObject",
    "Marketplace",
    "Transaction",
    "TransitionRecord",
    "User",
    "credits_of",
    "polling_credits_per_month",
]
