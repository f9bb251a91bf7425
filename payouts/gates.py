"""Why a payout may not go out yet: one ordered list of named functions over facts from the database only.

The same list decides before sending, explains in the admin, and answers the payee's "why am I not paid yet?".
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings

from marketplace_payouts.lib.currencies import format_amount
from marketplace_payouts.lib.money import Money
from payouts import digests, facts, payment_gate
from payouts.blocks import Block, Reason, held_for
from payouts.facts import Facts
from payouts.models import Payable, Payout, Source
from payouts.providers import registry


class Stage(enum.IntEnum):
    """Up to where a gate belongs: the first ones already stop a gathering, the last ones only a sending."""

    OWED = 1
    DECIDE = 2
    SEND = 3


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """One gate's answer, for people."""

    gate: str
    passed: bool
    sentence: str
    until: datetime | None
    reason: Reason | None
    """What the payee is told; None where it passed."""
    amount: Money | None
    for_payee: str


@dataclass(frozen=True, slots=True)
class Gate:
    """One reason why a payout may not go out yet."""

    name: str
    stage: Stage
    meaning: str
    """What is so where it passes."""
    obstacle: str
    """What is so where it does not: why something stands where it stands."""
    ask: Callable[[Facts], Block | None]


def _due(one: Facts) -> Block | None:
    pay_now = one.payee.pay_now_at is not None or one.payout is not None
    for row in one.payables:
        if row.hold_until > one.now:
            return Block("The hold period is not over.", Reason.HOLD_PERIOD, row.hold_until)
        if not pay_now and row.due_at > one.now:
            return Block("The schedule has not come round.", Reason.NEXT_PAYDAY, row.due_at)
    return None


def _not_compensated(one: Facts) -> Block | None:
    # What the buyer's money that went back takes has a gate, and words, of its own.
    loose = [row for row in one.loose if not payment_gate.is_waiting_loss(row)]
    if any(row.waits_for == Payable.Waits.CLAWBACK for row in loose):
        return Block(
            "The transaction took money back meanwhile: cancel the payout, if there is one, and decide the clawback.",
            Reason.SALE_CHANGED,
        )
    if loose:
        return Block(
            "The amount of a transaction changed; the payout must be gathered anew.", Reason.SALE_CHANGED
        )
    return None


def _after_go_live(one: Facts) -> Block | None:
    if any(row.waits_for == Payable.Waits.OPENING for row in one.payables):
        return Block(
            "It became due before go-live: release it, or mark it as paid by hand.",
            Reason.BEFORE_START,
        )
    return None


_UNDECIDED: Final[Mapping[str, Reason]] = {
    Payable.Waits.RETURNED: Reason.CAME_BACK,
    Payable.Waits.CLAWBACK: Reason.SALE_CHANGED,
}


def _decided(one: Facts) -> Block | None:
    for row in one.payables:
        if (reason := _UNDECIDED.get(row.waits_for)) is not None:
            return Block(Payable.Waits(row.waits_for).label + ".", reason)
    return None


def _not_paid_by_stripe(one: Facts) -> Block | None:
    for row in one.payables:
        if row.source is None or row.trigger is None or row.trigger.process.pays_nothing_at is not None:
            continue
        if row.source.stripe_payment:
            return Block("The transaction shows a Stripe payment: Sharetribe may pay the seller itself.")
        if one.payee.stripe_connected:
            return Block("The payee has a Stripe account in Sharetribe, which may pay them itself.")
        if row.trigger.process.uses_stripe:
            return Block(
                "The process runs Sharetribe's own Stripe payout, until staff confirm that it pays nothing."
            )
    return None


def _payee_active(one: Facts) -> Block | None:
    if one.payee.frozen_at is not None:
        # Never told: it would warn whoever it is about.
        return Block(f"The payee is frozen: {one.payee.frozen_reason}")
    if one.payee.closed:
        return Block("The payee is banned or deleted in Sharetribe.", Reason.ACCOUNT_CLOSED)
    return None


def _method_present(one: Facts) -> Block | None:
    if one.method is None:
        return Block("The payee has given no payout method.", Reason.METHOD_MISSING)
    if one.method.retired_at is not None:
        return Block("The payout method was replaced.", Reason.METHOD_REPLACED)
    return None


