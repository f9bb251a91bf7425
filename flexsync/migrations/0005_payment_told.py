"""What a transaction has been told of its buyer's payment."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("flexsync", "0004_rules_at"),
        ("payouts", "0011_payments_in"),
    ]

    operations = [
        migrations.CreateModel(
            name="PaymentTold",
            fields=[
                (
                    "value",
                    models.JSONField(
                        blank=True, default=dict, help_text="The metadata value that was read back."
                    ),
                ),
                (
                    "transition",
                    models.CharField(
                        blank=True, help_text="The last operator transition that was made.", max_length=120
                    ),
                ),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "lease_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="Until when one worker alone may tell this transaction something.",
                        null=True,
                    ),
                ),
                ("calls", models.PositiveIntegerField(default=0)),
                ("tries", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                (
                    "conflict_at",
                    models.DateTimeField(
                        blank=True, help_text="Sharetribe refused; a person must look.", null=True
                    ),
                ),
                (
                    "source",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="payment_told_row",
                        serialize=False,
                        to="payouts.source",
                    ),
                ),
            ],
            options={
                "verbose_name": "payment told",
                "verbose_name_plural": "payments told",
            },
        ),
    ]
