"""Notices to payees: what was sent, what is not wanted, who is being asked where to be paid."""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import marketplace_payouts.lib.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_payee_country"),
        ("payouts", "0013_cases"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(help_text="A key of `payouts.notices.kinds.KINDS`.", max_length=20),
                ),
                (
                    "subject",
                    models.UUIDField(
                        help_text="What it is about: a payout, a method, a reminder, an answer, a payee."
                    ),
                ),
                ("turn", models.CharField(blank=True, help_text="Which turn of that.", max_length=60)),
                (
                    "contact",
                    models.CharField(
                        choices=[
                            ("payee", "The payee's"),
                            ("login", "The one that they log in with"),
                            ("method", "The payout method's own"),
                            ("former_method", "The former payout method's own"),
                            ("former", "The one that they were written to before"),
                        ],
                        max_length=15,
                    ),
                ),
                ("address", models.CharField(blank=True, max_length=254)),
                ("language", models.CharField(blank=True, max_length=10)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Waiting"),
                            ("sent", "Sent"),
                            ("off", "Not sent: switched off"),
                            ("no_address", "Not sent: no address is known"),
                            ("over", "Not sent: there was nothing to tell any more"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("tries", models.PositiveIntegerField(default=0)),
                (
                    "lease_until",
                    models.DateTimeField(
                        blank=True, help_text="Until when one worker alone may send it.", null=True
                    ),
                ),
                ("error", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="NoticeSwitch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=marketplace_payouts.lib.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("kind", models.CharField(max_length=20)),
                ("off_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="Reminder",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=marketplace_payouts.lib.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("began_at", models.DateTimeField()),
                (
                    "step",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="How many notices were due so far: the invitation, then the reminders.",
                    ),
                ),
                (
                    "next_at",
                    models.DateTimeField(blank=True, help_text="Empty: they were all written.", null=True),
                ),
                (
                    "listed_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Since when it stands before staff: writing did not help.",
                        null=True,
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name="payable",
            index=models.Index(
                condition=models.Q(("blocked_by", "method_present"), ("settled", ""), ("waits_for", "")),
                fields=["payee"],
                name="payouts_payable_no_method",
            ),
        ),
        migrations.AddIndex(
            model_name="payable",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["created_at"], name="payouts_payable_new"
            ),
        ),
        migrations.AddField(
            model_name="notice",
            name="payee",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="notices",
                to="accounts.payee",
            ),
        ),
        migrations.AddField(
            model_name="noticeswitch",
            name="payee",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notice_switches",
                to="accounts.payee",
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="payee",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reminders",
                to="accounts.payee",
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["payee", "-created_at"], name="payouts_notice_of_payee"),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                fields=("kind", "subject", "turn", "contact"), name="payouts_notice_once_a_turn"
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("outcome", "sent"), ("sent_at__isnull", False)),
                    models.Q(models.Q(("outcome", "sent"), _negated=True), ("sent_at__isnull", True)),
                    _connector="OR",
                ),
                name="payouts_notice_sent_at",
            ),
        ),
        migrations.AddConstraint(
            model_name="noticeswitch",
            constraint=models.UniqueConstraint(fields=("payee", "kind"), name="payouts_noticeswitch_once"),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(
                condition=models.Q(("next_at__isnull", False)),
                fields=["next_at", "id"],
                name="payouts_reminder_to_write",
            ),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True), ("listed_at__isnull", False)),
                fields=["listed_at"],
                name="payouts_reminder_listed",
            ),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("payee",),
                name="payouts_reminder_one_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.CheckConstraint(
                condition=models.Q(("ended_at__isnull", True), ("next_at__isnull", True), _connector="OR"),
                name="payouts_reminder_ended",
            ),
        ),
    ]
