"""What payees ask about their payouts, and what they are answered."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from marketplace_payouts.lib.database import Stored
from payouts.models.fields import id_column
from payouts.models.payouts import Payout


class CaseKind(models.TextChoices):
    """What the payee says is wrong."""

    NOT_ARRIVED = "not_arrived", _("It did not arrive")
    WRONG_AMOUNT = "wrong_amount", _("The amount is wrong")
    OTHER = "other", _("Something else")


class Case(Stored):
    """One question of a payee about one payout; open until staff call it settled."""

    id = id_column()
    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="cases")
    kind = models.CharField(max_length=12, choices=CaseKind.choices)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        verbose_name = "question"
        constraints = (
            models.UniqueConstraint(
                fields=["payout", "kind"], name="payouts_case_open_once", condition=Q(closed_at__isnull=True)
            ),
            models.CheckConstraint(condition=Q(kind__in=CaseKind.values), name="payouts_case_kind"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True)
                | Q(closed_at__isnull=False, closed_by__isnull=False),
                name="payouts_case_closed_by_somebody",
            ),
        )
        indexes = (
            models.Index(
                fields=["opened_at"], name="payouts_case_to_answer", condition=Q(closed_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.payout.number})"


class CaseMessage(Stored):
    """What the payee, or a member of staff, wrote; append-only but for when it was mailed."""

    id = id_column()
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="messages")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The member of staff who answered; empty: the payee wrote it.",
    )
    text = models.TextField()
    at = models.DateTimeField(default=timezone.now)
    mailed_at = models.DateTimeField(
        null=True, blank=True, help_text="When an answer was mailed to the payee; it is mailed once."
    )

    class Meta:
        constraints = (
            models.CheckConstraint(condition=~Q(text=""), name="payouts_casemessage_says_something"),
            models.CheckConstraint(
                condition=Q(by__isnull=False) | Q(mailed_at__isnull=True),
                name="payouts_casemessage_answers_are_mailed",
            ),
        )
