"""Requests about bank files."""

from __future__ import annotations

from django import forms

from payouts.admin.request_forms.base import RequestForm, RowField
from payouts.bank_files.withdrawing import CLASSES
from payouts.models import BankFile, BankStatement, Payout


class Take(RequestForm):
    """That a statement counts; asked for with its upload, and here once more where it was declined."""

    about = "statement"
    statement = RowField(BankStatement.objects.filter(taken_at__isnull=True), label="Statement's id")


class Withdraw(RequestForm):
    """That the bank does not have a file, and never will."""

    about = "file"
    file = RowField(BankFile.objects.filter(withdrawn_at__isnull=True), label="File's id")
    document = forms.CharField(
        max_length=500,
        required=False,
        label="What proves it",
        help_text="Needed once somebody downloaded it: the bank's list of orders, or its statement.",
    )


class PaymentRefused(RequestForm):
    """That the bank did not carry out one payment of a file, and never will."""

    about = "payout"
    payout = RowField(Payout.objects.filter(provider="bank_file"), label="Payout's id")
    whose = forms.ChoiceField(choices=[("", "– choose –"), *CLASSES.items()], label="Who must act")
    document = forms.CharField(
        max_length=500, label="What proves it", help_text="The bank's message, with its date and code."
    )
