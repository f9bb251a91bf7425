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
    dropped_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="The payee does not want to choose it again: no longer shown to them.",
    )

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
            models.CheckConstraint(
                condition=Q(dropped_at__isnull=True) | Q(retired_at__isnull=False),
                name="payouts_payoutmethod_dropped_is_retired",
            ),
        )
        indexes = (models.Index(fields=["fingerprint"], name="payouts_method_fingerprint"),)

    def __str__(self) -> str:
        return f"{self.provider} {self.masked}"


class MethodChange(models.Model):
    """That somebody changed where a payee is paid, from where to where; append-only, and shown masked."""

    class Act(models.TextChoices):
        """What was done."""

        CHOSEN = "chosen", "Chose a payout method"
        RETIRED = "retired", "Gave up the payout method"
        DROPPED = "dropped", "Took a former payout method off the list"

    id = id_column()
    payee = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="method_changes")
    act = models.CharField(max_length=12, choices=Act.choices)
    before = models.ForeignKey(
        PayoutMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    before_masked = models.CharField(max_length=160, blank=True)
    after = models.ForeignKey(PayoutMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    after_masked = models.CharField(max_length=160, blank=True)
    # No foreign key: the row of a log-in may go when it is linked with an account, and what it did stays.
    person = models.UUIDField(null=True, blank=True, help_text="The id of whoever logged in.")
    seconded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    login = models.CharField(max_length=20, help_text="By what the person was known: `staff`, or a log-in.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(before__isnull=False) | Q(after__isnull=False),
                name="payouts_methodchange_of_something",
            ),
        )
        indexes = (models.Index(fields=["payee", "-at"], name="payouts_methodchange_of_payee"),)
