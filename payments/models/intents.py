"""The payments that buyers are to make through Stripe."""

from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.db.models import Q

from accounts.models import Marketplace
from marketplace_payouts.lib.database import Stored
from marketplace_payouts.lib.ids import uuid7


class Intent(Stored):
    """A PaymentIntent of Stripe's for a Sharetribe transaction; one at a time that can be paid.

    What is asked for at its making, and the idempotency key, are committed before Stripe is called: see
    `payments.stripe.making`. What Stripe knows (its status, the secret for the buyer's browser) is read there, and not
    kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    marketplace = models.ForeignKey(Marketplace, on_delete=models.PROTECT, related_name="+")
    transaction_id = models.UUIDField(db_index=True, help_text="The Sharetribe transaction.")
    buyer_id = models.UUIDField(help_text="The Sharetribe user who is to pay.")
    units = models.DecimalField(max_digits=40, decimal_places=0, help_text="What was asked for last.")
    currency = models.CharField(max_length=20)
    changes = models.PositiveIntegerField(default=0, help_text="How often Stripe was asked to change it.")
    stripe_id = models.CharField(max_length=255, blank=True, help_text="Empty until Stripe has told it.")
    asked = models.JSONField(
        default=dict, blank=True, help_text="What Stripe is asked to make, word for word."
    )
    key = models.UUIDField(default=uuid4, help_text="The idempotency key under which it is asked.")
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the key is used; empty: it never was."
    )
    asked_last_at = models.DateTimeField(null=True, blank=True, help_text="When the key was last used.")
    error = models.TextField(blank=True, help_text="Why it could not be made.")
    recorded_at = models.DateTimeField(null=True, blank=True, help_text="When its id was recorded.")
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was found that nobody can pay by it any more."
    )
    next_at = models.DateTimeField(
        null=True, blank=True, help_text="When its transaction is to be told of it; empty: it is."
    )

    class Meta:
        verbose_name = "payment through Stripe"
        verbose_name_plural = "payments through Stripe"
        constraints = (
            models.UniqueConstraint(
                fields=["marketplace", "transaction_id"],
                name="payments_intent_one_at_a_time",
                condition=Q(ended_at__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["stripe_id"], name="payments_intent_stripe_id", condition=~Q(stripe_id="")
            ),
            models.CheckConstraint(condition=Q(units__gt=0), name="payments_intent_positive"),
            models.CheckConstraint(
                condition=Q(stripe_id="", recorded_at__isnull=True, next_at__isnull=True)
                | (~Q(stripe_id="") & Q(recorded_at__isnull=False)),
                name="payments_intent_recorded",
            ),
        )
        indexes = (
            models.Index(
                fields=["next_at", "id"],
                name="payments_intent_to_tell",
                condition=Q(next_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.stripe_id or f"For the transaction {self.transaction_id}"
