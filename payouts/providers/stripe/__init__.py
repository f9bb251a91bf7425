"""Stripe Connect: transfers to sellers' connected accounts, and the way from there to their banks."""
