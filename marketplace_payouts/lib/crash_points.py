"""Named places at which a test may kill, stall or break the process; inert unless enabled.

Each commit and each call of the world in a stage has one, registered here, so that a sweep can visit them all.
"""

from __future__ import annotations

from collections.abc import Callable

POINTS: dict[str, str] = {
    "poll.before_call": "The next page of events is about to be asked for",
    "poll.after_call": "A page is fetched, nothing is stored",
    "poll.before_commit": "A page and its cursor are written, not committed",
    "poll.after_commit": "A page and its cursor are stored",
    "count.before_commit": "What became of buyers' money is counted, not committed",
    "count.after_commit": "What became of buyers' money is counted, and its transactions are to be looked at",
    "rules.before_commit": "Transactions are marked for other triggers, not committed",
    "rules.after_commit": "Transactions are to be looked at by other triggers",
    "unpark.after_commit": "What was parked is taken up again",
    "understand.before_commit": "Payables are computed, not committed",
    "understand.after_commit": "Payables are committed",
    "understand_one.before_commit": "One transaction's payables are computed alone, not committed",
    "understand_one.after_commit": "One transaction's payables are committed",
    "resync.before_commit": "Transactions that differ are written, not committed",
    "resync.after_commit": "Transactions that differ are stored",
    "gather.before_commit": "Payouts are computed, not committed",
    "gather.after_commit": "Payouts are committed",
    "decide.before_commit": "Decisions are computed, not committed",
    "decide.after_commit": "Decisions are committed",
    "approve.before_commit": "A person has approved, nothing is committed",
    "approve.after_commit": "A person's approval is committed",
    "reread.before_claim": "The right to tell transactions is taken, not committed",
    "reread.after_claim": "The right to tell transactions is taken",
    "reread.before_call": "A transaction is about to be read again",
    "reread.after_call": "Sharetribe has answered, nothing is recorded",
    "announce.before_call": "A payout is about to be announced",
    "announce.after_call": "A payout is announced, nothing is recorded",
    "reread.before_learning": "What Sharetribe says of payees is written, not committed",
    "reread.after_learning": "What Sharetribe says of payees is committed",
    "reread.before_commit": "Checks and announcements are computed, not committed",
    "reread.after_commit": "Checks and announcements are committed",
    "accept.after_commit": "A new database is accepted, nothing was ever sent",
    "send.before_intent": "Gates have passed, the intent is not committed",
    "send.after_intent": "The intent is committed, nothing is transmitted",
    "resend.before_intent": "What was put off is about to be committed again, or not",
    "resend.after_intent": "What was put off is committed again, nothing is transmitted",
    "send.before_call": "The lock is held, the step is counted and about to be transmitted",
    "send.after_call": "The provider has answered, nothing is recorded",
    "exists.before_call": "The provider has our key already, and is about to be asked what it has",
    "exists.after_call": "The provider has said what it has under our key, nothing is recorded",
    "send.before_result": "The answer is computed, not committed",
    "send.after_result": "The answer is committed",
    "webhook.before_call": "A delivery is about to be verified",
    "webhook.after_call": "A delivery is verified",
    "webhook.before_commit": "A delivery is written, not committed",
    "webhook.after_commit": "A delivery is stored, not answered",
    "work_off.before_commit": "Deliveries are worked off, not committed",
    "work_off.after_commit": "Deliveries are worked off, those that name what nobody knows are not adopted",
    "adopt.before_call": "What a delivery names is about to be read",
    "adopt.after_call": "What a delivery names is read, nothing is recorded",
    "adopt.after_closing": "What a delivery names is adopted, and the delivery closed",
    "hurry.before_commit": "Batches are made due, not committed",
    "hurry.after_commit": "Batches are made due",
    "ask.before_claim": "Batches to be asked about are pushed ahead, not committed",
    "ask.after_claim": "Batches to be asked about are pushed ahead",
    "ask.before_call": "A provider is about to be asked",
    "ask.after_call": "The provider has answered, nothing is recorded",
    "ask.after_note": "A provider could not be asked, which is noted",
    "ask.before_commit": "Observations are computed, not committed",
    "ask.after_commit": "Observations are committed",
    "vanish.before_commit": "A reference that vanished is doubted, not committed",
    "vanish.after_commit": "A reference that vanished is doubted",
    "recover.before_commit": "A batch whose sender ended is taken over, not committed",
    "recover.after_commit": "A batch whose sender ended is taken over",
    "look_up.before_call": "A provider is about to be asked by our key",
    "look_up.after_call": "The provider has answered, nothing is recorded",
    "look_up.before_commit": "What was not found is noted, not committed",
    "look_up.after_commit": "What was not found is noted",
    "settle.before_commit": "Observations are folded, not committed",
    "settle.after_commit": "Settled states are committed",
    "tell.before_claim": "Messages are claimed, not committed",
    "tell.after_claim": "Messages are claimed",
    "tell.before_call": "A message is claimed, not told",
    "tell.after_call": "A message is told, not marked",
    "tell.after_commit": "A message is marked as told",
    "deliver.after_take": "The right to call subscribers is taken",
    "deliver.before_claim": "Messages for a subscriber are claimed and written, not committed",
    "deliver.after_claim": "Messages for a subscriber are claimed and written",
    "deliver.before_call": "A subscriber is about to be called",
    "deliver.after_call": "A subscriber has answered, nothing is recorded",
    "deliver.before_commit": "What subscribers answered is written, not committed",
    "deliver.after_commit": "What subscribers answered is recorded",
    "deliver.after_giving_back": "Others may call a subscriber again",
    "write_back.after_claim": "The right to tell transactions is taken, nothing is told",
    "write_back.before_call": "Sharetribe is about to be told an outcome",
    "write_back.after_call": "Sharetribe was told, nothing is recorded",
    "write_back.after_record": "What Sharetribe was told is recorded",
    "write_back.after_giving_back": "Others may tell the transactions again",
    "payment_told.after_claim": "The right to tell transactions of their payments is taken, nothing is told",
    "cancel.before_call": "A cancellation is about to be asked for",
    "cancel.after_call": "The provider has answered, nothing is recorded",
    "cancel.before_note": "That nothing was cancelled is written, not committed",
    "cancel.after_note": "That nothing was cancelled is committed",
    "funds.before_call": "A provider is about to be asked what it holds",
    "funds.after_call": "A provider has said what it holds, nothing is recorded",
    "funds.after_commit": "What a provider holds is recorded",
    "funds.after_wake": "What waited for funds is looked at again",
    "reconcile.before_call": "A provider is about to be asked for its list",
    "reconcile.after_call": "A provider has given its list, nothing is compared",
    "reconcile.before_commit": "A list is compared, nothing is committed",
    "reconcile.after_commit": "What a list showed is committed",
    "stripe_webhook.before_call": "A delivery of Stripe's is about to be verified",
    "stripe_webhook.after_call": "A delivery of Stripe's is verified",
    "stripe_webhook.before_commit": "A delivery of Stripe's is written, not committed",
    "stripe_webhook.after_commit": "A delivery of Stripe's is stored, not answered",
    "stripe_list.before_call": "Stripe is about to be asked for what webhooks may not have brought",
    "stripe_list.after_call": "Stripe has listed events, nothing is stored",
    "stripe_sync.before_claim": "Deliveries of Stripe's are pushed ahead, not committed",
    "stripe_sync.after_claim": "Deliveries of Stripe's are pushed ahead",
    "stripe_sync.before_call": "What a delivery is about is about to be read from Stripe",
    "stripe_sync.after_call": "Stripe has answered, nothing is recorded",
    "stripe_sync.before_commit": "dj-stripe has written what was read, not committed",
    "stripe_sync.after_commit": "dj-stripe keeps what was read",
    "stripe_sync.before_note": "What became of the other deliveries is written, not committed",
    "stripe_sync.after_note": "What became of the other deliveries is committed",
    "restore.after_notice": "It is noted that this database is not accepted",
    "restore.before_call": "After a restore a provider is about to be asked for its list",
    "restore.after_call": "After a restore a provider has given its list",
    "witness.before_call": "After a restore a transaction is about to be read",
    "witness.after_call": "After a restore a transaction is read, nothing is recorded",
    "witness.after_commit": "What transactions named after a restore is recorded",
    "restore.before_commit": "What was lost is taken in and the database accepted, not committed",
    "restore.after_commit": "The database is accepted",
}
"""Each stands at one place only, so that visiting the point is visiting the place."""

_hook: Callable[[str], None] | None = None


def crash_point(name: str) -> None:
    """This will do nothing, unless a test has installed a hook.

    :raises KeyError: when the point is not registered and a hook is installed.
    """
    if _hook is not None:
        POINTS[name]
        _hook(name)


def install(hook: Callable[[str], None] | None) -> None:
    """This will let a test act at every point; None makes them inert again."""
    global _hook
    _hook = hook
