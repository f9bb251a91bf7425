"""Who decided what: approvals, limits, policies, requests that need a second person, holds."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Payee
from marketplace_payouts.lib.database import Stored
from payouts.models.fields import amount_column, currency_column, id_column
from payouts.models.methods import PayoutMethod
from payouts.models.payouts import Payout

_STAFF = settings.AUTH_USER_MODEL


class ApprovalPolicy(models.Model):
    """A versioned rule that may approve in people's stead; made by one, seconded by another, off by default."""

    id = id_column()
    currency = currency_column()
    version = models.PositiveIntegerField()
    enabled = models.BooleanField(default=False)
    maximum_units = amount_column()
    payee_paid_before = models.BooleanField(default=True, help_text="Only payees who have been paid before.")
    method_age_days = models.PositiveSmallIntegerField(
        default=30, help_text="Only methods at least this old."
    )
    made_by = models.ForeignKey(_STAFF, null=True, on_delete=models.PROTECT, related_name="+")
    seconded_by = models.ForeignKey(_STAFF, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "approval policies"
        constraints = (
            models.UniqueConstraint(fields=["currency", "version"], name="payouts_approvalpolicy_version"),
            models.UniqueConstraint(
                fields=["currency"],
                name="payouts_approvalpolicy_present",
                condition=Q(retired_at__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(made_by__isnull=True)
                | Q(seconded_by__isnull=True)
                | ~Q(made_by=F("seconded_by")),
                name="payouts_approvalpolicy_two",
            ),
        )

    def __str__(self) -> str:
        return f"{self.currency} policy, version {self.version}"


class ApprovalThreshold(models.Model):
    """Above this amount two people approve, and no policy may; a currency without one always needs two."""

    currency = currency_column(unique=True)
    units = amount_column()
    changed_by = models.ForeignKey(_STAFF, null=True, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)


class ApproverLimit(models.Model):
    """How much one approver may approve in a currency within a rolling window; none set means none allowed."""

    user = models.ForeignKey(_STAFF, on_delete=models.PROTECT, related_name="approver_limits")
    currency = currency_column()
    units = amount_column()
    window_hours = models.PositiveSmallIntegerField(default=24)
    changed_by = models.ForeignKey(_STAFF, null=True, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["user", "currency"], name="payouts_approverlimit_once"),
        )


class Approval(Stored):
    """One decision over exactly one digest, given or refused; append-only but for its revocation."""

    class Result(models.TextChoices):
        """What became of the attempt to approve."""

        GIVEN = "given", "Given"
        REFUSED = "refused", "Refused"

    id = id_column()
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="approvals")
    result = models.CharField(max_length=8, choices=Result.choices)
    digest = models.BinaryField()
    units = amount_column()
    currency = currency_column()
    by = models.ForeignKey(_STAFF, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    policy = models.ForeignKey(
        ApprovalPolicy, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField(blank=True)
    limit_snapshot = models.JSONField(
        default=dict, blank=True, help_text="The approver's limit and use at that time."
    )
    at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(by__isnull=True) | Q(policy__isnull=True), name="payouts_approval_one_author"
            ),
            models.UniqueConstraint(
                fields=["payout", "by"],
                name="payouts_approval_once_each",
                condition=Q(result="given", revoked_at__isnull=True),
            ),
        )
        indexes = (
            models.Index(
                fields=["payout"],
                name="payouts_approval_live",
                condition=Q(result="given", revoked_at__isnull=True),
            ),
            models.Index(fields=["by", "currency", "at"], name="payouts_approval_window"),
        )


