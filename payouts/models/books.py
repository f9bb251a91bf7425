"""The ledger and the messages that leave it, and evidence that contradicts it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from marketplace_payouts.lib.database import Stored
from payouts.models.fields import amount_column, currency_column, id_column
from payouts.models.owed import Payable
from payouts.models.payouts import Payout
from payouts.models.sending import Attempt


class Posting(Stored):
    """One row of a ledger entry: debit, credit, amount. Balanced by construction; append-only."""

    id = id_column()
    entry = models.UUIDField(help_text="The postings of one entry share it.")
    kind = models.CharField(max_length=30, help_text="A key of `ledger.KINDS`.")
    subject = models.UUIDField(help_text="The payable, attempt, payout or request that caused it.")
    ordinal = models.BigIntegerField(default=0)
    debit = models.CharField(max_length=80)
    credit = models.CharField(max_length=80)
    units = amount_column()
    currency = currency_column()
    payable = models.ForeignKey(
        Payable, null=True, blank=True, on_delete=models.PROTECT, related_name="postings"
    )
    payout = models.ForeignKey(
        Payout, null=True, blank=True, on_delete=models.PROTECT, related_name="postings"
    )
    attempt = models.ForeignKey(
        Attempt, null=True, blank=True, on_delete=models.PROTECT, related_name="postings"
    )
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["subject", "kind", "ordinal"], name="payouts_posting_once"),
            models.CheckConstraint(condition=Q(units__gt=0), name="payouts_posting_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="payouts_posting_two_accounts"),
        )
        indexes = (
            models.Index(fields=["debit", "currency"], name="payouts_posting_debit"),
            models.Index(fields=["credit", "currency"], name="payouts_posting_credit"),
        )


class OutboxMessage(Stored):
    """News for another part or system, told at least once; partitioned by month."""

    id = id_column()
    kind = models.CharField(max_length=40, help_text="A key of `settings.OUTBOX_HANDLERS`.")
    subject = models.UUIDField(help_text="What it is about: a payout or a source.")
    facts = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    next_at = models.DateTimeField(
        null=True, blank=True, default=timezone.now, help_text="Empty: done or dead."
    )
    tries = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    dead_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        indexes = (
            models.Index(
                fields=["next_at", "id"], name="payouts_outbox_to_tell", condition=Q(next_at__isnull=False)
            ),
            models.Index(fields=["subject"], name="payouts_outbox_subject"),
            models.Index(fields=["dead_at"], name="payouts_outbox_dead", condition=Q(dead_at__isnull=False)),
        )


class Incident(models.Model):
    """Evidence that contradicts our books: stops its provider until a person closes it, and another agrees."""

    id = id_column()
    kind = models.CharField(max_length=60)
    provider = models.CharField(max_length=30, blank=True)
    payout = models.ForeignKey(
        Payout, null=True, blank=True, on_delete=models.PROTECT, related_name="incidents"
    )
    attempt = models.ForeignKey(
        Attempt, null=True, blank=True, on_delete=models.PROTECT, related_name="incidents"
    )
    subject = models.CharField(
        max_length=200, help_text="What it is about; one open incident per kind and subject."
    )
    facts = models.JSONField(default=dict, blank=True)
    sentence = models.TextField()
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    explanation = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "subject"],
                name="payouts_incident_open_once",
                condition=Q(closed_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return self.sentence[:100]


class Incarnation(models.Model):
    """Which database this is: a restored or copied one is recognised and sends nothing until it is accepted."""

    id = id_column()
    system_identifier = models.CharField(max_length=40)
    timeline = models.IntegerField()
    database_oid = models.BigIntegerField()
    table_oid = models.BigIntegerField()
    environment = models.CharField(max_length=4)
    accepted_at = models.DateTimeField(default=timezone.now)
    accepted_by = models.CharField(max_length=120)


class Heartbeat(models.Model):
    """When a part of the system last showed that it is alive."""

    name = models.CharField(primary_key=True, max_length=60)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict, blank=True)
