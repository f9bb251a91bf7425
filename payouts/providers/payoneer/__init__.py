"""Payoneer Mass Payouts v4: `client` speaks Payoneer's words, `provider` ours, `webhook` verifies and parses.

Payoneer shows its documents to partners alone. What is built here was put together from its clients of 2023 to 2026;
what none of them could confirm is said where it matters, and is a branch that takes either, or a setting:

- the code of a refused second reference: told by its words (`codes.REASONS`), and never relied on
- whether one bad payment refuses its whole request: not relied on; a refused request of several is asked about
- how long a new payment is not found: PAYONEER_SETTLE_MINUTES
- further statuses than four: kept raw, and shown to a person
- the life of a token: whatever `expires_in` says; the rate of calls: a careful one of our own
- fees: not told by any call; the currencies of a program: PAYONEER_CURRENCIES
- whether a cancelled payment keeps its `load_date`: if not, one that had counted as paid opens an incident
- whether deliveries are signed: PAYONEER_WEBHOOK_UNSIGNED where no secret was agreed
"""
