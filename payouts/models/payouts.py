"""Payouts: one promise to send an amount to one method."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Marketplace, Payee
from marketplace_payouts.lib.database import Stored
from payouts.models.fields import amount_column, currency_column, id_column
from payouts.models.methods import PayoutMethod
from payouts.models.owed import Payable


class State(models.TextChoices):
    """Where a payout stands; `lifecycle.MOVES` says which follows which."""

    PENDING = "pending", "Pending"
    AWAITING_APPROVAL = "awaiting_approval", "Awaiting approval"
    APPROVED = "approved", "Approved"
    SUBMITTING = "submitting", "Submitting"
    SUBMITTED = "submitted", "Submitted"
    UNKNOWN = "unknown", "Unknown"
    PAID = "paid", "Paid"
    FAILED = "failed", "Failed"
    RETURNED = "returned", "Returned"
    CANCELLED = "cancelled", "Cancelled"


BEFORE_SENDING: Final = (State.PENDING, State.AWAITING_APPROVAL, State.APPROVED)
"""The states in which nothing was sent yet, and nothing is wrong."""


class Payout(Stored):
    """One promise to send an amount to one payout method; its state is set by `lifecycle.move` alone."""

    id = id_column()
    number = models.CharField(max_length=20)
    marketplace = models.ForeignKey(Marketplace, on_delete=models.PROTECT, related_name="+", db_index=False)
    payee = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="payouts", db_index=False)
    method = models.ForeignKey(PayoutMethod, on_delete=models.PROTECT, related_name="payouts")
    provider = models.CharField(max_length=30)
    state = models.CharField(max_length=20, choices=State.choices, default=State.PENDING)
    version = models.PositiveIntegerField(default=0)
    state_since = models.DateTimeField(default=timezone.now)
    reason = models.TextField(blank=True, help_text="Why it stands where it stands.")
    debt_units = amount_column()
    debt_currency = currency_column()
    sent_units = amount_column()
    sent_currency = currency_column()
    rate = models.DecimalField(max_digits=40, decimal_places=18, null=True, blank=True)
    rate_source = models.CharField(max_length=60, blank=True)
    rate_at = models.DateTimeField(null=True, blank=True)
    rate_expires_at = models.DateTimeField(null=True, blank=True)
    returned_units = amount_column(default=0)
    rounds = models.PositiveSmallIntegerField(
        default=0, help_text="Times it was the innocent neighbour of a refusal."
    )
    next_at = models.DateTimeField(default=timezone.now, help_text="When the next stage looks at it.")
    person_after = models.DateTimeField(
        null=True, blank=True, help_text="When it must stand before a person."
    )
    blocked_by = models.CharField(
        max_length=60, blank=True, help_text="First gate that did not pass when last asked."
    )
    chain_length = models.PositiveIntegerField(default=0)
    chain_hash = models.BinaryField(default=b"", help_text="Hash of the newest event of its record.")
    paid_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            # Not by the field, whose index for LIKE nobody needs.
            models.UniqueConstraint(fields=["number"], name="payouts_payout_number"),
            models.CheckConstraint(
                condition=Q(debt_units__gt=0, sent_units__gt=0), name="payouts_payout_positive"
            ),
            models.CheckConstraint(
                condition=Q(returned_units__gte=0, returned_units__lte=models.F("sent_units")),
                name="payouts_payout_returned",
            ),
            models.CheckConstraint(condition=Q(state__in=State.values), name="payouts_payout_state"),
            models.CheckConstraint(
                condition=~Q(sent_currency=models.F("debt_currency")) | Q(sent_units=models.F("debt_units")),
                name="payouts_payout_same_money",
            ),
            models.CheckConstraint(
                condition=Q(sent_currency=models.F("debt_currency")) | Q(rate__isnull=False),
                name="payouts_payout_rate",
            ),
        )
        indexes = (
            models.Index(
                fields=["next_at", "id"],
                name="payouts_payout_to_decide",
                condition=Q(state__in=["pending", "awaiting_approval"]),
            ),
            models.Index(
                fields=["next_at", "id"], name="payouts_payout_to_send", condition=Q(state="approved")
            ),
            models.Index(
                fields=["state", "state_since"],
                name="payouts_payout_open",
                condition=~Q(state__in=["paid", "cancelled", "returned"]),
            ),
            models.Index(
                fields=["id"],
                name="payouts_payout_to_mend",
                condition=Q(state="failed")
                | Q(blocked_by="method_present", state__in=["pending", "awaiting_approval", "approved"]),
            ),
            models.Index(fields=["payee", "-created_at"], name="payouts_payout_of_payee"),
            models.Index(fields=["-created_at"], name="payouts_payout_newest"),
            models.Index(
                fields=["state"], name="payouts_payout_came_back", condition=Q(returned_units__gt=0)
            ),
        )

    def __str__(self) -> str:
        return self.number


class PayoutLine(Stored):
    """One payable inside a payout; at most one live line per payable."""

    id = id_column()
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="lines")
    payable = models.ForeignKey(Payable, on_delete=models.PROTECT, related_name="payout_lines")
    units = amount_column()
    released_at = models.DateTimeField(null=True, blank=True, help_text="When the payout was dissolved.")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["payable"], name="payouts_payoutline_live", condition=Q(released_at__isnull=True)
            ),
            models.UniqueConstraint(fields=["payout", "payable"], name="payouts_payoutline_once"),
        )


class PayoutEvent(Stored):
    """One entry in a payout's record: append-only, hash-chained, partitioned by month."""

    id = id_column()
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="events", db_index=False)
    n = models.PositiveIntegerField(help_text="1, 2, 3 … per payout.")
    kind = models.CharField(max_length=40)
    from_state = models.CharField(max_length=20, blank=True)
    to_state = models.CharField(max_length=20, blank=True)
    actor = models.CharField(
        max_length=120, help_text="`staff:<id>`, `rule:<name>`, `provider:<name>` or `payee:<id>`."
    )
    reason = models.TextField(blank=True)
    facts = models.JSONField(default=dict, blank=True)
    news = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="What subscribers are told by it."
    )
    created_at = models.DateTimeField()
    hash = models.BinaryField()

    class Meta:
        indexes = (models.Index(fields=["payout", "n"], name="payouts_payoutevent_chain"),)
