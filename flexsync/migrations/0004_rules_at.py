"""Up to which change of the triggers the transactions heard before have been looked at again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("flexsync", "0003_overlap_and_leases")]
    operations = [
        migrations.AddField(
            model_name="flexcursor",
            name="rules_at",
            field=models.DateTimeField(
                blank=True,
                help_text="Triggers changed up to then have been applied to what was heard before.",
                null=True,
            ),
        ),
    ]
