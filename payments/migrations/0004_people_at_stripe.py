"""What people are at Stripe: buyers' customers, sellers' accounts; and who began to sell."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import marketplace_payouts.lib.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_webhooks"),
        ("payments", "0003_words_of_every_origin"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Buyer",
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
                (
                    "shown",
                    models.JSONField(
                        blank=True, default=dict, help_text="What of it we show, as Stripe said last."
                    ),
                ),
                ("read_at", models.DateTimeField(blank=True, help_text="When Stripe said so.", null=True)),
                (
                    "next_at",
                    models.DateTimeField(blank=True, help_text="When it is to be read again.", null=True),
                ),
                (
                    "tries",
                    models.PositiveIntegerField(default=0, help_text="How often it could not be read since."),
                ),
                ("error", models.TextField(blank=True, help_text="Why it could not be made, or read.")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)s",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_at__isnull", False)),
                        fields=["next_at", "id"],
                        name="payments_buyer_to_read",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("stripe_id", ""), _negated=True),
                        fields=("stripe_id",),
                        name="payments_buyer_stripe_id",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("asked_at__isnull", True), ("asked_last_at__isnull", True)),
                            models.Q(("asked_at__isnull", False), ("asked_last_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="payments_buyer_asked",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FirstListing",
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
                ("flex_user_id", models.UUIDField()),
                ("listing_id", models.UUIDField(help_text="The listing that was seen first.")),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "next_at",
                    models.DateTimeField(
                        blank=True, help_text="When it is looked at; empty: decided.", null=True
                    ),
                ),
                ("tries", models.PositiveIntegerField(default=0)),
                ("outcome", models.TextField(blank=True, help_text="What was done, or why nothing was.")),
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
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_at__isnull", False)),
                        fields=["next_at", "id"],
                        name="payments_firstlisting_to_do",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("marketplace", "flex_user_id"), name="payments_firstlisting_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Seller",
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
                (
                    "shown",
                    models.JSONField(
                        blank=True, default=dict, help_text="What of it we show, as Stripe said last."
                    ),
                ),
                ("read_at", models.DateTimeField(blank=True, help_text="When Stripe said so.", null=True)),
                (
                    "next_at",
                    models.DateTimeField(blank=True, help_text="When it is to be read again.", null=True),
                ),
                (
                    "tries",
                    models.PositiveIntegerField(default=0, help_text="How often it could not be read since."),
                ),
                ("error", models.TextField(blank=True, help_text="Why it could not be made, or read.")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "kind",
                    models.CharField(
                        choices=[("standard", "Standard"), ("express", "Express"), ("custom", "Custom")],
                        max_length=8,
                    ),
                ),
                ("country", models.CharField(max_length=2)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("new", "Not made yet"),
                            ("incomplete", "The form is not filled in"),
                            ("wanted", "Stripe wants more"),
                            ("pending", "Stripe is checking"),
                            ("verified", "Verified"),
                            ("restricted", "Restricted by Stripe"),
                            ("rejected", "Rejected by Stripe"),
                            ("gone", "Out of our reach"),
                        ],
                        default="new",
                        max_length=10,
                    ),
                ),
                (
                    "verified_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Since when Stripe has verified them; empty: it has not.",
                        null=True,
                    ),
                ),
                (
                    "verification",
                    models.UUIDField(
                        blank=True, help_text="Names this verification: another one gets another.", null=True
                    ),
                ),
                (
                    "lost_at",
                    models.DateTimeField(
                        blank=True, help_text="When Stripe last took a verification away.", null=True
                    ),
                ),
                (
                    "news_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="Since when the verification is to be passed on; empty: it was.",
                        null=True,
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)s",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_at__isnull", False)),
                        fields=["next_at", "id"],
                        name="payments_seller_to_read",
                    ),
                    models.Index(
                        condition=models.Q(("news_at__isnull", False)),
                        fields=["news_at", "id"],
                        name="payments_seller_to_pass_on",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("stripe_id", ""), _negated=True),
                        fields=("stripe_id",),
                        name="payments_seller_stripe_id",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("asked_at__isnull", True), ("asked_last_at__isnull", True)),
                            models.Q(("asked_at__isnull", False), ("asked_last_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="payments_seller_asked",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("state", "verified"),
                                ("verification__isnull", False),
                                ("verified_at__isnull", False),
                            ),
                            models.Q(
                                models.Q(("state", "verified"), _negated=True),
                                ("verification__isnull", True),
                                ("verified_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="payments_seller_verified",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "new"), ("stripe_id", "")),
                            models.Q(
                                models.Q(("state", "new"), _negated=True),
                                models.Q(("stripe_id", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="payments_seller_made",
                    ),
                ],
            },
        ),
    ]
