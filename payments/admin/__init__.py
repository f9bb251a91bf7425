"""The back office's pages of payments in and of Stripe; importing this registers them."""

from payments.admin import paid, people, stripe_endpoints, stripe_events, stripe_objects

__all__ = ["paid", "people", "stripe_endpoints", "stripe_events", "stripe_objects"]