def _method_verified(one: Facts) -> Block | None:
    if one.method is not None and one.method.verified_at is None:
        return Block("The payout method is not verified.", Reason.METHOD_UNCONFIRMED)
    return None


def _verified_at_stripe(one: Facts) -> Block | None:
    if one.is_verified_at_stripe:
        return None
    return Block(
        "The method's Stripe account is not verified, or not any more, or not the payee's present one.",
        Reason.VERIFICATION,
    )


def _method_cooled(one: Facts) -> Block | None:
    if one.method is not None and one.method.usable_from > one.now:
        return Block(
            "The payout method was changed recently and is in its cool-down.",
            Reason.METHOD_NEW,
            one.method.usable_from,
        )
    return None


def _minimum(one: Facts) -> Block | None:
    """The gathering decided; a payout below the minimum exists only because staff asked to pay now."""
    row = one.payables[0] if one.payables else None
    if one.payout is not None or row is None or row.blocked_by != "minimum":
        return None
    smallest = Money(int(row.minimum_units), row.currency)
    sentence = f"What is due is less than the minimum of {format_amount(smallest)}."
    return Block(sentence, Reason.MINIMUM, amount=smallest)


def _within_caps(one: Facts) -> Block | None:
    payout = one.payout
    if payout is None or (provider := registry.find(payout.provider)) is None:
        return None
    capabilities = provider.capabilities
    if payout.sent_currency not in capabilities.exponents:
        return Block(f"{provider.label} does not pay {payout.sent_currency}.", Reason.METHOD_CURRENCY)
    cap = capabilities.caps.get(payout.sent_currency)
    if cap is not None and payout.sent_units > cap:
        return Block(
            f"More than {provider.label} takes in one payment: {format_amount(Money(cap, payout.sent_currency))}."
        )
    return None


def _not_held(one: Facts) -> Block | None:
    for hold in one.holds:
        if hold.rail_id != "everything":
            return Block(f"On hold: {hold.reason}", held_for(hold.rule))
    return None


def _approved(one: Facts) -> Block | None:
    assert one.payout is not None
    standing = digests.standing(one)
    if standing.enough:
        return None
    return Block(standing.sentence)


def _rail_open(one: Facts) -> Block | None:
    assert one.payout is not None
    if registry.find(one.payout.provider) is None:
        return Block(f"{one.payout.provider} has no credentials here, or they are incomplete.")
    return None


def _hours(one: Facts) -> Block | None:
    assert one.payout is not None
    provider = registry.find(one.payout.provider)
    hours = None if provider is None else provider.capabilities.hours
    opens = None if hours is None else hours.opens(one.now)
    if provider is None or opens is None:
        return None
    return Block(
        f"{provider.label} is sent at set hours, together with what is approved till then.", until=opens
    )


def _funds(one: Facts) -> Block | None:
    return None if one.has_funds else Block(one.funds_sentence)


def _reread(one: Facts) -> Block | None:
    oldest = one.now - settings.SOURCE_CHECK_VALID_FOR
    if one.sources and one.payee.profile_read_at is None:
        return Block("Whether Sharetribe pays the payee itself, or banned them, was never read.")
    for source in one.sources:
        block = _source_block(source, one, oldest)
        if block is not None:
            return block
    return None


def _source_block(source: Source, one: Facts, oldest: datetime) -> Block | None:
    if source.heard > source.understood or source.next_at is not None or source.parked_at is not None:
        return Block("An event of a transaction is not taken into account yet.")
    check = one.checks.get(source.pk)
    if check is None or check.checked_at is None or check.checked_at < oldest:
        return Block("A transaction is to be read again in Sharetribe before sending.")
    if bytes(check.digest) != bytes(source.digest):
        return Block("A transaction reads differently in Sharetribe than when it was understood.")
    if check.foreign_payout:
        return Block(f"The transaction names a payout that we do not know: {check.foreign_payout}.")
    return None


def _announced(one: Facts) -> Block | None:
    if all(source.pk in one.announced for source in one.sources):
        return None
    return Block("The payout is not announced on every transaction yet.")


def _not_stopped(one: Facts) -> Block | None:
    for hold in one.holds:
        if hold.rail_id == "everything":
            return Block(f"Everything is stopped: {hold.reason}")
    return None


