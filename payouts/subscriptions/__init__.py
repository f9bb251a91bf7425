"""Webhooks out: the marketplace subscribes, and is told of what happens here, signed as in Standard Webhooks.

Triggers of the database make the messages (migration 0010), in the transaction in which something happens; what is here
sends them. Nothing in the way of the money knows of it, or waits for it.
"""
