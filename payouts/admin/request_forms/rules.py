"""Requests about rules: triggers, processes, schedules, policies, thresholds, go-live, decimals."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any
from uuid import UUID

from django import forms

from accounts.models import Marketplace
from payouts.acts.configuration import PAYMENT_MOVES
from payouts.admin.request_forms.base import AmountForm, AmountsField, DecimalsField, LinesField, RequestForm
from payouts.models import Process, Schedule, Trigger

_OUTCOMES = ("sent", "paid", "failed", "returned")
_TRIGGER = (
    "enabled",
    "hold_days",
    "minimums",
    "schedule",
    "write_back",
    "write_back_transitions",
    "requires_payment",
    "payment_transitions",
)


class TriggerChange(RequestForm):
    """A trigger: new, or changed."""

    about = "trigger"
    trigger = forms.ModelChoiceField(
        Trigger.objects.select_related("process"), required=False, help_text="Leave it empty for a new one."
    )
    process = forms.CharField(required=False, max_length=120, help_text="For a new one: the process's name.")
    transition = forms.CharField(
        required=False, max_length=120, help_text="For a new one, such as transition/mark-received."
    )
    enabled = forms.BooleanField(required=False, label="Switched on")
    hold_days = forms.IntegerField(min_value=0, max_value=365, initial=0)
    schedule = forms.ModelChoiceField(Schedule.objects.order_by("name"))
    minimums = AmountsField(
        required=False,
        label="Smallest payout",
        help_text="One currency and amount per line, such as EUR 5.00.",
    )
    requires_payment = forms.BooleanField(
        required=False, initial=True, label="Only once the buyer's payment is recorded"
    )
    payment_transitions = LinesField(
        required=False, label="Transitions that record the payment", help_text="One per line."
    )
    write_back = forms.ChoiceField(choices=Trigger.WriteBack.choices)
    transition_sent = forms.CharField(required=False, max_length=120, label="Operator transition when sent")
    transition_paid = forms.CharField(required=False, max_length=120, label="Operator transition when paid")
    transition_failed = forms.CharField(
        required=False, max_length=120, label="Operator transition when failed"
    )
    transition_returned = forms.CharField(
        required=False, max_length=120, label="Operator transition when returned"
    )

    @classmethod
    def filled(cls, given: Mapping[str, str]) -> dict[str, Any]:
        """This will start with what the trigger is now."""
        trigger = _row(Trigger, given.get("trigger"))
        if trigger is None:
            return dict(given)
        now = {name: getattr(trigger, name) for name in _TRIGGER if name != "write_back_transitions"}
        told = {f"transition_{key}": trigger.write_back_transitions.get(key, "") for key in _OUTCOMES}
        return {**now, **told, "trigger": trigger.pk}

    def clean(self) -> dict[str, Any]:
        """This will ask for a trigger, or for what a new one is named by."""
        given: dict[str, Any] = super().clean() or {}
        if not given.get("trigger") and not (given.get("process") and given.get("transition")):
            self.add_error(None, "Choose a trigger, or give the process and transition of a new one.")
        return given

    def payload(self) -> dict[str, Any]:
        """This will give what changes; of a new trigger, everything."""
        given = super().payload()
        told = {key: given.pop(f"transition_{key}") for key in _OUTCOMES}
        given["write_back_transitions"] = {key: name for key, name in told.items() if name}
        given["schedule"] = self.cleaned_data["schedule"].pk
        trigger: Trigger | None = self.cleaned_data.get("trigger")
        if trigger is None:
            return {name: value for name, value in given.items() if name != "trigger"}
        changed = {name: given[name] for name in _TRIGGER if given[name] != _present(trigger, name)}
        return {"trigger": trigger.pk, **changed}


def _present(trigger: Trigger, name: str) -> Any:
    return trigger.schedule_id if name == "schedule" else getattr(trigger, name)


class ProcessConfirm(RequestForm):
    """That Sharetribe itself pays no seller in a process."""

    about = "process"
    process = forms.ModelChoiceField(Process.objects.filter(pays_nothing_at__isnull=True).order_by("name"))


class ProcessSet(RequestForm):
    """A process: new, or changed."""

    about = "process"
    process = forms.ModelChoiceField(
        Process.objects.order_by("name"), required=False, help_text="Leave it empty for a new one."
    )
    name = forms.CharField(max_length=120, help_text="As Sharetribe calls it, without alias.")
    cancel_transitions = LinesField(
        required=False, label="Cancelling transitions", help_text="After these nothing is owed. One per line."
    )
    uses_stripe = forms.BooleanField(
        required=False, initial=True, label="Runs Sharetribe's own Stripe payout, or we do not know"
    )
    payment_succeeded = forms.CharField(
        required=False, max_length=120, label="Operator transition when the buyer has paid all of it"
    )
    payment_failed = forms.CharField(
        required=False, max_length=120, label="Operator transition when the buyer's payment failed"
    )
    payment_refunded = forms.CharField(
        required=False, max_length=120, label="Operator transition when the buyer got all of it back"
    )
    payment_disputed = forms.CharField(
        required=False, max_length=120, label="Operator transition when the buyer's bank disputes it"
    )
    payment_charged_back = forms.CharField(
        required=False, max_length=120, label="Operator transition when the buyer's bank took it back"
    )

    @classmethod
    def filled(cls, given: Mapping[str, str]) -> dict[str, Any]:
        """This will start with what the process is now."""
        process = _row(Process, given.get("process"))
        if process is None:
            return dict(given)
        names = ("name", "cancel_transitions", "uses_stripe")
        moves = {f"payment_{key}": process.payment_moves.get(key, "") for key in PAYMENT_MOVES}
        return {**given, **{name: getattr(process, name) for name in names}, **moves}

    def payload(self) -> dict[str, Any]:
        """This will leave out the process where it is new, and give what moves it as one table."""
        given = super().payload()
        moves = {key: given.pop(f"payment_{key}") for key in PAYMENT_MOVES}
        given["payment_moves"] = {key: name for key, name in moves.items() if name}
        return {name: value for name, value in given.items() if name != "process" or value}


class CalendarSet(RequestForm):
    """When the marketplace's business days begin and end, and on which it rests."""

    time_zone = forms.CharField(max_length=64, help_text="Of the IANA database, such as Europe/Berlin.")
    cut_off_hour = forms.IntegerField(
        min_value=0,
        max_value=23,
        help_text="What is due after it counts towards the next day; 0 is midnight.",
    )
    weekend_off = forms.BooleanField(required=False, label="Rests on weekends")
    days_off = LinesField(
        required=False, label="Days off", help_text="One date per line, such as 2026-12-25."
    )

    @classmethod
    def filled(cls, given: Mapping[str, str]) -> dict[str, Any]:
        """This will start with the calendar as it stands."""
        marketplace = Marketplace.objects.first()
        names = ("time_zone", "cut_off_hour", "weekend_off", "days_off")
        return {name: getattr(marketplace, name) for name in names} if marketplace else {}


