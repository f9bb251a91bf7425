"""A payout service that is nobody's, for tests: its shape is as unlike PayPal's as the interface allows.

Paying takes two calls (create, then fund), neither is deduplicated, the only question that it answers is "what do
you have under this reference", and it answers late: a new transfer is listed once it has settled. `service` is the
service on loopback (`python -m tests.providers.two_step`), `provider` the provider.
"""
