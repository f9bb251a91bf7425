"""What was heard from Sharetribe and what was written back to it."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.models import Marketplace, Payee
from marketplace_payouts.lib.ids import uuid7
from payouts.models import Source


class FlexCursor(models.Model):
    """How far the marketplace's events have been stored; moved together with the page it stands for."""

    marketplace = models.OneToOneField(Marketplace, primary_key=True, on_delete=models.PROTECT)
    last_sequence_id = models.BigIntegerField(default=0)
    start_at = models.DateTimeField(
        null=True, blank=True, help_text="Where the first query starts, before any id."
    )
    polled_at = models.DateTimeField(null=True, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True, help_text="When something new was last stored.")
    overlap_at = models.DateTimeField(
        null=True, blank=True, help_text="When the newest events were last read once more, to the end."
    )
    rules_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Triggers changed up to then have been applied to what was heard before.",
    )
    interval_seconds = models.PositiveIntegerField(
        default=10, help_text="Adaptive wait until the next query."
    )
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"Events up to {self.last_sequence_id}"


class FlexEvent(models.Model):
    """One event (or one snapshot read by a resync) as it came; append-only, partitioned by month."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    marketplace = models.ForeignKey(Marketplace, on_delete=models.PROTECT, related_name="+")
    event_id = models.UUIDField()
    sequence_id = models.BigIntegerField(
        help_text="Sharetribe's order; of a snapshot: the cursor before it was read."
    )
    event_type = models.CharField(max_length=60)
    resource_id = models.UUIDField(help_text="The transaction or user that it is about.")
    client_id = models.UUIDField(null=True, blank=True, help_text="The application that caused it.")
    payload = models.JSONField()
    created_at = models.DateTimeField(help_text="Sharetribe's time of the event.")
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["marketplace", "event_id", "created_at"], name="flexsync_flexevent_once"
            ),
        )
        indexes = (
            models.Index(fields=["resource_id", "sequence_id"], name="flexsync_flexevent_resource"),
            models.Index(fields=["sequence_id"], name="flexsync_flexevent_sequence"),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.sequence_id}"


class Told(models.Model):
    """What a transaction has been told under one key of its metadata, as read back from it."""

    value = models.JSONField(default=dict, blank=True, help_text="The metadata value that was read back.")
    transition = models.CharField(
        max_length=120, blank=True, help_text="The last operator transition that was made."
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when one worker alone may tell this transaction something."
    )
    calls = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    conflict_at = models.DateTimeField(
        null=True, blank=True, help_text="Sharetribe refused; a person must look."
    )

    class Meta:
        abstract = True

    @property
    def is_certain(self) -> bool:
        """Whether what was told is surely what stands there.

        A right to tell that was never given back belongs to somebody who died with it: who knows what they said.
        """
        return self.confirmed_at is not None and self.lease_until is None


class WriteBack(Told):
    """What a transaction has been told of its payouts."""

    source = models.OneToOneField(
        Source, primary_key=True, on_delete=models.CASCADE, related_name="write_back_row"
    )

    def __str__(self) -> str:
        return f"Write-back of {self.source_id}"


class PaymentTold(Told):
    """What a transaction has been told of its buyer's payment."""

    source = models.OneToOneField(
        Source, primary_key=True, on_delete=models.CASCADE, related_name="payment_told_row"
    )

    class Meta:
        verbose_name = "payment told"
        verbose_name_plural = "payments told"

    def __str__(self) -> str:
        return f"Payment told to {self.source_id}"


class UserTold(models.Model):
    """What the metadata of a payee's Sharetribe user says of them by our hand, as read back from it."""

    payee = models.OneToOneField(
        Payee, primary_key=True, on_delete=models.CASCADE, related_name="user_told_row"
    )
    value = models.JSONField(default=dict, blank=True, help_text="Our keys, as they were read back.")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when one worker alone may tell this user something."
    )
    calls = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    refused_at = models.DateTimeField(
        null=True, blank=True, help_text="Sharetribe does not know the user any more."
    )

    class Meta:
        verbose_name = "user told"
        verbose_name_plural = "users told"

    def __str__(self) -> str:
        return f"Told of {self.payee_id}"


class ApiCalls(models.Model):
    """How many calls of one kind were made on one day: the basis of the credit estimate."""

    day = models.DateField()
    kind = models.CharField(max_length=40)
    calls = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "API calls"
        constraints = (models.UniqueConstraint(fields=["day", "kind"], name="flexsync_apicalls_once"),)

    def __str__(self) -> str:
        return f"{self.day} {self.kind}: {self.calls}"
