"""Wise on loopback: quotes, recipients, transfers, funding, batch groups, balances, statements and webhooks.

Fates by the first name of the account's holder: `Bouncy` (sent, bounced, refunded), `Partly` (refunded by half),
`Resent` (bounced, then sent again), `Held` (waits for the recipient), `Stuck` (stays in processing), `Exotic` (comes
to a state that is in no list). `POST /_sandbox/fate` decides by transfer id or customerTransactionId, at any time, by
the state in which it shall end.

Steering of its own: `POST /_sandbox/webhook {"url"}` subscribes an address to everything, without the probe; `POST
/_sandbox/pay {"reference"}` funds a transfer as a person would on wise.com; `POST /_sandbox/return {"reference",
"units"}` refunds a part; `POST /_sandbox/simulate {"manual": true}` lets nothing happen but by Wise's own simulation
calls; `POST /_sandbox/oauth` gives credentials for OAuth. Environment: `SANDBOX_WISE_PACE_S` (0.05) is the time between
two states of a transfer.

Where Wise's pages leave a point open, the choice made here: a repeated customerTransactionId answers with the transfer
that there is, whatever the body says and whether or not its quote is still good; `sourceValue` is what leaves the
balance, the fee included; a refund gives the transfer's amount back and keeps the fee; an expired quote is refused with
422 and the code `quote.expired`; dated paths are the legacy ones with the date in the place of the version.
"""

from sandbox.wise.service import Wise

SERVICE = Wise

__all__ = ["SERVICE", "Wise"]
