"""Payables: what makes us owe a payee; their facts never change."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils import timezone

from accounts.models import Marketplace, Payee
from marketplace_payouts.lib.database import Stored
from payouts.models.fields import amount_column, currency_column, id_column
from payouts.models.sources import Source, Trigger


class Payable(Stored):
    """One debt to a payee. Amount, payee and origin are immutable (a database trigger holds that)."""

    class Origin(models.TextChoices):
        """Which kind of thing the reference names."""

        SHARETRIBE = "sharetribe", "Sharetribe transaction"
        STAFF = "staff", "Decision of staff"
        PROVIDER = "provider", "Return by a provider"
        CARRY = "carry", "Rest of a rounding"

    class Purpose(models.TextChoices):
        """What the payable is for."""

        SALE = "sale", "Sale"
        CHANGE = "change", "Changed or refunded sale"
        LOSS = "loss", "Buyer's money gone back"
        BONUS = "bonus", "Bonus"
        CORRECTION = "correction", "Correction"
        DEDUCTION = "deduction", "Deduction"
        RETURNED = "returned", "Returned payout, owed again"
        CARRY = "carry", "Carried rest"

    class Waits(models.TextChoices):
        """Why a person must decide before it can be gathered."""

        NOTHING = "", "Nothing"
        OPENING = "opening", "Opening item: due before go-live"
        RETURNED = "returned", "Came back; a person decides when it goes out again"
        CLAWBACK = "clawback", "Clawback: net it, ask it back, or write it off"

    class Settled(models.TextChoices):
        """How it ended without, or with, a payout."""

        NOT = "", "Not settled"
        GATHERED = "gathered", "In a payout"
        ZERO = "zero", "Its group summed to zero"
        BY_HAND = "by_hand", "Paid by hand before go-live"
        WRITTEN_OFF = "written_off", "Written off"
        REPAID = "repaid", "Repaid by the payee"

    id = id_column()
    marketplace = models.ForeignKey(Marketplace, on_delete=models.PROTECT, related_name="+")
    payee = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="payables")
    origin = models.CharField(max_length=12, choices=Origin.choices)
    reference = models.CharField(max_length=120)
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    source_event = models.CharField(max_length=120)
    units = amount_column()
    currency = currency_column()
    original = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="compensations"
    )
    source = models.ForeignKey(
        Source, null=True, blank=True, on_delete=models.PROTECT, related_name="payables"
    )
    trigger = models.ForeignKey(Trigger, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    lines = models.JSONField(
        default=dict, blank=True, help_text="Gross, commission and line items, as of the trigger."
    )
    reason = models.TextField(blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    became_due_at = models.DateTimeField(help_text="When the trigger happened.")
    created_at = models.DateTimeField(default=timezone.now)

    hold_until = models.DateTimeField(help_text="End of the hold period.")
    due_at = models.DateTimeField(help_text="The schedule's first moment after the hold period.")
    minimum_units = amount_column(default=0)
    waits_for = models.CharField(max_length=10, choices=Waits.choices, default=Waits.NOTHING, blank=True)
    decided = models.CharField(
        max_length=120, blank=True, help_text="What a person decided, and by which request."
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    settled = models.CharField(max_length=12, choices=Settled.choices, default=Settled.NOT, blank=True)
    blocked_by = models.CharField(
        max_length=60, blank=True, help_text="Gate that stopped the last gathering."
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["marketplace", "origin", "reference", "purpose", "source_event"],
                name="payouts_payable_once",
            ),
            models.CheckConstraint(condition=~models.Q(units=0), name="payouts_payable_not_zero"),
        )
        indexes = (
            models.Index(
                fields=["payee", "due_at"], name="payouts_payable_open", condition=models.Q(settled="")
            ),
            models.Index(fields=["source"], name="payouts_payable_source"),
            models.Index(
                fields=["payee"],
                name="payouts_payable_no_method",
                condition=models.Q(settled="", waits_for="", blocked_by="method_present"),
            ),
            BrinIndex(fields=["created_at"], name="payouts_payable_new"),
        )

    def __str__(self) -> str:
        return f"{self.purpose} {self.reference}"
