"""Two-person acts about rules: triggers, processes, schedules, policies, thresholds, go-live, currencies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Max, Model
from django.utils.dateparse import parse_datetime

from accounts.models import Marketplace, Payee
from marketplace_payouts.lib.currencies import UnknownCurrency, exponent, format_amount, to_decimal_string
from payments import standing
from payouts.acts.base import Act, Asked
from payouts.due import calendar_of
from payouts.errors import Refused
from payouts.models import ApprovalPolicy, ApprovalThreshold, Payable, Process, Schedule, Trigger

PAYMENT_MOVES: Final = (
    standing.SUCCEEDED,
    standing.FAILED,
    standing.REFUNDED,
    standing.DISPUTED,
    standing.CHARGED_BACK,
)
"""What may become of a buyer's payment that a process can have a transition for."""

_TRIGGER_FIELDS = (
    "enabled",
    "hold_days",
    "minimums",
    "schedule",
    "write_back",
    "write_back_transitions",
    "requires_payment",
    "payment_transitions",
)


def _process(asked: Asked) -> Process:
    """A process with its changes, checked but not saved."""
    _one_change_at_a_time(asked)
    process = asked.row(Process, "process", lock=True) if asked.payload.get("process") else Process()
    for name in ("name", "cancel_transitions", "uses_stripe", "payment_moves"):
        if name in asked.payload:
            setattr(process, name, asked.payload[name])
    if not isinstance(process.cancel_transitions, list):
        raise Refused("The cancelling transitions are a list of names.")
    _check_moves(process.payment_moves)
    _clean(process)
    return process


def _check_moves(moves: object) -> None:
    known = ", ".join(PAYMENT_MOVES)
    if not isinstance(moves, dict) or not moves.keys() <= set(PAYMENT_MOVES):
        raise Refused(f"What moves a transaction is a table of transitions by outcome: {known}.")
    if not all(isinstance(name, str) and 0 < len(name) <= 120 for name in moves.values()):
        raise Refused(
            "Each outcome of a payment names one transition, such as transition/operator-confirm-payment."
        )


def _process_summary(asked: Asked) -> str:
    process = _process(asked)
    cancelling = ", ".join(process.cancel_transitions) or "no transition"
    stripe = "runs" if process.uses_stripe else "does not run"
    moves = ", ".join(f"{name} when {outcome}" for outcome, name in process.payment_moves.items())
    told = f" A buyer's payment moves it: {moves.replace('_', ' ')}." if moves else ""
    return f"{process.name} {stripe} Sharetribe's Stripe payout; nothing is owed any more after {cancelling}.{told}"


def _set_process(asked: Asked) -> None:
    """Touches the triggers, so that the process's transactions are understood by the new rules."""
    process = _process(asked)
    process.save()
    process.triggers.update(changed_by=asked.made_by, changed_at=_after_earlier_changes(asked))


def _one_change_at_a_time(asked: Asked) -> None:
    """Whoever understands a transaction by the rules shares this row, and is waited for; taken before any other."""
    if asked.seconded_by is not None:
        list(Marketplace.objects.order_by("pk").select_for_update(no_key=True))


def _after_earlier_changes(asked: Asked) -> datetime:
    """The moment of a change of rules: later than those of all changes that were committed before it.

    Whoever has applied one change then knows that it applied all before it, whatever the clocks of the machines say
    and whoever had to wait.
    """
    newest = Trigger.objects.aggregate(newest=Max("changed_at"))["newest"]
    return asked.now if newest is None else max(asked.now, newest + timedelta(microseconds=1))


def _calendar(asked: Asked) -> Marketplace:
    marketplace = _marketplace()
    for name in ("time_zone", "cut_off_hour", "weekend_off", "days_off"):
        if name in asked.payload:
            setattr(marketplace, name, asked.payload[name])
    try:
        calendar_of(marketplace)
    except (ValueError, TypeError) as error:
        raise Refused(f"That is no business calendar: {error}") from None
    _clean(marketplace)
    return marketplace


def _calendar_summary(asked: Asked) -> str:
    marketplace = _calendar(asked)
    closing = f"closes at {marketplace.cut_off_hour}:00" if marketplace.cut_off_hour else "closes at midnight"
    rest = "rests on weekends" if marketplace.weekend_off else "works on weekends"
    off = f", and on {', '.join(marketplace.days_off)}" if marketplace.days_off else ""
    return (
        f"Business is in {marketplace.time_zone}, {closing}, {rest}{off}. What is due already keeps its day."
    )


