"""The payments that buyers are to make through Stripe."""

import uuid

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

import marketplace_payouts.lib.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_only_acts_that_are_asked_for"),
        ("payments", "0004_people_at_stripe"),
    ]

    operations = [
        migrations.CreateModel(
            name="Intent",
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
                ("transaction_id", models.UUIDField(db_index=True, help_text="The Sharetribe transaction.")),
                ("buyer_id", models.UUIDField(help_text="The Sharetribe user who is to pay.")),
                (
                    "units",
                    models.DecimalField(
                        decimal_places=0, help_text="What was asked for last.", max_digits=40
                    ),
                ),
                ("currency", models.CharField(max_length=20)),
                (
                    "changes",
                    models.PositiveIntegerField(
                        default=0, help_text="How often Stripe was asked to change it."
                    ),
                ),
                (
                    "stripe_id",
                    models.CharField(blank=True, help_text="Empty until Stripe has told it.", max_length=255),
                ),
                (
                    "asked",
                    models.JSONField(
                        blank=True, default=dict, help_text="What Stripe is asked to make, word for word."
                    ),
                ),
                (
                    "key",
                    models.UUIDField(
                        default=uuid.uuid4, help_text="The idempotency key under which it is asked."
                    ),
                ),
                (
                    "asked_at",
                    models.DateTimeField(
                        blank=True, help_text="Since when the key is used; empty: it never was.", null=True
                    ),
                ),
                (
                    "asked_last_at",
                    models.DateTimeField(blank=True, help_text="When the key was last used.", null=True),
                ),
                ("error", models.TextField(blank=True, help_text="Why it could not be made.")),
                (
                    "recorded_at",
                    models.DateTimeField(blank=True, help_text="When its id was recorded.", null=True),
                ),
                (
                    "ended_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When it was found that nobody can pay by it any more.",
                        null=True,
                    ),
                ),
                (
                    "next_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When its transaction is to be told of it; empty: it is.",
                        null=True,
                    ),
                ),
                (
                    "marketplace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.marketplace",
                    ),
                ),
            ],
            options={
                "verbose_name": "payment through Stripe",
                "verbose_name_plural": "payments through Stripe",
                "indexes": [
                    models.Index(
                        condition=Q(("next_at__isnull", False)),
                        fields=["next_at", "id"],
                        name="payments_intent_to_tell",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(("ended_at__isnull", True)),
                        fields=("marketplace", "transaction_id"),
                        name="payments_intent_one_at_a_time",
                    ),
                    models.UniqueConstraint(
                        condition=Q(("stripe_id", ""), _negated=True),
                        fields=("stripe_id",),
                        name="payments_intent_stripe_id",
                    ),
                    models.CheckConstraint(condition=Q(("units__gt", 0)), name="payments_intent_positive"),
                    models.CheckConstraint(
                        condition=Q(
                            Q(
                                ("next_at__isnull", True),
                                ("recorded_at__isnull", True),
                                ("stripe_id", ""),
                            ),
                            Q(
                                Q(("stripe_id", ""), _negated=True),
                                ("recorded_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="payments_intent_recorded",
                    ),
                ],
            },
        ),
    ]
