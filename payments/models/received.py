"""Payments in: what buyers paid and got back, as far as a payout depends on it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Marketplace
from marketplace_payouts.lib.database import Stored
from marketplace_payouts.lib.ids import uuid7

MANUAL = "manual"
"""The origin of what two members of staff recorded."""

_STAFF = settings.AUTH_USER_MODEL


class PaymentIn(Stored):
    """One word about a buyer's money for a Sharetribe transaction; only when it is counted is ever written later.

    The transaction need not be known here yet. A payment, a refund and a dispute each have a reference of their own;
    the words about one dispute share it.
    """

    class Kind(models.TextChoices):
        """What became of the money."""

        RECEIVED = "received", "Received"
        FAILED = "failed", "Failed: nothing came"
        REFUNDED = "refunded", "Refunded to the buyer"
        DISPUTED = "disputed", "Disputed: the buyer's bank asks for it back"
        CHARGED_BACK = "charged_back", "Charged back: the dispute is lost"
        REGAINED = "regained", "Regained: the dispute is won, or the refund failed"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    marketplace = models.ForeignKey(Marketplace, on_delete=models.PROTECT, related_name="+")
    transaction_id = models.UUIDField(db_index=True, help_text="The Sharetribe transaction.")
    kind = models.CharField(max_length=14, choices=Kind.choices)
    units = models.DecimalField(max_digits=40, decimal_places=0)
    currency = models.CharField(max_length=20)
    origin = models.CharField(
        max_length=30,
        help_text="Who says so: `sharetribe` for a confirming transition, `stripe`, `manual` for staff, or the name of"
        " the marketplace's own payment system.",
    )
    reference = models.CharField(max_length=120, help_text="The origin's own; unique with it and the kind.")
    happened_at = models.DateTimeField()
    recorded_at = models.DateTimeField(default=timezone.now)
    detail = models.CharField(
        max_length=500, blank=True, help_text="What more its origin said, or what proves it."
    )
    made_by = models.ForeignKey(_STAFF, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    seconded_by = models.ForeignKey(_STAFF, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    next_at = models.DateTimeField(
        null=True, blank=True, help_text="When it is to be counted for its transaction; empty: it is."
    )

    class Meta:
        verbose_name_plural = "payments in"
        constraints = (
            models.UniqueConstraint(
                fields=["marketplace", "origin", "kind", "reference"], name="payments_paymentin_once"
            ),
            models.CheckConstraint(condition=Q(units__gt=0), name="payments_paymentin_positive"),
            models.CheckConstraint(
                condition=~Q(origin=MANUAL)
                | (Q(made_by__isnull=False, seconded_by__isnull=False) & ~Q(made_by=F("seconded_by"))),
                name="payments_paymentin_manual_by_two",
            ),
        )
        indexes = (
            models.Index(
                fields=["next_at", "id"],
                name="payments_paymentin_to_count",
                condition=Q(next_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display().partition(':')[0]} by {self.origin} {self.reference}"


class RefusedPayment(Stored):
    """A word about a buyer's money that contradicts one that is recorded; it changed nothing, and staff look at it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    marketplace = models.ForeignKey(Marketplace, on_delete=models.PROTECT, related_name="+")
    transaction_id = models.UUIDField()
    kind = models.CharField(max_length=14, choices=PaymentIn.Kind.choices)
    units = models.DecimalField(max_digits=40, decimal_places=0)
    currency = models.CharField(max_length=20)
    origin = models.CharField(max_length=30)
    reference = models.CharField(max_length=120)
    reason = models.TextField(help_text="What it contradicts.")
    times = models.PositiveIntegerField(default=1, help_text="How often it was said.")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(_STAFF, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    explanation = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=[
                    "marketplace",
                    "origin",
                    "kind",
                    "reference",
                    "transaction_id",
                    "units",
                    "currency",
                ],
                name="payments_refusedpayment_once",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | (Q(closed_by__isnull=False) & ~Q(explanation="")),
                name="payments_refusedpayment_explained",
            ),
        )
        indexes = (
            models.Index(
                fields=["last_at"], name="payments_refusedpayment_open", condition=Q(closed_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"Refused: {self.origin} {self.reference}"