def _clean(row: Model) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        raise Refused(" ".join(f"{k}: {' '.join(v)}" for k, v in error.message_dict.items())) from None


def _trigger(asked: Asked) -> Trigger:
    """A trigger with its changes, checked but not saved."""
    _one_change_at_a_time(asked)
    if asked.payload.get("trigger"):
        trigger = asked.row(Trigger, "trigger", lock=True)
    else:
        name = asked.text("process")
        process = Process.objects.filter(name=name).first()
        if process is None:
            process = Process(name=name)
            if asked.seconded_by is not None:
                process.save()
        trigger = Trigger(
            process=process, transition=asked.text("transition"), schedule=asked.row(Schedule, "schedule")
        )
    for name in _TRIGGER_FIELDS:
        if name in asked.payload:
            value = asked.row(Schedule, "schedule") if name == "schedule" else asked.payload[name]
            setattr(trigger, name, value)
    trigger.changed_by, trigger.changed_at = asked.made_by, _after_earlier_changes(asked)
    if trigger.process.pk is not None:
        _clean(trigger)
    return trigger


def _trigger_summary(asked: Asked) -> str:
    trigger = _trigger(asked)
    changes = ", ".join(
        f"{k.replace('_', ' ')} {asked.payload[k]}" for k in _TRIGGER_FIELDS if k in asked.payload
    )
    return f"Change the trigger {trigger}: {changes}."


def _schedule(asked: Asked) -> Schedule:
    schedule = asked.row(Schedule, "schedule", lock=True) if asked.payload.get("schedule") else Schedule()
    for name in ("name", "kind", "hour", "weekday", "day_of_month", "on_date"):
        if name in asked.payload:
            setattr(schedule, name, asked.payload[name])
    _clean(schedule)
    return schedule


def _policy(asked: Asked) -> dict[str, Any]:
    money = asked.money()
    threshold = ApprovalThreshold.objects.filter(currency=money.currency).first()
    if threshold is None or money.units > threshold.units:
        raise Refused("A policy never approves above the threshold; set the threshold of the currency first.")
    return {
        "currency": money.currency,
        "maximum_units": money.units,
        "enabled": asked.flag("enabled"),
        "payee_paid_before": asked.flag("payee_paid_before"),
        "method_age_days": asked.whole("method_age_days", default=30),
    }


def _set_policy(asked: Asked) -> None:
    values = _policy(asked)
    present = (
        ApprovalPolicy.objects.filter(currency=values["currency"]).order_by("-version").select_for_update()
    )
    newest = present.first()
    present.filter(retired_at__isnull=True).update(retired_at=asked.now)
    ApprovalPolicy.objects.create(
        **values,
        version=1 if newest is None else newest.version + 1,
        made_by=asked.made_by,
        seconded_by=asked.seconded_by,
        created_at=asked.now,
    )


def _set_threshold(asked: Asked) -> None:
    money = asked.money()
    ApprovalThreshold.objects.update_or_create(
        currency=money.currency,
        defaults={"units": money.units, "changed_by": asked.made_by, "changed_at": asked.now},
    )


def _confirm_process(asked: Asked) -> None:
    process = asked.row(Process, "process", lock=True)
    process.pays_nothing_by, process.pays_nothing_at = asked.made_by, asked.now
    process.save(update_fields=["pays_nothing_by", "pays_nothing_at"])
    _wake_everybody(asked.now)


def _marketplace() -> Marketplace:
    marketplace = Marketplace.objects.first()
    if marketplace is None:
        raise Refused("No marketplace is known yet: run check_flex, which reads it from Sharetribe.")
    return marketplace


def _go_live_at(asked: Asked) -> datetime:
    marketplace = _marketplace()
    at = parse_datetime(asked.text("at"))
    if at is None or at.tzinfo is None:
        raise Refused("The moment is an ISO time with its zone, such as 2026-01-31T00:00:00+00:00.")
    if marketplace.go_live_at is not None and marketplace.go_live_at <= asked.now:
        raise Refused("The marketplace is live already; what is older is released item by item.")
    return at


def _go_live(asked: Asked) -> None:
    """What became due from then on is no opening item any more, also where it was heard before the line was drawn."""
    marketplace, at = _marketplace(), _go_live_at(asked)
    marketplace.go_live_at = at
    marketplace.save(update_fields=["go_live_at"])
    Payable.objects.filter(waits_for=Payable.Waits.OPENING, became_due_at__gte=at).update(waits_for="")
    Payable.objects.filter(
        waits_for="", settled="", origin=Payable.Origin.SHARETRIBE, became_due_at__lt=at, decided=""
    ).update(waits_for=Payable.Waits.OPENING)
    _wake_everybody(asked.now)


