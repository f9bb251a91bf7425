"""What Sharetribe's users have been told of themselves."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_webhooks"),
        ("flexsync", "0005_payment_told"),
    ]

    operations = [
        migrations.CreateModel(
            name="UserTold",
            fields=[
                (
                    "payee",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="user_told_row",
                        serialize=False,
                        to="accounts.payee",
                    ),
                ),
                (
                    "value",
                    models.JSONField(blank=True, default=dict, help_text="Our keys, as they were read back."),
                ),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "lease_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="Until when one worker alone may tell this user something.",
                        null=True,
                    ),
                ),
                ("calls", models.PositiveIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                (
                    "refused_at",
                    models.DateTimeField(
                        blank=True, help_text="Sharetribe does not know the user any more.", null=True
                    ),
                ),
            ],
            options={
                "verbose_name": "user told",
                "verbose_name_plural": "users told",
            },
        ),
    ]
