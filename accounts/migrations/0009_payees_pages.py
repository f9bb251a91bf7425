"""Payees log in to pages of their own, by a code if they like, and say in which language they are written to."""

import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_webhooks")]
    operations = [
        migrations.AddField(
            model_name="payee",
            name="language",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="In which they are written to; empty: they have not said yet.",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="apisession",
            name="door",
            field=models.CharField(
                choices=[("api", "the API"), ("pages", "the payees' own pages")],
                db_default="api",
                default="api",
                max_length=5,
            ),
        ),
        migrations.AlterField(
            model_name="apisession",
            name="login",
            field=models.CharField(
                choices=[
                    ("account", "an account of ours"),
                    ("sharetribe", "a Sharetribe log-in"),
                    ("server", "the word of the marketplace's server"),
                    ("code", "a code that was mailed to the address at Sharetribe"),
                ],
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="EntryCode",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("address", models.EmailField(help_text="In lower case; kept for a day.", max_length=254)),
                (
                    "flex_user_id",
                    models.UUIDField(
                        blank=True,
                        help_text="Whose verified address at Sharetribe it is; empty: nobody's, and nothing was mailed.",
                        null=True,
                    ),
                ),
                (
                    "digest",
                    models.CharField(
                        blank=True, help_text="Of the code, keyed; empty: none was mailed.", max_length=64
                    ),
                ),
                ("language", models.CharField(help_text="In which it was asked for.", max_length=10)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("asked_at", models.DateTimeField(db_index=True)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": (
                    models.CheckConstraint(condition=models.Q(tries__lte=5), name="accounts_entrycode_tries"),
                    models.CheckConstraint(
                        condition=models.Q(digest="") | models.Q(flex_user_id__isnull=False),
                        name="accounts_entrycode_known",
                    ),
                )
            },
        ),
    ]
