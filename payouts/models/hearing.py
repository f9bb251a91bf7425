"""What providers said: observations and the webhook inbox."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from marketplace_payouts.lib.database import Stored
from payouts.models.fields import amount_column, currency_column, id_column
from payouts.models.sending import Attempt


class Observation(Stored):
    """What a provider said of one attempt at one reading; append-only, partitioned by month."""

    id = id_column()
    attempt = models.ForeignKey(
        Attempt, on_delete=models.PROTECT, related_name="observations", db_index=False
    )
    seq = models.BigIntegerField(help_text="Counter taken before the reading: the order of folding.")
    status = models.CharField(max_length=20)
    raw_status = models.CharField(max_length=60)
    reference = models.CharField(max_length=120, blank=True)
    units = amount_column(null=True, blank=True)
    currency = currency_column(blank=True)
    destination = models.CharField(
        max_length=120, blank=True, help_text="Fingerprint of the echoed destination."
    )
    fee_units = amount_column(null=True, blank=True)
    fee_currency = currency_column(blank=True)
    returned_units = amount_column(null=True, blank=True)
    return_reference = models.CharField(max_length=120, blank=True)
    movement_reference = models.CharField(max_length=120, blank=True)
    onward = models.CharField(max_length=12, blank=True)
    onward_message = models.TextField(blank=True)
    refusal_code = models.CharField(max_length=80, blank=True)
    refusal_class = models.CharField(max_length=20, blank=True)
    message = models.TextField(blank=True)
    provider_time = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = (models.Index(fields=["attempt", "seq"], name="payouts_observation_order"),)


class WebhookDelivery(Stored):
    """A verified webhook as it arrived: a hint to re-read, never applied."""

    class State(models.TextChoices):
        """What became of it."""

        NEW = "new", "New"
        APPLIED = "applied", "Led to a re-reading"
        IGNORED = "ignored", "Points at nothing of ours"
        DEAD = "dead", "Could not be worked off"

    id = id_column()
    provider = models.CharField(max_length=30)
    event_id = models.CharField(max_length=200)
    kind = models.CharField(max_length=120, blank=True)
    hint = models.JSONField(default=dict, blank=True)
    body = models.BinaryField(help_text="Sealed raw body.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.NEW)
    tries = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    next_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    received_at = models.DateTimeField(default=timezone.now)
    worked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = (models.UniqueConstraint(fields=["provider", "event_id"], name="payouts_webhook_once"),)
        indexes = (
            models.Index(fields=["next_at", "id"], name="payouts_webhook_to_work", condition=Q(state="new")),
        )
