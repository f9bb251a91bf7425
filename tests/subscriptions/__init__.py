"""Webhooks out: from what happens to what a subscriber receives."""
