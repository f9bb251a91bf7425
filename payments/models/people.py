"""What a person is at Stripe: a buyer's customer, a seller's connected account; and sellers who began to sell."""

from __future__ import annotations

from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Marketplace
from marketplace_payouts.lib.database import Stored
from marketplace_payouts.lib.ids import uuid7


class AtStripe(Stored):
    """A person's one object at Stripe, made when it is first needed, and how Stripe showed it last.

    What is asked for at its making, and the idempotency key, are committed before Stripe is called, and do not change
    while nobody knows whether it was made: see `payments.stripe.making`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="%(class)s")
    stripe_id = models.CharField(max_length=255, blank=True, help_text="Empty until Stripe has told it.")
    asked = models.JSONField(
        default=dict, blank=True, help_text="What Stripe is asked to make, word for word."
    )
    key = models.UUIDField(default=uuid4, help_text="The idempotency key under which it is asked.")
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the key is used; empty: it never was."
    )
    asked_last_at = models.DateTimeField(null=True, blank=True, help_text="When the key was last used.")
    shown = models.JSONField(default=dict, blank=True, help_text="What of it we show, as Stripe said last.")
    read_at = models.DateTimeField(null=True, blank=True, help_text="When Stripe said so.")
    next_at = models.DateTimeField(null=True, blank=True, help_text="When it is to be read again.")
    tries = models.PositiveIntegerField(default=0, help_text="How often it could not be read since.")
    error = models.TextField(blank=True, help_text="Why it could not be made, or read.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True
        constraints = (
            models.UniqueConstraint(
                fields=["stripe_id"], name="payments_%(class)s_stripe_id", condition=~Q(stripe_id="")
            ),
            models.CheckConstraint(
                condition=Q(asked_at__isnull=True, asked_last_at__isnull=True)
                | Q(asked_at__isnull=False, asked_last_at__isnull=False),
                name="payments_%(class)s_asked",
            ),
        )
        indexes = (
            models.Index(
                fields=["next_at", "id"],
                name="payments_%(class)s_to_read",
                condition=Q(next_at__isnull=False),
            ),
        )


class Buyer(AtStripe):
    """A person who pays through Stripe: their customer there."""

    def __str__(self) -> str:
        return self.stripe_id or f"Buyer {self.pk}"


class Seller(AtStripe):
    """A person who is to be paid through Stripe: their connected account, and whether Stripe has verified them."""

    class State(models.TextChoices):
        """Where the account stands, by Stripe's word."""

        NEW = "new", "Not made yet"
        INCOMPLETE = "incomplete", "The form is not filled in"
        WANTED = "wanted", "Stripe wants more"
        PENDING = "pending", "Stripe is checking"
        VERIFIED = "verified", "Verified"
        RESTRICTED = "restricted", "Restricted by Stripe"
        REJECTED = "rejected", "Rejected by Stripe"
        GONE = "gone", "Out of our reach"
        """Its owner took our access away, or it was deleted."""

    class Kind(models.TextChoices):
        """Which dashboard the seller has at Stripe, and who answers for what."""

        STANDARD = "standard", "Standard"
        EXPRESS = "express", "Express"
        CUSTOM = "custom", "Custom"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    country = models.CharField(max_length=2)
    state = models.CharField(max_length=10, choices=State.choices, default=State.NEW)
    verified_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when Stripe has verified them; empty: it has not."
    )
    verification = models.UUIDField(
        null=True, blank=True, help_text="Names this verification: another one gets another."
    )
    lost_at = models.DateTimeField(
        null=True, blank=True, help_text="When Stripe last took a verification away."
    )
    news_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the verification is to be passed on; empty: it was."
    )

    class Meta(AtStripe.Meta):
        constraints = (  # type: ignore[assignment]  # more of them
            *AtStripe.Meta.constraints,
            models.CheckConstraint(
                condition=Q(state="verified", verified_at__isnull=False, verification__isnull=False)
                | (~Q(state="verified") & Q(verified_at__isnull=True, verification__isnull=True)),
                name="payments_seller_verified",
            ),
            models.CheckConstraint(
                condition=Q(state="new", stripe_id="") | (~Q(state="new") & ~Q(stripe_id="")),
                name="payments_seller_made",
            ),
        )
        indexes = (  # type: ignore[assignment]
            *AtStripe.Meta.indexes,
            models.Index(
                fields=["news_at", "id"],
                name="payments_seller_to_pass_on",
                condition=Q(news_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.stripe_id or f"Seller {self.pk}"


class FirstListing(Stored):
    """A user of the marketplace who began to sell, for whom an account may be made unasked; decided once."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    marketplace = models.ForeignKey(Marketplace, on_delete=models.PROTECT, related_name="+")
    flex_user_id = models.UUIDField()
    listing_id = models.UUIDField(help_text="The listing that was seen first.")
    seen_at = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(null=True, blank=True, help_text="When it is looked at; empty: decided.")
    tries = models.PositiveIntegerField(default=0)
    outcome = models.TextField(blank=True, help_text="What was done, or why nothing was.")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["marketplace", "flex_user_id"], name="payments_firstlisting_once"
            ),
        )
        indexes = (
            models.Index(
                fields=["next_at", "id"],
                name="payments_firstlisting_to_do",
                condition=Q(next_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"First listing of {self.flex_user_id}"
