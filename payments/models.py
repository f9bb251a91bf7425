"""Payments in: what buyers paid, as far as a payout depends on it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import Marketplace
from marketplace_payouts.lib.database import Stored
from marketplace_payouts.lib.ids import uuid7


class PaymentIn(Stored):
    """One movement of a buyer's money for a Sharetribe transaction: received, or taken back again."""

    class Kind(models.TextChoices):
        """Which way it went."""

        RECEIVED = "received", "Received"
        REFUNDED = "refunded", "Refunded"
        DISPUTED = "disputed", "Disputed or charged back"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    marketplace = models.ForeignKey(Marketplace, on_delete=models.PROTECT, related_name="+")
    transaction_id = models.UUIDField(db_index=True, help_text="The Sharetribe transaction.")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    units = models.DecimalField(max_digits=40, decimal_places=0)
    currency = models.CharField(max_length=20)
    origin = models.CharField(
        max_length=30, help_text="Who says so: `sharetribe` for a confirming transition."
    )
    reference = models.CharField(max_length=120, help_text="Unique with the origin.")
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "payments in"
        constraints = (
            models.UniqueConstraint(
                fields=["marketplace", "origin", "reference"], name="payments_paymentin_once"
            ),
            models.CheckConstraint(condition=models.Q(units__gt=0), name="payments_paymentin_positive"),
        )
