"""Stripe on loopback: customers, connected accounts and their onboarding, payments, transfers, payouts, webhooks.

README.md beside this file tells how to steer it.
"""

from sandbox.stripe.service import Stripe

SERVICE = Stripe

__all__ = ["SERVICE", "Stripe"]
