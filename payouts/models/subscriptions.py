"""Who is told of what happens here: subscriptions, what each is told, and every call by which it was."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from marketplace_payouts.lib.database import Stored
from payouts.models.fields import id_column

_STAFF = settings.AUTH_USER_MODEL
FAILING_AFTER: Final = 3
"""So many failures in a row, and a subscriber is only tried now and then, until it answers."""


class WebhookSubscription(models.Model):
    """An address of the marketplace's that is told of what happens; never deleted, but ended."""

    id = id_column()
    url = models.TextField(help_text="May hold a key in its query: shown without it.")
    description = models.CharField(max_length=120)
    types = models.JSONField(help_text="A list of keys of `subscriptions.events.EVENTS`.")
    environment = models.CharField(max_length=4, help_text="A copy of the database elsewhere tells nobody.")
    secret = models.BinaryField(help_text="Sealed; the subscription's id is bound.")
    former_secret = models.BinaryField(null=True, blank=True, help_text="Sealed alike; signs as well.")
    former_until = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(_STAFF, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    hears_since = models.DateTimeField(
        default=timezone.now, help_text="Since when it hears what it hears now."
    )
    off_at = models.DateTimeField(null=True, blank=True, help_text="What happens meanwhile waits for it.")
    off_why = models.TextField(blank=True)
    off_by = models.ForeignKey(_STAFF, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="Since it last took something.")
    failing_since = models.DateTimeField(null=True, blank=True)
    rest_until = models.DateTimeField(null=True, blank=True, help_text="It is left alone until then.")
    succeeded_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True, help_text="One worker alone calls it.")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["url"], name="payouts_webhooksubscription_url", condition=Q(ended_at__isnull=True)
            ),
            models.CheckConstraint(
                condition=~Q(types=[]), name="payouts_webhooksubscription_hears_something"
            ),
            models.CheckConstraint(
                condition=Q(off_at__isnull=True) | ~Q(off_why=""), name="payouts_webhooksubscription_says_why"
            ),
            models.CheckConstraint(
                condition=Q(former_secret__isnull=True, former_until__isnull=True)
                | Q(former_secret__isnull=False, former_until__isnull=False),
                name="payouts_webhooksubscription_former",
            ),
        )

    def __str__(self) -> str:
        return self.description

    @property
    def shown_url(self) -> str:
        """The address without its query."""
        address, question, _ = self.url.partition("?")
        return f"{address}?…" if question else address

    @property
    def is_failing(self) -> bool:
        """Whether it failed so often in a row that it is only tried now and then."""
        return self.failures >= FAILING_AFTER


class WebhookSubscriptionChange(models.Model):
    """What a person, or a rule, did to a subscription; append-only."""

    class What(models.TextChoices):
        """What was done."""

        MADE = "made", "Added"
        CHANGED = "changed", "Changed"
        ROTATED = "rotated", "Gave it a new secret"
        REVEALED = "revealed", "Looked at its secret"
        TESTED = "tested", "Sent a test"
        AGAIN = "again", "Sent messages again"
        OFF = "off", "Switched off"
        ON = "on", "Switched on"
        ENDED = "ended", "Ended"

    id = id_column()
    subscription = models.ForeignKey(WebhookSubscription, on_delete=models.PROTECT, related_name="changes")
    what = models.CharField(max_length=8, choices=What.choices)
    note = models.TextField(blank=True)
    by = models.ForeignKey(
        _STAFF, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text="Empty: a rule."
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = (models.Index(fields=["subscription", "-at"], name="payouts_webhookchange_of"),)


class WebhookMessage(Stored):
    """One piece of news for one subscription; made by triggers, in the transaction in which it happens.

    What it tells of is named by ids; its body is written when it is first sent, and every other try sends the same
    bytes. No constraint holds the subscription: the check would lock it with each piece of news, and a message is made
    from the subscription's own row, which is never deleted.
    """

    id = models.UUIDField(primary_key=True, help_text="`payouts_webhook_id` of the rest: made once.")
    subscription = models.ForeignKey(
        WebhookSubscription,
        on_delete=models.PROTECT,
        related_name="messages",
        db_constraint=False,
        db_index=False,
    )
    type = models.CharField(max_length=40)
    source = models.UUIDField(
        help_text="The row that says so: an entry of a record, a payable, a hold, a method."
    )
    subject = models.UUIDField(help_text="What it is about: a payout, a payable, a method, a payee.")
    happened_at = models.DateTimeField()
    body = models.TextField(blank=True)
    tries = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="What the last try failed of.")

    class Meta:
        constraints = (
            # Delivered, on its way, or before a person: one of them, and only one.
            models.CheckConstraint(
                condition=Q(next_at__isnull=False, delivered_at__isnull=True, given_up_at__isnull=True)
                | Q(next_at__isnull=True, delivered_at__isnull=False, given_up_at__isnull=True)
                | Q(next_at__isnull=True, delivered_at__isnull=True, given_up_at__isnull=False),
                name="payouts_webhookmessage_one_end",
            ),
        )
        indexes = (
            models.Index(
                fields=["subscription", "next_at", "id"],
                name="payouts_webhookmessage_to_send",
                condition=Q(next_at__isnull=False),
            ),
            models.Index(
                fields=["given_up_at"],
                name="payouts_webhookmessage_lost",
                condition=Q(given_up_at__isnull=False),
            ),
            models.Index(fields=["-happened_at", "-id"], name="payouts_webhookmessage_newest"),
            models.Index(fields=["subject"], name="payouts_webhookmessage_about"),
        )

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """The id by which subscribers know it, the same at every try: the header `webhook-id`."""
        return f"msg_{self.pk.hex}"


class WebhookCall(Stored):
    """One try to send a message, and what was answered."""

    id = id_column()
    message = models.ForeignKey(WebhookMessage, on_delete=models.CASCADE, related_name="calls")
    at = models.DateTimeField()
    seconds = models.FloatField()
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: no answer came.")
    error = models.TextField(blank=True)
    excerpt = models.TextField(blank=True, help_text="How the answer began.")
