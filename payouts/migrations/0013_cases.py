"""Questions of payees: one open case per payout and kind, messages that never change."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import marketplace_payouts.lib.ids

# A case is only ever closed; of a message only that it was mailed is ever written later.
GUARD = """
CREATE TRIGGER payouts_guarded BEFORE UPDATE OR DELETE ON payouts_case FOR EACH ROW
    EXECUTE FUNCTION payouts_guard_columns('closed_at', 'closed_by_id');
CREATE TRIGGER payouts_no_truncate BEFORE TRUNCATE ON payouts_case EXECUTE FUNCTION payouts_refuse_change();
CREATE TRIGGER payouts_guarded BEFORE UPDATE OR DELETE ON payouts_casemessage FOR EACH ROW
    EXECUTE FUNCTION payouts_guard_columns('mailed_at');
CREATE TRIGGER payouts_no_truncate BEFORE TRUNCATE ON payouts_casemessage EXECUTE FUNCTION payouts_refuse_change();
"""
UNGUARD = """
DROP TRIGGER payouts_guarded ON payouts_case;
DROP TRIGGER payouts_no_truncate ON payouts_case;
DROP TRIGGER payouts_guarded ON payouts_casemessage;
DROP TRIGGER payouts_no_truncate ON payouts_casemessage;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payouts", "0012_methods_of_payees"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="Case",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("not_arrived", "It did not arrive"),
                            ("wrong_amount", "The amount is wrong"),
                            ("other", "Something else"),
                        ],
                        max_length=12,
                    ),
                ),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "payout",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="cases",
                        to="payouts.payout",
                    ),
                ),
            ],
            options={
                "verbose_name": "question",
                "indexes": [
                    models.Index(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=["opened_at"],
                        name="payouts_case_to_answer",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("closed_at__isnull", True)),
                        fields=("payout", "kind"),
                        name="payouts_case_open_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["not_arrived", "wrong_amount", "other"])),
                        name="payouts_case_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("closed_at__isnull", True), ("closed_by__isnull", True)),
                            models.Q(("closed_at__isnull", False), ("closed_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="payouts_case_closed_by_somebody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CaseMessage",
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
                ("text", models.TextField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "mailed_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When an answer was mailed to the payee; it is mailed once.",
                        null=True,
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        help_text="The member of staff who answered; empty: the payee wrote it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="payouts.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("text", ""), _negated=True),
                        name="payouts_casemessage_says_something",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("by__isnull", False), ("mailed_at__isnull", True), _connector="OR"
                        ),
                        name="payouts_casemessage_answers_are_mailed",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARD, UNGUARD),
    ]
