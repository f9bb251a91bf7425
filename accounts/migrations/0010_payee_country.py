"""The country in which a payee is paid, as they say: not every service pays everywhere."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_payees_pages")]
    operations = [
        migrations.AddField(
            model_name="payee",
            name="country",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Where they are paid, as they say: ISO 3166-1, two letters.",
                max_length=2,
            ),
            preserve_default=False,
        ),
    ]
