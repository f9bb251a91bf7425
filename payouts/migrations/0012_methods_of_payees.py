"""Payees choose their methods themselves: who changed what stays on record, and what they dropped is out of sight."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import marketplace_payouts.lib.ids

_GUARD = (
    "DROP TRIGGER payouts_guarded ON payouts_payoutmethod;"
    "CREATE TRIGGER payouts_guarded BEFORE UPDATE OR DELETE ON payouts_payoutmethod FOR EACH ROW EXECUTE FUNCTION"
    " payouts_guard_columns({columns});"
)
_BEFORE = "'details', 'verified_at', 'verified_how', 'verified_by_id', 'retired_at', 'retired_reason'"
# These go with their table.
_APPEND_ONLY = """
CREATE TRIGGER payouts_append_only BEFORE UPDATE OR DELETE ON payouts_methodchange
    FOR EACH ROW EXECUTE FUNCTION payouts_refuse_change();
CREATE TRIGGER payouts_no_truncate BEFORE TRUNCATE ON payouts_methodchange EXECUTE FUNCTION payouts_refuse_change();
"""


def _method():
    return models.ForeignKey(
        blank=True,
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="payouts.payoutmethod",
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_payee_country"), ("payouts", "0011_payments_in")]
    operations = [
        migrations.AddField(
            model_name="payoutmethod",
            name="dropped_at",
            field=models.DateTimeField(
                blank=True,
                help_text="The payee does not want to choose it again: no longer shown to them.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("dropped_at__isnull", True), ("retired_at__isnull", False), _connector="OR"
                ),
                name="payouts_payoutmethod_dropped_is_retired",
            ),
        ),
        migrations.CreateModel(
            name="MethodChange",
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
                            ("chosen", "Chose a payout method"),
                            ("retired", "Gave up the payout method"),
                            ("dropped", "Took a former payout method off the list"),
                        ],
                        max_length=12,
                    ),
                ),
                ("before_masked", models.CharField(blank=True, max_length=160)),
                ("after_masked", models.CharField(blank=True, max_length=160)),
                (
                    "login",
                    models.CharField(
                        help_text="By what the person was known: `staff`, or a log-in.", max_length=20
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("before", _method()),
                ("after", _method()),
                (
                    "person",
                    models.UUIDField(blank=True, help_text="The id of whoever logged in.", null=True),
                ),
                (
                    "seconded_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "payee",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="method_changes",
                        to="accounts.payee",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["payee", "-at"], name="payouts_methodchange_of_payee")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("before__isnull", False), ("after__isnull", False), _connector="OR"
                        ),
                        name="payouts_methodchange_of_something",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(
                condition=models.Q(("state", "failed"))
                | models.Q(
                    ("blocked_by", "method_present"),
                    ("state__in", ["pending", "awaiting_approval", "approved"]),
                ),
                fields=["id"],
                name="payouts_payout_to_mend",
            ),
        ),
        migrations.RunSQL(_APPEND_ONLY, migrations.RunSQL.noop),
        migrations.RunSQL(_GUARD.format(columns=f"{_BEFORE}, 'dropped_at'"), _GUARD.format(columns=_BEFORE)),
    ]
