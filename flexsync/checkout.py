"""What a buyer is to pay for their transaction, by Sharetribe's word of this moment, and whether it waits for that.

Whether a process waits for its buyer's payment follows from how the process is set up here: nothing that confirms the
payment, or cancels the sale, was done yet. Where an operator's transition confirms it, Sharetribe says whether that
could be made just now, without making it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from accounts.errors import InTheWay, NotNow
from accounts.models import Marketplace
from flexsync import calls
from flexsync.snapshots import Unclear, carries_stripe
from flexsync.translation import Decimals
from marketplace_payouts.lib.logs import logger
from marketplace_payouts.lib.money import Money
from marketplace_payouts.lib.sharetribe import (
    FlexConflict,
    FlexError,
    FlexNotFound,
    FlexRefused,
    Transaction,
)
from payments import standing
from payouts.errors import DomainError
from payouts.models import Process, Trigger

log = logger(__name__)

_PATIENCE_S: Final = 8.0


class NotTheirs(Exception):
    """There is no such transaction, or the person is not its buyer; nobody is told which."""


def to_be_paid(transaction_id: UUID, *, buyer: UUID, marketplace: Marketplace, now: datetime) -> Money:
    """This will give the total that a Sharetribe user is to pay for a transaction that still waits for it.

    :raises NotTheirs: when it is not theirs to pay.
    :raises InTheWay: when it does not wait for this payment.
    :raises NotNow: when Sharetribe does not say, or something is not set up.
    """
    try:
        shown = calls.client().transaction(
            transaction_id, include=("customer", "provider"), patience_s=_PATIENCE_S
        )
        if shown.customer_id != buyer:
            raise NotTheirs
        total = _total(shown, marketplace)
        process = _process(shown)
        _must_wait(shown, process)
    except FlexNotFound:
        raise NotTheirs from None
    except FlexError as error:
        log.warning("sharetribe_silent", reason=str(error))
        raise NotNow(
            "sharetribe_unavailable", "Sharetribe does not show the transaction at the moment: try again."
        ) from None
    except DomainError as error:
        raise NotNow("marketplace_unknown", str(error)) from None
    finally:
        calls.flush(today=now.date())
    _must_be_unpaid(transaction_id)
    return total


def _total(shown: Transaction, marketplace: Marketplace) -> Money:
    decimals = Decimals(
        table={code: int(places) for code, places in marketplace.exponents.items()},
        confirmed=marketplace.exponents_confirmed_at is not None,
    )
    if shown.payin_total is None or shown.payin_total.amount <= 0:
        raise InTheWay("nothing_to_pay", "Sharetribe shows no total that the buyer is to pay.")
    try:
        return decimals.ours(shown.payin_total)
    except Unclear as error:
        raise NotNow("amount_unclear", str(error)) from None


def _process(shown: Transaction) -> Process:
    process = Process.objects.filter(name=shown.process_name).first()
    if process is None or process.uses_stripe or carries_stripe(shown.protected_data):
        raise InTheWay(
            "not_paid_here",
            "This kind of transaction is paid through Sharetribe's own Stripe payments, or is not set up here.",
        )
    return process


def _must_wait(shown: Transaction, process: Process) -> None:
    ends = {*process.cancel_transitions}
    for confirming in Trigger.objects.filter(process=process).values_list("payment_transitions", flat=True):
        ends |= set(confirming)
    move = process.payment_moves.get(standing.SUCCEEDED, "")
    made = {step.transition for step in shown.transitions}
    if not made.isdisjoint({*ends, move}) or (move and not _could_be_made(shown, move)):
        raise InTheWay(
            "not_awaiting_payment",
            "The transaction does not wait for a payment: it is paid already, cancelled, or not ordered yet.",
        )


def _could_be_made(shown: Transaction, transition: str) -> bool:
    try:
        calls.client().transition_speculative(shown.id, transition, patience_s=_PATIENCE_S)
    except FlexConflict:
        return False
    except FlexRefused as error:
        # Its own parameters are wanted, or it has another name: that is not the buyer's mistake.
        log.warning("confirming_transition_refused", transition=transition, reason=str(error))
    return True


def _must_be_unpaid(transaction_id: UUID) -> None:
    known = standing.load([transaction_id]).get(transaction_id)
    if known is not None and any(one.received for one in known.standings.values()):
        raise InTheWay(
            "already_paid",
            "A payment for this transaction is recorded: what is still due, the marketplace says.",
        )
