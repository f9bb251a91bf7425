"""The desk for bank files: files, what people did with them, and the bank's statements."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import marketplace_payouts.lib.ids

APPEND_ONLY = ("payouts_bankfileact", "payouts_bankrefusal")
GUARDED = {
    "payouts_bankfile": (
        "downloaded_at",
        "downloaded_by_id",
        "uploaded_at",
        "uploaded_by_id",
        "withdrawn_at",
        "withdrawn_reason",
        "withdrawn_by_id",
    ),
    # Asked for again after it was declined, by whoever uploads it then; sealed anew under a newer key.
    "payouts_bankstatement": (
        "name",
        "first_day",
        "last_day",
        "imported_by_id",
        "imported_at",
        "taken_by_id",
        "taken_at",
        "sealed",
    ),
    "payouts_bankentry": ("details",),
}


def _guard() -> str:
    calls = dict.fromkeys(APPEND_ONLY, "payouts_refuse_change()") | {
        table: f"payouts_guard_columns({', '.join(map(repr, columns))})" for table, columns in GUARDED.items()
    }
    return "\n".join(
        f"CREATE TRIGGER payouts_guarded BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {call};"
        f"CREATE TRIGGER payouts_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION payouts_refuse_change();"
        for table, call in calls.items()
    )


def _unguard() -> str:
    return "\n".join(
        f"DROP TRIGGER payouts_guarded ON {table}; DROP TRIGGER payouts_no_truncate ON {table};"
        for table in (*APPEND_ONLY, *GUARDED)
    )


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0016_onward"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BankFile",
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
                (
                    "number",
                    models.PositiveIntegerField(
                        help_text="What people call it: 1, 2, 3, without gaps.", unique=True
                    ),
                ),
                ("message_id", models.CharField(help_text="Its id at the bank.", max_length=35, unique=True)),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("downloaded_at", models.DateTimeField(blank=True, null=True)),
                ("uploaded_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_reason", models.TextField(blank=True)),
                (
                    "batch",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_file",
                        to="payouts.batch",
                    ),
                ),
                (
                    "downloaded_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "withdrawn_by",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payouts.request",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BankFileAct",
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
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("xml", "Downloaded as XML"),
                            ("csv", "Downloaded as CSV"),
                            ("uploaded", "Confirmed that the bank has it"),
                            ("withdrawn", "Withdrawn"),
                            ("refused", "Said that the bank did not carry out a payment"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acts",
                        to="payouts.bankfile",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BankRefusal",
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
                ("whose", models.CharField(help_text="Who must act: a class of refusals.", max_length=20)),
                ("reason", models.TextField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "attempt",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_refusal",
                        to="payouts.attempt",
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refusals",
                        to="payouts.bankfile",
                    ),
                ),
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payouts.request"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BankStatement",
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
                ("name", models.CharField(help_text="The file's name.", max_length=200)),
                ("sha256", models.BinaryField(unique=True)),
                ("sealed", models.BinaryField(help_text="The file itself, sealed.")),
                ("format", models.CharField(max_length=10)),
                (
                    "account",
                    models.CharField(help_text="Fingerprint of the account that it is of.", max_length=120),
                ),
                ("first_day", models.DateField()),
                ("last_day", models.DateField()),
                ("currency", models.CharField(max_length=20)),
                (
                    "opening_units",
                    models.DecimalField(blank=True, decimal_places=0, max_digits=40, null=True),
                ),
                (
                    "closing_units",
                    models.DecimalField(blank=True, decimal_places=0, max_digits=40, null=True),
                ),
                ("imported_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("taken_at", models.DateTimeField(blank=True, null=True)),
                (
                    "imported_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "taken_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BankEntry",
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
                ("account", models.CharField(help_text="Fingerprint of our account.", max_length=120)),
                ("reference", models.CharField(max_length=120)),
                ("kind", models.CharField(max_length=10)),
                ("units", models.DecimalField(decimal_places=0, max_digits=40)),
                ("currency", models.CharField(max_length=20)),
                ("booked_on", models.DateField()),
                (
                    "item_key",
                    models.CharField(
                        blank=True, help_text="Our key of the payment that it names.", max_length=36
                    ),
                ),
                (
                    "message_id",
                    models.CharField(blank=True, help_text="The file that it is the sum of.", max_length=35),
                ),
                (
                    "part",
                    models.CharField(
                        blank=True, help_text="The part of that file, where it is told.", max_length=35
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True, help_text="The bank's code for why it came back.", max_length=60
                    ),
                ),
                ("details", models.BinaryField(help_text="The other side's account and the text, sealed.")),
                (
                    "statement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="payouts.bankstatement",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "bank entries",
            },
        ),
        migrations.AddIndex(
            model_name="bankfile",
            index=models.Index(
                condition=models.Q(("uploaded_at__isnull", True), ("withdrawn_at__isnull", True)),
                fields=["made_at"],
                name="payouts_bankfile_to_upload",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("uploaded_at__isnull", True),
                    models.Q(
                        ("downloaded_at__isnull", False),
                        ("uploaded_by__isnull", False),
                        models.Q(("uploaded_by", models.F("downloaded_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="payouts_bankfile_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankfile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("withdrawn_at__isnull", True),
                    models.Q(
                        ("withdrawn_by__isnull", False), models.Q(("withdrawn_reason", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="payouts_bankfile_withdrawn_by_two",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankfileact",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="payouts_bankfileact_says_why"
            ),
        ),
        migrations.AddConstraint(
            model_name="bankstatement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("taken_at__isnull", True),
                    models.Q(
                        ("taken_by__isnull", False),
                        models.Q(("taken_by", models.F("imported_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="payouts_bankstatement_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="bankstatement",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_day__lte", models.F("last_day"))),
                name="payouts_bankstatement_days",
            ),
        ),
        migrations.AddIndex(
            model_name="bankentry",
            index=models.Index(
                condition=models.Q(("item_key", ""), _negated=True),
                fields=["item_key"],
                name="payouts_bankentry_of_payment",
            ),
        ),
        migrations.AddIndex(
            model_name="bankentry",
            index=models.Index(
                condition=models.Q(("message_id", ""), _negated=True),
                fields=["message_id"],
                name="payouts_bankentry_of_file",
            ),
        ),
        migrations.AddIndex(
            model_name="bankentry",
            index=models.Index(fields=["booked_on"], name="payouts_bankentry_by_day"),
        ),
        migrations.AddConstraint(
            model_name="bankentry",
            constraint=models.UniqueConstraint(
                fields=("account", "reference"), name="payouts_bankentry_once"
            ),
        ),
        migrations.RunSQL(_guard(), _unguard()),
    ]
