"""The back office's pages of payments in and of Stripe; importing this registers them."""

from payments.admin import intents, paid, people, stripe_endpoints, stripe_events, stripe_objects

__all__ = ["intents", "paid", "people", "stripe_endpoints", "stripe_events", "stripe_objects"]
