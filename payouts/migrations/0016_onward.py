"""How far paid money came from the payee's account at a provider to their bank."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payouts", "0015_removed_methods_are_told")]
    operations = [
        migrations.AddField(
            model_name="observation",
            name="onward",
            field=models.CharField(blank=True, max_length=12, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="observation",
            name="onward_message",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="attempt",
            name="onward",
            field=models.CharField(
                blank=True,
                max_length=12,
                default="",
                help_text="How far it came from the payee's account at the provider to their bank, where the provider"
                " says so.",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="attempt",
            name="onward_message",
            field=models.TextField(
                blank=True, default="", help_text="Why it did not reach the bank, as the provider says."
            ),
            preserve_default=False,
        ),
    ]