GATES: tuple[Gate, ...] = (
    Gate("due", Stage.OWED, "Due, and the hold period over", "Not due, or in its hold period", _due),
    Gate(
        "not_compensated",
        Stage.OWED,
        "No change that the payout does not know",
        "Changed since it was gathered",
        _not_compensated,
    ),
    Gate("go_live", Stage.OWED, "Due after go-live, or released", "Due before go-live", _after_go_live),
    Gate(
        "decided", Stage.OWED, "No return or clawback undecided", "A return or clawback to decide", _decided
    ),
    Gate(
        "not_paid_by_stripe",
        Stage.OWED,
        "Not paid by Sharetribe's own Stripe payout",
        "Stripe may pay it",
        _not_paid_by_stripe,
    ),
    Gate(
        "payment_received",
        Stage.OWED,
        "The buyer's payment received",
        "The buyer's payment not received",
        payment_gate.ask,
    ),
    Gate(
        "payee_active",
        Stage.OWED,
        "Payee neither frozen nor closed",
        "The payee frozen or closed",
        _payee_active,
    ),
    Gate("method_present", Stage.OWED, "A payout method given", "No payout method", _method_present),
    Gate(
        "method_verified",
        Stage.DECIDE,
        "The payout method verified",
        "The payout method not verified",
        _method_verified,
    ),
    Gate(
        "stripe_verified",
        Stage.DECIDE,
        "Verified by Stripe, where the method is one of Stripe's",
        "The Stripe account not verified",
        _verified_at_stripe,
    ),
    Gate(
        "method_cooled",
        Stage.DECIDE,
        "The payout method out of its cool-down",
        "The payout method in its cool-down",
        _method_cooled,
    ),
    Gate("minimum", Stage.DECIDE, "Minimum reached", "Below the minimum", _minimum),
    Gate(
        "caps",
        Stage.DECIDE,
        "Within what the provider takes",
        "Not within what the provider takes",
        _within_caps,
    ),
    Gate("held", Stage.DECIDE, "No open hold", "On hold", _not_held),
    Gate("approved", Stage.SEND, "Approved for exactly this", "Not approved yet", _approved),
    Gate("rail", Stage.SEND, "Provider available", "Provider not available", _rail_open),
    Gate("hours", Stage.SEND, "An hour at which its provider is sent to", "Waits for its hour", _hours),
    Gate("funds", Stage.SEND, "Funds there", "Too little money at the provider", _funds),
    Gate(
        "reread", Stage.SEND, "Transactions read again, unchanged", "A transaction to be read again", _reread
    ),
    Gate("announced", Stage.SEND, "Announced on the transactions", "Not announced yet", _announced),
    Gate("stopped", Stage.SEND, "Nothing stopped", "Everything is stopped", _not_stopped),
)


def first_block(one: Facts, *, up_to: Stage) -> tuple[Gate, Block] | None:
    """This will give the first gate up to this stage that does not pass, or None."""
    for gate in GATES:
        if gate.stage <= up_to and (block := gate.ask(one)) is not None:
            return gate, block
    return None


def explain(payout_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, list[GateAnswer]]:
    """This will give every gate's answer for each payout."""
    payouts = list(Payout.objects.filter(pk__in=payout_ids).select_related("payee__marketplace", "method"))
    loaded = facts.for_payouts(payouts, now=now)
    return {payout_id: list(_answers(one, Stage.SEND)) for payout_id, one in loaded.items()}


def explain_payables(payable_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, list[GateAnswer]]:
    """This will give the answers of the gates that stand before a gathering, for each payable."""
    rows = Payable.objects.filter(pk__in=payable_ids).select_related(
        "payee__marketplace", "source", "trigger__process"
    )
    loaded = facts.for_payables(list(rows), now=now)
    return {payable_id: list(_answers(one, Stage.DECIDE)) for payable_id, one in loaded.items()}


def _answers(one: Facts, up_to: Stage) -> Iterable[GateAnswer]:
    for gate in GATES:
        if gate.stage <= up_to:
            block = gate.ask(one)
            yield GateAnswer(
                gate=gate.name,
                passed=block is None,
                sentence=gate.meaning if block is None else block.sentence,
                until=block.until if block else None,
                reason=block.reason if block else None,
                amount=block.amount if block else None,
                for_payee=block.for_payee if block else "",
            )
