"""Requests about buyers' payments."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any, Final

from django import forms
from django.utils import timezone

from payments.words import Kind
from payouts.admin.request_forms.base import AmountForm

_OUTCOMES: Final = (
    (Kind.RECEIVED, "The buyer paid"),
    (Kind.REFUNDED, "The buyer got money back"),
    (Kind.CHARGED_BACK, "The buyer's bank took money back, for good"),
    (Kind.REGAINED, "What had gone back is with us again: a dispute was won, or a refund failed"),
)


class PaymentRecord(AmountForm):
    """What became of a buyer's money, where no payment system tells us."""

    about = "transaction"
    transaction = forms.UUIDField(label="Sharetribe transaction's id")
    outcome = forms.ChoiceField(
        choices=[(kind.value, label) for kind, label in _OUTCOMES], label="What happened"
    )
    reference = forms.CharField(
        max_length=120,
        help_text="Of the payment, the refund or the dispute: a statement's line, or the provider's id. The same money"
        " keeps the same reference, so that it is not counted twice.",
    )
    happened_at = forms.DateField(label="On", widget=forms.DateInput(attrs={"type": "date"}))
    document = forms.CharField(max_length=500, help_text="What proves it: bank, statement, date, line.")
    field_order = (
        "transaction",
        "outcome",
        "currency",
        "amount",
        "reference",
        "happened_at",
        "document",
        "reason",
    )

    def payload(self) -> dict[str, Any]:
        """This will give the transaction as text, and the end of the day, or the present moment where that is earlier.

        Whatever else is known of that day, happened before.
        """
        given = super().payload()
        ended = timezone.make_aware(datetime.combine(given["happened_at"], time(23, 59, 59)))
        at = min(ended, timezone.now()) if given["happened_at"] <= timezone.localdate() else ended
        return {**given, "transaction": str(given["transaction"]), "happened_at": at.isoformat()}
