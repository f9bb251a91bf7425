"""The gate *payment received*: the buyer's money came, all of it, and is still with us."""

from __future__ import annotations

from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.money import Money
from payments import standing
from payments.standing import Payments
from payouts import losses
from payouts.blocks import Block, Reason
from payouts.facts import Facts
from payouts.models import Payable, Source


def ask(one: Facts) -> Block | None:
    """This will say why the buyer's payment stands in the way of these payables, or nothing."""
    for row in one.payables:
        if row.source is None or row.units < 0:
            continue  # what lowers what is paid, does so whatever the buyer still pays
        payments = one.payments.get(row.source.reference, standing.NOTHING)
        if block := _went_back(row.source, payments, one) or _is_short(row, row.source, payments):
            return block
    return None


def is_waiting_loss(row: Payable) -> bool:
    """This will tell whether what the buyer's money took with it waits for a decision."""
    return row.purpose == Payable.Purpose.LOSS and losses.is_undecided(row)


def _went_back(source: Source, payments: Payments, one: Facts) -> Block | None:
    """Whatever the trigger asks for: money that went back is evidence, and not the lack of it."""
    if payments.is_uncounted:
        return Block(
            "Money of the buyer went back, and it is not taken into account yet.", Reason.PAYMENT_CHANGED
        )
    if strange := payments.never_came(beside=source.currency):
        return Block(
            f"Money went back to the buyer in {strange}, in which none had come, and the sale is in {source.currency}:"
            " find out what it was, and record what is true.",
            Reason.PAYMENT_CHANGED,
        )
    waiting = [row for row in one.loose if row.source_id == source.pk and is_waiting_loss(row)]
    if not waiting:
        return None
    now = payments.of(source.currency)
    part = Money(-sum(int(row.units) for row in waiting), source.currency)
    return Block(
        f"{losses.sentence(now, source.currency)} The seller's part is {format_amount(part)}: decide the clawback.",
        Reason.PAYMENT_DISPUTED
        if now.disputed
        else Reason.PAYMENT_TAKEN_BACK
        if now.charged_back
        else Reason.PAYMENT_REFUNDED,
    )


def _is_short(row: Payable, source: Source, payments: Payments) -> Block | None:
    """What Sharetribe shows of a refund, it has taken off the total: what once came is enough."""
    if row.trigger is None or not row.trigger.requires_payment:
        return None
    wanted = int(source.payin_units or 0)
    if wanted == 0:
        return Block(
            "Sharetribe shows no total that the buyer is to pay, so no payment can be as much as that.",
            Reason.PAYMENT_MISSING,
        )
    got = payments.of(source.currency).received
    if got >= wanted:
        return None
    missing = format_amount(Money(wanted - got, source.currency))
    return Block(
        f"The buyer's payment is not recorded in full: {missing} missing."
        if got
        else f"No payment of the buyer is recorded: {missing} missing.",
        Reason.PAYMENT_MISSING,
    )
