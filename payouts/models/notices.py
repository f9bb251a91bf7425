"""What payees are told by e-mail, what of it they do not want, and who is being asked where to be paid."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Payee
from marketplace_payouts.lib.database import Stored
from payouts.models.fields import id_column


class Notice(Stored):
    """One e-mail about one turn of events to one of a payee's addresses.

    Its id follows from what it is about, so that one turn makes one notice, whoever stages it and however often.
    """

    class Contact(models.TextChoices):
        """Whose address it is."""

        PAYEE = "payee", "The payee's"
        LOGIN = "login", "The one that they log in with"
        METHOD = "method", "The payout method's own"
        FORMER_METHOD = "former_method", "The former payout method's own"
        FORMER = "former", "The one that they were written to before"

    class Outcome(models.TextChoices):
        """What became of it."""

        WAITING = "", "Waiting"
        SENT = "sent", "Sent"
        SWITCHED_OFF = "off", "Not sent: switched off"
        NO_ADDRESS = "no_address", "Not sent: no address is known"
        OVER = "over", "Not sent: there was nothing to tell any more"

    id = models.UUIDField(primary_key=True, editable=False)
    payee = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="notices", db_index=False)
    kind = models.CharField(max_length=20, help_text="A key of `payouts.notices.kinds.KINDS`.")
    subject = models.UUIDField(
        help_text="What it is about: a payout, a method, a reminder, an answer, a payee."
    )
    turn = models.CharField(max_length=60, blank=True, help_text="Which turn of that.")
    contact = models.CharField(max_length=15, choices=Contact.choices)
    address = models.CharField(max_length=254, blank=True)
    language = models.CharField(max_length=10, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.WAITING, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(
        null=True, blank=True, help_text="Until when one worker alone may send it."
    )
    error = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "subject", "turn", "contact"], name="payouts_notice_once_a_turn"
            ),
            models.CheckConstraint(
                condition=Q(outcome="sent", sent_at__isnull=False)
                | (~Q(outcome="sent") & Q(sent_at__isnull=True)),
                name="payouts_notice_sent_at",
            ),
        )
        indexes = (models.Index(fields=["payee", "-created_at"], name="payouts_notice_of_payee"),)


class NoticeSwitch(Stored):
    """A kind of notice that a payee does not want; the row gone, they want it again."""

    id = id_column()
    payee = models.ForeignKey(Payee, on_delete=models.CASCADE, related_name="notice_switches", db_index=False)
    kind = models.CharField(max_length=20)
    off_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["payee", "kind"], name="payouts_noticeswitch_once"),)


class Reminder(Stored):
    """That a payee who is owed money is being asked where to pay it, until they say so or nothing is owed any more."""

    id = id_column()
    payee = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="reminders", db_index=False)
    began_at = models.DateTimeField()
    step = models.PositiveSmallIntegerField(
        default=0, help_text="How many notices were due so far: the invitation, then the reminders."
    )
    next_at = models.DateTimeField(null=True, blank=True, help_text="Empty: they were all written.")
    listed_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when it stands before staff: writing did not help."
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["payee"], name="payouts_reminder_one_at_a_time", condition=Q(ended_at__isnull=True)
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(next_at__isnull=True), name="payouts_reminder_ended"
            ),
        )
        indexes = (
            models.Index(
                fields=["next_at", "id"], name="payouts_reminder_to_write", condition=Q(next_at__isnull=False)
            ),
            models.Index(
                fields=["listed_at"],
                name="payouts_reminder_listed",
                condition=Q(listed_at__isnull=False, ended_at__isnull=True),
            ),
        )
