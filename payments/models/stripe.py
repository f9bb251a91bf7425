"""What Stripe tells us, until it is worked off."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from marketplace_payouts.lib.database import Stored
from marketplace_payouts.lib.ids import uuid7


class StripeDelivery(Stored):
    """A verified webhook of Stripe's as it arrived: it says what to read again, and nothing of it is believed.

    dj-stripe keeps the event itself once that is worked off; this row is what remains of its delivery.
    """

    class State(models.TextChoices):
        """What became of it."""

        NEW = "new", "New"
        APPLIED = "applied", "Read again"
        IGNORED = "ignored", "Nothing to look at"
        DEAD = "dead", "Could not be worked off"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    event_id = models.CharField(max_length=255, unique=True)
    kind = models.CharField(max_length=120)
    account = models.CharField(
        max_length=255, blank=True, help_text="The connected account; empty for our own."
    )
    object_id = models.CharField(max_length=255, blank=True, help_text="What the event is about.")
    body = models.TextField(blank=True, help_text="The event; emptied once dj-stripe keeps it.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.NEW)
    tries = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    next_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    person_after = models.DateTimeField(
        null=True, blank=True, help_text="When it must stand before a person."
    )
    happened_at = models.DateTimeField(null=True, blank=True, help_text="By Stripe's clock.")
    received_at = models.DateTimeField(default=timezone.now)
    worked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "event of Stripe's"
        verbose_name_plural = "events of Stripe's"
        indexes = (
            models.Index(fields=["next_at", "id"], name="payments_stripe_to_work", condition=Q(state="new")),
            models.Index(
                fields=["person_after"],
                name="payments_stripe_for_people",
                condition=Q(person_after__isnull=False),
            ),
        )
