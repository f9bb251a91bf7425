"""What we said to providers: batches, attempts, steps; committed before any call."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from marketplace_payouts.lib.database import Stored
from payouts.models.fields import amount_column, currency_column, id_column
from payouts.models.methods import PayoutMethod
from payouts.models.payouts import Payout


class BatchState(models.TextChoices):
    """Where one request to a provider stands."""

    COMMITTED = "committed", "Committed"
    """Written down; not transmitted, or deferred and to be transmitted again as it is."""
    SENT = "sent", "Sent"
    """Being transmitted under a lease."""
    ACCEPTED = "accepted", "Accepted"
    REFUSED = "refused", "Refused"
    UNKNOWN = "unknown", "Unknown"
    CLOSED = "closed", "Closed"
    """The provider has finished it and every attempt is settled."""


class AttemptState(models.TextChoices):
    """Where one try to pay a payout stands."""

    COMMITTED = "committed", "Committed"
    DEFERRED = "deferred", "Deferred"
    UNKNOWN = "unknown", "Unknown"
    ACCEPTED = "accepted", "Accepted"
    SETTLED = "settled", "Settled"
    RETURNED = "returned", "Returned"
    REFUSED = "refused", "Refused"
    ABSENT = "absent", "Absent"


OPEN_ATTEMPTS = ("committed", "deferred", "unknown", "accepted", "settled")


class Batch(Stored):
    """One request to a provider carrying one or more attempts."""

    id = id_column()
    provider = models.CharField(max_length=30)
    key = models.CharField(max_length=120, help_text="Our key, random, unique for ever.")
    currency = currency_column()
    item_count = models.PositiveIntegerField()
    total_units = amount_column()
    state = models.CharField(max_length=10, choices=BatchState.choices, default=BatchState.COMMITTED)
    reference = models.CharField(max_length=120, blank=True, help_text="The provider's id.")
    reason = models.TextField(blank=True)
    raw_status = models.CharField(max_length=60, blank=True)
    environment = models.CharField(max_length=4)
    created_at = models.DateTimeField(default=timezone.now)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    sender = models.CharField(
        max_length=120,
        blank=True,
        help_text="Backend and server start that held the send lock: `pid/start/postmaster`.",
    )
    transmissions = models.PositiveIntegerField(default=0, help_text="Counted before each transmission.")
    answers = models.PositiveIntegerField(default=0, help_text="Counted with each recorded answer.")
    next_at = models.DateTimeField(
        null=True, blank=True, help_text="When it is looked at again; empty: never."
    )
    person_after = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0, help_text="Readings without news, for the back-off.")
    fee_units = amount_column(null=True, blank=True)
    fee_currency = currency_column(blank=True)

    class Meta:
        verbose_name_plural = "batches"
        constraints = (
            models.UniqueConstraint(fields=["provider", "key"], name="payouts_batch_key"),
            models.UniqueConstraint(
                fields=["provider", "reference"], name="payouts_batch_reference", condition=~Q(reference="")
            ),
            models.CheckConstraint(condition=Q(state__in=BatchState.values), name="payouts_batch_state"),
        )
        indexes = (
            models.Index(
                fields=["next_at", "id"], name="payouts_batch_to_ask", condition=Q(next_at__isnull=False)
            ),
        )


class Attempt(Stored):
    """One try to pay a payout; at most one open per payout."""

    id = id_column()
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="attempts", db_index=False)
    n = models.PositiveIntegerField()
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="attempts")
    provider = models.CharField(max_length=30)
    key = models.CharField(max_length=120, help_text="Our key for the item, random, unique for ever.")
    method = models.ForeignKey(PayoutMethod, on_delete=models.PROTECT, related_name="+", db_index=False)
    units = amount_column()
    currency = currency_column()
    destination = models.CharField(max_length=120, help_text="Fingerprint of where it was sent.")
    digest = models.BinaryField(help_text="The approval digest that it was sent under.")
    state = models.CharField(max_length=10, choices=AttemptState.choices, default=AttemptState.COMMITTED)
    reference = models.CharField(max_length=120, blank=True, help_text="The provider's id of the item.")
    movement_reference = models.CharField(
        max_length=120, blank=True, help_text="What the payee's own list calls the movement of money."
    )
    status = models.CharField(max_length=20, blank=True, help_text="Newest status observed, in our words.")
    raw_status = models.CharField(max_length=60, blank=True, help_text="The provider's own word.")
    onward = models.CharField(
        max_length=12,
        blank=True,
        help_text="How far it came from the payee's account at the provider to their bank, where the provider says so.",
    )
    onward_message = models.TextField(
        blank=True, help_text="Why it did not reach the bank, as the provider says."
    )
    refusal_code = models.CharField(max_length=80, blank=True)
    refusal_class = models.CharField(max_length=20, blank=True)
    message = models.TextField(blank=True)
    debited = models.BooleanField(default=False, help_text="Whether the debit of our account is posted.")
    returned_units = amount_column(default=0)
    fee_units = amount_column(null=True, blank=True)
    fee_currency = currency_column(blank=True)
    observed = models.BigIntegerField(default=0, help_text="Counter of the newest stored observation.")
    folded = models.BigIntegerField(
        default=0, help_text="Counter of the newest observation taken into account."
    )
    postings_made = models.PositiveIntegerField(
        default=0, help_text="Ordinal for the attempt's next posting."
    )
    created_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    watch_until = models.DateTimeField(null=True, blank=True, help_text="Until when we go on asking.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["payout", "n"], name="payouts_attempt_number"),
            models.UniqueConstraint(fields=["provider", "key"], name="payouts_attempt_key"),
            models.UniqueConstraint(
                fields=["payout"], name="payouts_attempt_one_open", condition=Q(state__in=OPEN_ATTEMPTS)
            ),
            models.UniqueConstraint(
                fields=["provider", "reference"], name="payouts_attempt_reference", condition=~Q(reference="")
            ),
            models.CheckConstraint(condition=Q(units__gt=0), name="payouts_attempt_positive"),
            models.CheckConstraint(condition=Q(state__in=AttemptState.values), name="payouts_attempt_state"),
        )
        indexes = (
            models.Index(
                fields=["observed", "id"],
                name="payouts_attempt_to_fold",
                condition=Q(observed__gt=models.F("folded")),
            ),
            models.Index(
                fields=["movement_reference"],
                name="payouts_attempt_movement",
                condition=~Q(movement_reference=""),
            ),
            models.Index(
                fields=["batch"],
                name="payouts_attempt_deferred",
                condition=Q(state=AttemptState.DEFERRED),
            ),
        )


class Step(Stored):
    """One call within a batch; its key and the digest of its bytes stand before it is made."""

    id = id_column()
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="steps")
    n = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    key = models.CharField(max_length=120)
    path = models.CharField(max_length=200, blank=True)
    moves_money = models.BooleanField()
    digest = models.BinaryField(help_text="SHA-256 of the exact bytes.")
    outcome = models.CharField(max_length=20, blank=True, help_text="Empty while no answer is recorded.")
    reference = models.CharField(max_length=120, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["batch", "n"], name="payouts_step_number"),)


class StepBody(Stored):
    """The exact bytes of a request or its answer, sealed; purged after the return window; partitioned by month."""

    id = id_column()
    step = models.ForeignKey(Step, on_delete=models.PROTECT, related_name="bodies")
    kind = models.CharField(max_length=8, choices=[("request", "Request"), ("answer", "Answer")])
    sealed = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)


class ProviderFunds(models.Model):
    """What a provider says it holds for us in one currency: one row, locked while money is committed."""

    id = id_column()
    provider = models.CharField(max_length=30)
    currency = currency_column()
    available_units = amount_column(null=True, blank=True, help_text="Empty: never told, and so no gate.")
    as_of = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "provider funds"
        constraints = (
            models.UniqueConstraint(fields=["provider", "currency"], name="payouts_providerfunds_once"),
        )