def _wake_everybody(now: datetime) -> None:
    payees = Payable.objects.filter(settled="", waits_for="").values("payee")
    Payee.objects.filter(pk__in=payees).update(next_gather_at=now)


def _exponents(asked: Asked) -> Mapping[str, int]:
    given = asked.payload.get("exponents")
    if not isinstance(given, dict) or not given:
        raise Refused("Exponents is a table of currency to decimal places.")
    for code, places in given.items():
        try:
            exponent(code)
        except UnknownCurrency as error:
            raise Refused(str(error)) from None
        if not isinstance(places, int) or not 0 <= places <= 18:
            raise Refused(f"{code} has between 0 and 18 decimal places, not {places!r}.")
    return given


def _exponents_summary(asked: Asked) -> str:
    samples = (
        f"1234 means {to_decimal_string(1234, places)} {code}" for code, places in _exponents(asked).items()
    )
    return f"Read Sharetribe's amounts so: {'; '.join(samples)}."


def _confirm_exponents(asked: Asked) -> None:
    marketplace = _marketplace()
    marketplace.exponents = {**marketplace.exponents, **_exponents(asked)}
    marketplace.exponents_confirmed_by, marketplace.exponents_confirmed_at = asked.made_by, asked.now
    marketplace.save(update_fields=["exponents", "exponents_confirmed_by", "exponents_confirmed_at"])


ACTS = {
    "trigger_change": Act(
        label="Change a trigger",
        needs="act_triggers",
        fields=("trigger", "process", "transition", *_TRIGGER_FIELDS),
        check=_trigger,
        summary=_trigger_summary,
        apply=lambda asked: _trigger(asked).save(),
    ),
    "process_set": Act(
        label="Add or change a process",
        needs="act_triggers",
        fields=("process", "name", "cancel_transitions", "uses_stripe", "payment_moves"),
        check=_process,
        summary=_process_summary,
        apply=_set_process,
    ),
    "calendar_set": Act(
        label="Set the business calendar",
        needs="act_triggers",
        fields=("time_zone", "cut_off_hour", "weekend_off", "days_off"),
        check=_calendar,
        summary=_calendar_summary,
        apply=lambda asked: _calendar(asked).save(),
    ),
    "process_confirm": Act(
        label="Confirm that Sharetribe pays nobody in a process",
        needs="act_triggers",
        fields=("process",),
        check=lambda asked: asked.row(Process, "process"),
        summary=lambda asked: f"Sharetribe itself pays no seller in {asked.row(Process, 'process')}.",
        apply=_confirm_process,
    ),
    "schedule_set": Act(
        label="Add or change a schedule",
        needs="act_triggers",
        fields=("schedule", "name", "kind", "hour", "weekday", "day_of_month", "on_date"),
        check=_schedule,
        summary=lambda asked: (
            f"Schedule {_schedule(asked).name}: {_schedule(asked).get_kind_display().lower()}."
        ),
        apply=lambda asked: _schedule(asked).save(),
    ),
    "policy_set": Act(
        label="Set an approval policy",
        needs="act_policies",
        fields=("currency", "units", "enabled", "payee_paid_before", "method_age_days"),
        check=_policy,
        summary=lambda asked: (
            f"{'Let a policy approve' if asked.flag('enabled') else 'Stop the policy'}"
            f" up to {format_amount(asked.money())}."
        ),
        apply=_set_policy,
    ),
    "threshold_set": Act(
        label="Set the amount above which two people approve",
        needs="act_limits",
        fields=("currency", "units"),
        check=lambda asked: asked.money(),
        summary=lambda asked: f"Above {format_amount(asked.money())} two people approve.",
        apply=_set_threshold,
    ),
    "go_live": Act(
        label="Choose the go-live moment",
        needs="act_triggers",
        fields=("at",),
        check=_go_live_at,
        summary=lambda asked: f"Pay what becomes due from {_go_live_at(asked):%Y-%m-%d %H:%M %Z} on.",
        apply=_go_live,
    ),
    "exponents_confirm": Act(
        label="Confirm how Sharetribe's amounts are read",
        needs="act_triggers",
        fields=("exponents",),
        check=_exponents,
        summary=_exponents_summary,
        apply=_confirm_exponents,
    ),
}
