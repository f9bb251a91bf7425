"""Words about a payment by whoever says them, counted one by one; and what was refused of them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import marketplace_payouts.lib.ids


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_only_acts_that_are_asked_for"),
        ("payments", "0002_stripe_deliveries"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RefusedPayment",
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
                ("transaction_id", models.UUIDField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("failed", "Failed: nothing came"),
                            ("refunded", "Refunded to the buyer"),
                            ("disputed", "Disputed: the buyer's bank asks for it back"),
                            ("charged_back", "Charged back: the dispute is lost"),
                            ("regained", "Regained: the dispute is won, or the refund failed"),
                        ],
                        max_length=14,
                    ),
                ),
                ("units", models.DecimalField(decimal_places=0, max_digits=40)),
                ("currency", models.CharField(max_length=20)),
                ("origin", models.CharField(max_length=30)),
                ("reference", models.CharField(max_length=120)),
                ("reason", models.TextField(help_text="What it contradicts.")),
                ("times", models.PositiveIntegerField(default=1, help_text="How often it was said.")),
                ("first_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("explanation", models.TextField(blank=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="paymentin",
            name="payments_paymentin_once",
        ),
        migrations.AddField(
            model_name="paymentin",
            name="detail",
            field=models.CharField(
                blank=True, help_text="What more its origin said, or what proves it.", max_length=500
            ),
        ),
        migrations.AddField(
            model_name="paymentin",
            name="made_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="paymentin",
            name="next_at",
            field=models.DateTimeField(
                blank=True, help_text="When it is to be counted for its transaction; empty: it is.", null=True
            ),
        ),
        migrations.AddField(
            model_name="paymentin",
            name="seconded_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="paymentin",
            name="kind",
            field=models.CharField(
                choices=[
                    ("received", "Received"),
                    ("failed", "Failed: nothing came"),
                    ("refunded", "Refunded to the buyer"),
                    ("disputed", "Disputed: the buyer's bank asks for it back"),
                    ("charged_back", "Charged back: the dispute is lost"),
                    ("regained", "Regained: the dispute is won, or the refund failed"),
                ],
                max_length=14,
            ),
        ),
        migrations.AlterField(
            model_name="paymentin",
            name="origin",
            field=models.CharField(
                help_text="Who says so: `sharetribe` for a confirming transition, `stripe`, `manual` for staff, or the name of the marketplace's own payment system.",
                max_length=30,
            ),
        ),
        migrations.AlterField(
            model_name="paymentin",
            name="reference",
            field=models.CharField(
                help_text="The origin's own; unique with it and the kind.", max_length=120
            ),
        ),
        migrations.AddIndex(
            model_name="paymentin",
            index=models.Index(
                condition=models.Q(("next_at__isnull", False)),
                fields=["next_at", "id"],
                name="payments_paymentin_to_count",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentin",
            constraint=models.UniqueConstraint(
                fields=("marketplace", "origin", "kind", "reference"), name="payments_paymentin_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentin",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("origin", "manual"), _negated=True),
                    models.Q(
                        ("made_by__isnull", False),
                        ("seconded_by__isnull", False),
                        models.Q(("made_by", models.F("seconded_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="payments_paymentin_manual_by_two",
            ),
        ),
        migrations.AddField(
            model_name="refusedpayment",
            name="closed_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="refusedpayment",
            name="marketplace",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.marketplace"
            ),
        ),
        migrations.AddIndex(
            model_name="refusedpayment",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["last_at"],
                name="payments_refusedpayment_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="refusedpayment",
            constraint=models.UniqueConstraint(
                fields=("marketplace", "origin", "kind", "reference", "transaction_id", "units", "currency"),
                name="payments_refusedpayment_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="refusedpayment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("closed_at__isnull", True),
                    models.Q(("closed_by__isnull", False), models.Q(("explanation", ""), _negated=True)),
                    _connector="OR",
                ),
                name="payments_refusedpayment_explained",
            ),
        ),
    ]
