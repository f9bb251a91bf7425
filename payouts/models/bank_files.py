"""The desk for bank files: files, what people did with them, statements of the bank and their entries."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from marketplace_payouts.lib.database import Stored
from payouts.models.decisions import Request
from payouts.models.fields import amount_column, currency_column, id_column
from payouts.models.sending import Attempt, Batch

_STAFF = settings.AUTH_USER_MODEL


def _staff_column() -> models.ForeignKey[object, object]:
    return models.ForeignKey(_STAFF, null=True, blank=True, on_delete=models.PROTECT, related_name="+")


class BankFile(models.Model):
    """One file for the bank: a batch, whose committed bytes it is; never changed, and withdrawn at most once."""

    id = id_column()
    number = models.PositiveIntegerField(unique=True, help_text="What people call it: 1, 2, 3, without gaps.")
    batch = models.OneToOneField(Batch, on_delete=models.PROTECT, related_name="bank_file")
    message_id = models.CharField(max_length=35, unique=True, help_text="Its id at the bank.")
    made_at = models.DateTimeField(default=timezone.now)
    downloaded_at = models.DateTimeField(null=True, blank=True)
    downloaded_by = _staff_column()
    uploaded_at = models.DateTimeField(null=True, blank=True)
    uploaded_by = _staff_column()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.TextField(blank=True)
    withdrawn_by = models.OneToOneField(
        Request, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(uploaded_at__isnull=True)
                | (
                    Q(downloaded_at__isnull=False, uploaded_by__isnull=False)
                    & ~Q(uploaded_by=F("downloaded_by"))
                ),
                name="payouts_bankfile_two_people",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True)
                | (Q(withdrawn_by__isnull=False) & ~Q(withdrawn_reason="")),
                name="payouts_bankfile_withdrawn_by_two",
            ),
        )
        indexes = (
            models.Index(
                fields=["made_at"],
                name="payouts_bankfile_to_upload",
                condition=Q(uploaded_at__isnull=True, withdrawn_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"Bank file {self.number}"

    @property
    def standing(self) -> str:
        """How far it is: `made`, `downloaded`, `uploaded` or `withdrawn`."""
        if self.withdrawn_at is not None:
            return "withdrawn"
        if self.uploaded_at is not None:
            return "uploaded"
        return "made" if self.downloaded_at is None else "downloaded"


class BankFileAct(models.Model):
    """What a person did with a file, and why; append-only."""

    class Act(models.TextChoices):
        """What can be done with a file."""

        XML = "xml", "Downloaded as XML"
        CSV = "csv", "Downloaded as CSV"
        UPLOADED = "uploaded", "Confirmed that the bank has it"
        WITHDRAWN = "withdrawn", "Withdrawn"
        REFUSED = "refused", "Said that the bank did not carry out a payment"

    id = id_column()
    file = models.ForeignKey(BankFile, on_delete=models.PROTECT, related_name="acts")
    act = models.CharField(max_length=10, choices=Act.choices)
    by = models.ForeignKey(_STAFF, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.CheckConstraint(condition=~Q(reason=""), name="payouts_bankfileact_says_why"),)


class BankRefusal(models.Model):
    """A payment of a file that the bank did not carry out, as two people say; append-only."""

    id = id_column()
    attempt = models.OneToOneField(Attempt, on_delete=models.PROTECT, related_name="bank_refusal")
    file = models.ForeignKey(BankFile, on_delete=models.PROTECT, related_name="refusals")
    whose = models.CharField(max_length=20, help_text="Who must act: a class of refusals.")
    reason = models.TextField()
    request = models.OneToOneField(Request, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class BankStatement(models.Model):
    """A statement as somebody uploaded it; its entries count once another person has seconded a request about it."""

    id = id_column()
    name = models.CharField(max_length=200, help_text="The file's name.")
    sha256 = models.BinaryField(unique=True)
    sealed = models.BinaryField(help_text="The file itself, sealed.")
    format = models.CharField(max_length=10)
    account = models.CharField(max_length=120, help_text="Fingerprint of the account that it is of.")
    first_day = models.DateField()
    last_day = models.DateField()
    currency = currency_column()
    opening_units = amount_column(null=True, blank=True)
    closing_units = amount_column(null=True, blank=True)
    imported_by = models.ForeignKey(_STAFF, on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField(default=timezone.now)
    taken_by = _staff_column()
    taken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(taken_at__isnull=True)
                | (Q(taken_by__isnull=False) & ~Q(taken_by=F("imported_by"))),
                name="payouts_bankstatement_two_people",
            ),
            models.CheckConstraint(
                condition=Q(first_day__lte=F("last_day")), name="payouts_bankstatement_days"
            ),
        )

    def __str__(self) -> str:
        return f"Statement {self.first_day} to {self.last_day}"


class BankEntry(Stored):
    """One booked movement on the account, once, however many statements show it; append-only."""

    id = id_column()
    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="entries")
    account = models.CharField(max_length=120, help_text="Fingerprint of our account.")
    reference = models.CharField(max_length=120)
    kind = models.CharField(max_length=10)
    units = amount_column()
    currency = currency_column()
    booked_on = models.DateField()
    item_key = models.CharField(max_length=36, blank=True, help_text="Our key of the payment that it names.")
    message_id = models.CharField(max_length=35, blank=True, help_text="The file that it is the sum of.")
    part = models.CharField(max_length=35, blank=True, help_text="The part of that file, where it is told.")
    reason = models.CharField(max_length=60, blank=True, help_text="The bank's code for why it came back.")
    details = models.BinaryField(help_text="The other side's account and the text, sealed.")

    class Meta:
        verbose_name_plural = "bank entries"
        constraints = (
            models.UniqueConstraint(fields=["account", "reference"], name="payouts_bankentry_once"),
        )
        indexes = (
            models.Index(fields=["item_key"], name="payouts_bankentry_of_payment", condition=~Q(item_key="")),
            models.Index(
                fields=["message_id"], name="payouts_bankentry_of_file", condition=~Q(message_id="")
            ),
            models.Index(fields=["booked_on"], name="payouts_bankentry_by_day"),
        )
