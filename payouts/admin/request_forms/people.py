"""Requests about payees and approvers."""

from __future__ import annotations

from typing import Any, Final

from django import forms

from accounts.models import User
from payouts.acts import ACTS
from payouts.admin.choices import providers
from payouts.admin.request_forms.base import AmountForm, PayeeField, RequestForm, RowField
from payouts.models import PayoutMethod

_DESTINATION: Final = ACTS["method_add"].secret_fields


class MethodAdd(RequestForm):
    """Where a payee wants to be paid from now on."""

    about = "payee"
    payee = PayeeField()
    provider = forms.ChoiceField(choices=providers)
    email = forms.EmailField(required=False, label="PayPal e-mail address")
    paypal_id = forms.CharField(required=False, max_length=20, label="or PayPal id")
    country = forms.CharField(
        required=False, max_length=2, label="or the country of a bank account", help_text="Two letters."
    )
    holder = forms.CharField(required=False, max_length=140, label="Account holder")
    iban = forms.CharField(required=False, max_length=50, label="IBAN")
    account = forms.CharField(required=False, max_length=50, label="or account number")
    clearing = forms.CharField(required=False, max_length=20, label="Clearing code of the bank")
    bic = forms.CharField(required=False, max_length=14, label="BIC of the bank")
    city = forms.CharField(required=False, max_length=35, label="Town of the holder")
    checked = forms.CharField(
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        label="How you know that it is theirs",
        help_text="Who was asked, by a way that was on file before, and when; a letter alone proves nothing. Leave it"
        " empty, and the method waits until it is verified.",
    )

    def payload(self) -> dict[str, Any]:
        """This will leave the destination out: it travels sealed."""
        return {name: value for name, value in super().payload().items() if name not in _DESTINATION}

    def secret(self) -> dict[str, str] | None:
        """This will give the destination."""
        given = self.cleaned_data
        return {name: str(given[name]) for name in _DESTINATION if given.get(name)}


class MethodVerify(RequestForm):
    """That a payout method belongs to its payee."""

    about = "method"
    method = RowField(
        PayoutMethod.objects.filter(retired_at__isnull=True, verified_at__isnull=True), label="Method's id"
    )
    checked = forms.CharField(
        max_length=1000, widget=forms.Textarea(attrs={"rows": 2}), label="What was checked, and how"
    )


class LimitSet(AmountForm):
    """How much an approver may approve."""

    about = "user"
    user = forms.ModelChoiceField(
        User.objects.filter(groups__name="approver", is_active=True).order_by("email"), label="Approver"
    )
    window_hours = forms.IntegerField(min_value=1, max_value=744, initial=24, label="Within how many hours")
    field_order = ("user", "currency", "amount", "window_hours", "reason")