class ScheduleSet(RequestForm):
    """A schedule: new, or changed."""

    about = "schedule"
    schedule = forms.ModelChoiceField(
        Schedule.objects.order_by("name"), required=False, help_text="Leave it empty for a new one."
    )
    name = forms.CharField(max_length=80)
    kind = forms.ChoiceField(choices=Schedule.Kind.choices)
    hour = forms.IntegerField(min_value=0, max_value=23, initial=0, label="Business hour")
    weekday = forms.TypedChoiceField(
        required=False,
        coerce=int,
        empty_value=None,
        choices=[
            ("", "–"),
            *enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")),
        ],
        help_text="Weekly only.",
    )
    day_of_month = forms.IntegerField(required=False, min_value=1, max_value=31, help_text="Monthly only.")
    on_date = forms.DateField(
        required=False, widget=forms.DateInput(attrs={"type": "date"}), help_text="Only 'on a date'."
    )

    @classmethod
    def filled(cls, given: Mapping[str, str]) -> dict[str, Any]:
        """This will start with what the schedule is now."""
        schedule = _row(Schedule, given.get("schedule"))
        names = ("name", "kind", "hour", "weekday", "day_of_month", "on_date")
        now = {name: getattr(schedule, name) for name in names} if schedule else {}
        return {**given, **now}

    def payload(self) -> dict[str, Any]:
        """This will give the day as text."""
        given = super().payload()
        if given["on_date"] is not None:
            given["on_date"] = given["on_date"].isoformat()
        return (
            given
            if given["schedule"]
            else {name: value for name, value in given.items() if name != "schedule"}
        )


class ThresholdSet(AmountForm):
    """Above which amount two people approve."""

    about = "currency"


class PolicySet(AmountForm):
    """What may be approved in people's stead."""

    about = "currency"
    amount = forms.CharField(
        max_length=50, label="Up to", help_text="In the currency; never above the threshold."
    )
    enabled = forms.BooleanField(required=False, label="In force")
    payee_paid_before = forms.BooleanField(
        required=False, initial=True, label="Only payees who were paid before"
    )
    method_age_days = forms.IntegerField(
        min_value=0, max_value=3650, initial=30, label="Only methods at least this old, in days"
    )

    @classmethod
    def filled(cls, given: Mapping[str, str]) -> dict[str, Any]:
        """This will start with the currency of the policy that the request replaces."""
        return {**given, "currency": given.get("policy", given.get("currency", ""))}


class GoLive(RequestForm):
    """The go-live line."""

    at = forms.DateTimeField(
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        label="Go-live line",
        help_text="In business time. What became due before it is an opening item and is not paid by itself.",
    )

    def payload(self) -> dict[str, Any]:
        """This will give the moment in UTC."""
        return {"at": self.cleaned_data["at"].astimezone(UTC).isoformat()}


class ExponentsConfirm(RequestForm):
    """With how many decimals Sharetribe's amounts are written."""

    exponents = DecimalsField(
        label="Decimals",
        help_text="One currency per line, such as EUR 2: then a price of 1234 in Sharetribe is 12.34 EUR. Compare"
        " with a listing whose price you know.",
    )

    @classmethod
    def filled(cls, given: Mapping[str, str]) -> dict[str, Any]:
        """This will start with the table as it stands."""
        marketplace = Marketplace.objects.first()
        return {
            "exponents": marketplace.exponents
            if marketplace and marketplace.exponents
            else {"EUR": 2, "USD": 2}
        }


def _row(model: Any, text: str | None) -> Any:
    if not text:
        return None
    try:
        return model.objects.filter(pk=text if text.isdigit() else UUID(text)).first()
    except ValueError:
        return None
