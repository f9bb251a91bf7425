"""PayPal Payouts on loopback: OAuth, batches, items, webhooks with signatures, balances and the statement.

Fates by the receiver's local part, before a plus sign: `unclaimed+anna@example.com`, `unconfirmed`, `currency`
(unclaimed for their reason), `claimed` (unclaimed, then paid), `blocked`, `failed`, `limit`, `denied`, `onhold`,
`limited`, `released` (on hold, then paid), `returned`, `refunded`, `reversed` (paid, then back), `pending`, and
`invalid` (refused at once, with the whole batch). `POST /_sandbox/fate` decides by any id, at any time.

Steering of its own: `POST /_sandbox/fresh [{"always": true}]` brings the reports up to date, `POST
/_sandbox/webhook {"url"}` points the webhook of the credentials, `POST /_sandbox/return {"reference", "units"}`
returns a part. Environment: `SANDBOX_PAYPAL_PACE_S` (0.05) and `SANDBOX_PAYPAL_LATER_S` (3) time the background,
`SANDBOX_PAYPAL_INSUFFICIENT=denied` finds too little money only after the answer, `SANDBOX_PAYPAL_FRESH=1` keeps
the reports fresh, `SANDBOX_PAYPAL_SCOPES` restricts the scopes.

Where PayPal's pages leave a point open, the choice made here: a used id of a batch that was refused answers
"Duplicate batch request" without a link; a malformed request is refused as such before its id is looked at; an
unpaid batch's items read FAILED with the batch's reason; BLOCKED is not debited; a fee is kept when money comes back;
the ledger names a converted payment in the currency that was sent.
"""

from sandbox.paypal.service import PayPal

SERVICE = PayPal

__all__ = ["SERVICE", "PayPal"]
