"""Payoneer Mass Payouts v4 on loopback: OAuth, payees and their registration page, payouts, balance, IPCN webhooks.

Payees are unknown until they complete the page behind a registration link, or until `POST /_sandbox/payees
{"payee_id", "status"}` makes them Active, Pending or Inactive. `POST /_sandbox/fate` decides what becomes of payments,
by reference, payout id or payee id: Pending, Pending Payee, Transferred, Cancelled, or Returned (Transferred first,
Cancelled later).

Steering of its own: `POST /_sandbox/webhook {"url"}` has each type of event delivered to `url?event=<type>`, `POST
/_sandbox/settings` changes `lag_s` (0.2: so long a new payment is not found), `pace_s` (0.05), `later_s` (3) and
`currency` (the program's one). Each also begins as `SANDBOX_PAYONEER_<NAME>`.

Payoneer's documents are closed to all but its partners. Where its clients leave a point open, the choice made here:
one bad payment refuses the whole request; refusals carry the sub code 1000 and tell themselves apart by their words
only; a payee who does not exist is 404 with sub code 404; the balance sinks when a payment is taken, and our account
counts as debited once it is loaded or waits for its payee; a cancelled payment keeps its `load_date`; what we had
cancelled has no reason code; a token lasts an hour; an event is tried again for a day.
"""

from sandbox.payoneer.service import Payoneer

SERVICE = Payoneer

__all__ = ["SERVICE", "Payoneer"]
