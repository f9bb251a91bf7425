"""Payout methods: immutable versions of where a payee wants the money."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Payee
from marketplace_payouts.lib.database import Stored
from payouts.models.fields import id_column


class PayoutMethod(Stored):
    """One version of a payee's destination; replaced, never edited (a database trigger holds that)."""

    id = id_column()
    payee = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="methods")
    version = models.PositiveIntegerField()
    provider = models.CharField(max_length=30)
    details = models.BinaryField(help_text="Sealed destination; the method's id is the associated data.")
    fingerprint = models.CharField(
        max_length=120, help_text="HMAC of provider and destination, key id in front."
    )
    masked = models.CharField(max_length=120)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    seconded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    first_for_payee = models.BooleanField(
        default=False, help_text="No cool-down, but the first payment is reviewed."
    )
    usable_from = models.DateTimeField(help_text="End of the cool-down.")
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_how = models.TextField(blank=True)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["payee", "version"], name="payouts_payoutmethod_version"),
            models.UniqueConstraint(
                fields=["payee"], name="payouts_payoutmethod_present", condition=Q(retired_at__isnull=True)
            ),
            models.CheckConstraint(
                condition=Q(made_by__isnull=True)
                | Q(seconded_by__isnull=True)
                | ~Q(made_by=models.F("seconded_by")),
                name="payouts_payoutmethod_two_people",
            ),
        )
        indexes = (models.Index(fields=["fingerprint"], name="payouts_method_fingerprint"),)

    def __str__(self) -> str:
        return f"{self.provider} {self.masked}"