class Request(models.Model):
    """One act that needs two people: made by one, seconded or declined by another."""

    class State(models.TextChoices):
        """Where the request stands."""

        OPEN = "open", "Open"
        SECONDED = "seconded", "Seconded and done"
        DECLINED = "declined", "Declined"
        WITHDRAWN = "withdrawn", "Withdrawn"

    id = id_column()
    act = models.CharField(max_length=40, help_text="A key of `payouts.requests.ACTS`.")
    subject = models.CharField(max_length=120, blank=True, help_text="Id of what it acts on.")
    payload = models.JSONField(default=dict, blank=True)
    sealed = models.BinaryField(
        null=True, blank=True, help_text="Payout details, sealed; the request's id is bound."
    )
    summary = models.TextField(help_text="What will happen, in a sentence.")
    reason = models.TextField()
    made_by = models.ForeignKey(_STAFF, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    closed_by = models.ForeignKey(_STAFF, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(null=True, blank=True)
    closing_note = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~Q(state="seconded") | (Q(closed_by__isnull=False) & ~Q(closed_by=F("made_by"))),
                name="payouts_request_two_people",
            ),
        )
        indexes = (models.Index(fields=["-made_at"], name="payouts_request_open", condition=Q(state="open")),)

    def __str__(self) -> str:
        return self.summary[:80]


class Rail(models.Model):
    """Something wide that can be stopped: `everything`, `provider:paypal`, `currency:EUR`. Locked to be held."""

    name = models.CharField(primary_key=True, max_length=60)

    def __str__(self) -> str:
        return self.name


class Hold(Stored):
    """One reason why something may not be paid; only the rule or role that set it lifts it."""

    id = id_column()
    payout = models.ForeignKey(Payout, null=True, blank=True, on_delete=models.PROTECT, related_name="holds")
    payee = models.ForeignKey(Payee, null=True, blank=True, on_delete=models.PROTECT, related_name="holds")
    method = models.ForeignKey(
        PayoutMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="holds"
    )
    rail = models.ForeignKey(Rail, null=True, blank=True, on_delete=models.PROTECT, related_name="holds")
    rule = models.CharField(max_length=60, help_text="`staff`, or the name of the rule that set it.")
    reason = models.TextField()
    set_by = models.ForeignKey(_STAFF, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(default=timezone.now)
    lifted_by = models.ForeignKey(_STAFF, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lift_reason = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=(
                    Q(payout__isnull=False, payee__isnull=True, method__isnull=True, rail__isnull=True)
                    | Q(payout__isnull=True, payee__isnull=False, method__isnull=True, rail__isnull=True)
                    | Q(payout__isnull=True, payee__isnull=True, method__isnull=False, rail__isnull=True)
                    | Q(payout__isnull=True, payee__isnull=True, method__isnull=True, rail__isnull=False)
                ),
                name="payouts_hold_one_target",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="payouts_hold_says_why"),
            models.UniqueConstraint(
                fields=["payout", "payee", "method", "rail", "rule"],
                name="payouts_hold_once_per_rule",
                condition=Q(lifted_at__isnull=True) & ~Q(rule="staff"),
                nulls_distinct=False,
            ),
        )
        indexes = (
            models.Index(
                fields=["payout"], name="payouts_hold_on_payout", condition=Q(lifted_at__isnull=True)
            ),
            models.Index(fields=["payee"], name="payouts_hold_on_payee", condition=Q(lifted_at__isnull=True)),
            models.Index(
                fields=["method"], name="payouts_hold_on_method", condition=Q(lifted_at__isnull=True)
            ),
            models.Index(fields=["rail"], name="payouts_hold_on_rail", condition=Q(lifted_at__isnull=True)),
        )


class StaffAct(models.Model):
    """What a person did to something that keeps no record of its own, and why; append-only."""

    class Act(models.TextChoices):
        """The acts that leave no other row behind."""

        FREEZE = "freeze", "Froze a payee"
        THAW = "thaw", "Let a frozen payee be paid again"
        PAY_NOW = "pay_now", "Paid outside the schedule"
        RELEASE = "release", "Released what waited for a person"

    id = id_column()
    act = models.CharField(max_length=12, choices=Act.choices)
    payee = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="staff_acts")
    subject = models.CharField(max_length=120, help_text="What it was done to.")
    reason = models.TextField()
    by = models.ForeignKey(_STAFF, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.CheckConstraint(condition=~Q(reason=""), name="payouts_staffact_says_why"),)
        indexes = (models.Index(fields=["payee", "-at"], name="payouts_staffact_of_payee"),)


class Note(models.Model):
    """What a person wrote beside a payout."""

    id = id_column()
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="notes")
    text = models.TextField()
    by = models.ForeignKey(_STAFF, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
