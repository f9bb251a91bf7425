"""What makes us owe: Sharetribe transactions as we know them, and the rules that turn them into payables."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.models import Marketplace
from marketplace_payouts.lib.database import Stored
from payouts.models.fields import amount_column, currency_column, id_column


class Schedule(models.Model):
    """When what is due is gathered into payouts, in the marketplace's business time."""

    class Kind(models.TextChoices):
        """How often the schedule comes round."""

        AT_ONCE = "at_once", "At once"
        DAILY = "daily", "Daily"
        WEEKLY = "weekly", "Weekly"
        MONTHLY = "monthly", "Monthly"
        DATE = "date", "On a date"

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    hour = models.PositiveSmallIntegerField(default=0, help_text="Business hour, 0 to 23.")
    weekday = models.PositiveSmallIntegerField(null=True, blank=True, help_text="0 is Monday; weekly only.")
    day_of_month = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="1 to 31, the last day in shorter months; monthly only."
    )
    on_date = models.DateField(null=True, blank=True, help_text="For the kind 'date'.")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(hour__lte=23), name="payouts_schedule_hour"),
            models.CheckConstraint(
                condition=~models.Q(kind="weekly") | models.Q(weekday__range=(0, 6)),
                name="payouts_schedule_weekday",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="monthly") | models.Q(day_of_month__range=(1, 31)),
                name="payouts_schedule_day",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="date") | models.Q(on_date__isnull=False),
                name="payouts_schedule_date",
            ),
        )

    def __str__(self) -> str:
        return self.name


class Process(models.Model):
    """One Sharetribe transaction process, by its name without alias."""

    name = models.CharField(max_length=120, unique=True)
    cancel_transitions = models.JSONField(
        default=list, blank=True, help_text="Transitions after which nothing is owed any more."
    )
    uses_stripe = models.BooleanField(
        default=True, help_text="The process runs Sharetribe's own Stripe actions, or we do not know."
    )
    payment_moves = models.JSONField(
        default=dict,
        blank=True,
        help_text='Operator transition by what became of the buyer\'s payment: {"succeeded": "transition/…"}.',
    )
    pays_nothing_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    pays_nothing_at = models.DateTimeField(
        null=True, blank=True, help_text="When staff confirmed that Sharetribe itself pays no seller here."
    )

    class Meta:
        verbose_name_plural = "processes"

    def __str__(self) -> str:
        return self.name


class Trigger(Stored):
    """A (process, transition) pair at which the seller is due."""

    class WriteBack(models.TextChoices):
        """How Sharetribe learns of the outcome."""

        METADATA = "metadata", "Metadata"
        TRANSITION = "transition", "Operator transition with metadata"

    process = models.ForeignKey(Process, on_delete=models.PROTECT, related_name="triggers")
    transition = models.CharField(max_length=120)
    enabled = models.BooleanField(default=False)
    hold_days = models.PositiveSmallIntegerField(default=0)
    minimums = models.JSONField(
        default=dict, blank=True, help_text='Smallest payout by currency, in smallest units: {"EUR": "500"}.'
    )
    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="triggers")
    write_back = models.CharField(max_length=10, choices=WriteBack.choices, default=WriteBack.METADATA)
    write_back_transitions = models.JSONField(
        default=dict,
        blank=True,
        help_text='Operator transition by outcome: {"sent": "transition/…", "paid": …, "failed": …}.',
    )
    requires_payment = models.BooleanField(
        default=True, help_text="Nothing is paid before a payment of at least payinTotal is recorded."
    )
    payment_transitions = models.JSONField(
        default=list,
        blank=True,
        help_text="Transitions by which the marketplace records the buyer's payment.",
    )
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["process", "transition"], name="payouts_trigger_pair"),
        )

    def __str__(self) -> str:
        return f"{self.process.name} · {self.transition}"


class Source(Stored):
    """One Sharetribe transaction: how far we have heard and understood it, and the facts that matter."""

    id = id_column()
    marketplace = models.ForeignKey(Marketplace, on_delete=models.PROTECT, related_name="+")
    reference = models.UUIDField(help_text="The transaction's id in Sharetribe.")
    heard = models.BigIntegerField(default=0, help_text="Newest sequence id that is stored.")
    understood = models.BigIntegerField(
        default=0, help_text="Newest sequence id that has been taken into account."
    )
    next_at = models.DateTimeField(
        null=True, blank=True, help_text="When it is to be interpreted; empty: nothing to do."
    )
    tries = models.PositiveIntegerField(default=0)
    parked_at = models.DateTimeField(null=True, blank=True, help_text="Put aside after repeated errors.")
    error = models.TextField(blank=True)

    process_name = models.CharField(max_length=120, blank=True)
    process_version = models.IntegerField(null=True, blank=True)
    last_transition = models.CharField(max_length=120, blank=True)
    last_transitioned_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=120, blank=True)
    payee_reference = models.UUIDField(null=True, blank=True)
    payin_units = amount_column(null=True, blank=True)
    payout_units = amount_column(null=True, blank=True)
    currency = currency_column(blank=True)
    stripe_payment = models.BooleanField(default=False, help_text="The transaction shows a Stripe payment.")
    deleted = models.BooleanField(default=False)
    trigger = models.ForeignKey(Trigger, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    digest = models.BinaryField(
        default=b"", help_text="Of what matters for paying; compared with each re-reading."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["marketplace", "reference"], name="payouts_source_identity"),
        )
        indexes = (
            models.Index(
                fields=["next_at", "id"],
                name="payouts_source_to_understand",
                condition=models.Q(next_at__isnull=False, parked_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return str(self.reference)


class SourceCheck(Stored):
    """The newest re-reading of a transaction: a gate for sending."""

    source = models.OneToOneField(
        Source, primary_key=True, on_delete=models.CASCADE, related_name="check_row"
    )
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When Sharetribe last answered.")
    digest = models.BinaryField(default=b"")
    foreign_payout = models.CharField(
        max_length=120,
        blank=True,
        help_text="A payout named in the transaction's metadata that we do not know.",
    )
    next_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)


class Announcement(Stored):
    """Sharetribe was told, and has repeated to us, that this payout is about to be sent."""

    id = id_column()
    payout = models.ForeignKey("payouts.Payout", on_delete=models.PROTECT, related_name="announcements")
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="announcements")
    confirmed_at = models.DateTimeField(help_text="When the value was read back.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["payout", "source"], name="payouts_announcement_once"),
        )
