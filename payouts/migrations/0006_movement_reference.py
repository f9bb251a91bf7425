"""What the payee's own list calls a movement, so that people can find a payout by the id that the payee reads out."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payouts", "0005_staff_acts")]
    operations = [
        migrations.AddField(
            model_name="observation",
            name="movement_reference",
            field=models.CharField(blank=True, max_length=120, default=""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="attempt",
            name="movement_reference",
            field=models.CharField(
                blank=True,
                max_length=120,
                default="",
                help_text="What the payee's own list calls the movement of money.",
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                fields=["movement_reference"],
                name="payouts_attempt_movement",
                condition=~models.Q(movement_reference=""),
            ),
        ),
    ]
