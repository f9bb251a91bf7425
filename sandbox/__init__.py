"""Sharetribe and the payout services on loopback: for the demo, the tests, and for trying things out.

Real wire formats, real misbehaviour, no real money. Imports nothing of the product, and is imported by none of it.
"""
