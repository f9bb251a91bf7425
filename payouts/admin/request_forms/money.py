"""Requests about money."""

from __future__ import annotations

from django import forms

from payouts.admin.request_forms.base import AmountForm, PayeeField, RequestForm, RowField
from payouts.models import Incident, Payable, Payout, State

_PURPOSES = (Payable.Purpose.BONUS, Payable.Purpose.CORRECTION, Payable.Purpose.DEDUCTION)


class PayableAdd(AmountForm):
    """A payable of staff's own."""

    about = "payee"
    may_be_negative = True
    payee = PayeeField()
    purpose = forms.ChoiceField(choices=[(one.value, one.label) for one in _PURPOSES])
    field_order = ("payee", "purpose", "currency", "amount", "reason")


class ClawbackDecide(RequestForm):
    """What becomes of a clawback."""

    about = "payable"
    payable = RowField(
        Payable.objects.filter(waits_for=Payable.Waits.CLAWBACK, settled=""), label="Payable's id"
    )
    decision = forms.ChoiceField(
        choices=[
            ("net", "Net it against what the payee is owed next"),
            ("repaid", "The payee repaid it"),
            ("write_off", "Write it off"),
        ]
    )


class ResolveUnknown(RequestForm):
    """What became of money of which nobody knew."""

    about = "payout"
    payout = RowField(Payout.objects.filter(state=State.UNKNOWN), label="Payout's id")
    outcome = forms.ChoiceField(choices=[("paid", "The money arrived"), ("not_paid", "The money never left")])
    document = forms.CharField(
        max_length=500, help_text="The statement with its date and line, or the case number."
    )


class PayByHand(RequestForm):
    """That an approved payout was paid outside the product."""

    about = "payout"
    payout = RowField(Payout.objects.filter(state=State.APPROVED), label="Payout's id")
    document = forms.CharField(max_length=500, help_text="What proves it: bank, date, reference.")


class SuspenseExplain(AmountForm):
    """What a movement was that our books did not expect."""

    may_be_negative = True
    provider = forms.CharField(
        max_length=30, help_text="As in the account's name: paypal for suspense:paypal."
    )
    account = forms.ChoiceField(
        label="It was",
        choices=[
            ("owner_funding", "Money of our own, moved there or away"),
            ("provider_cash:manual", "A payout that is recorded as paid by hand"),
            ("write_off", "A loss, or a gain"),
        ],
    )
    document = forms.CharField(
        max_length=500, help_text="What proves it: the statement with its date and line."
    )
    field_order = ("provider", "currency", "amount", "account", "document", "reason")


class IncidentClose(RequestForm):
    """That an incident is explained."""

    about = "incident"
    incident = RowField(Incident.objects.filter(closed_at__isnull=True), label="Incident's id")
    explanation = forms.CharField(max_length=4000, widget=forms.Textarea(attrs={"rows": 4}))
