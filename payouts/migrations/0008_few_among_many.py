"""What is rare is found by an index of its own, however many rows there are; one that nobody asks goes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_only_acts_that_are_asked_for"),
        ("payouts", "0007_fewer_indexes"),
    ]
    operations = [
        migrations.AlterField(
            model_name="payout",
            name="number",
            field=models.CharField(max_length=20),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.UniqueConstraint(fields=("number",), name="payouts_payout_number"),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(
                condition=models.Q(("state", "deferred")), fields=["batch"], name="payouts_attempt_deferred"
            ),
        ),
        migrations.AddIndex(
            model_name="outboxmessage",
            index=models.Index(
                condition=models.Q(("dead_at__isnull", False)), fields=["dead_at"], name="payouts_outbox_dead"
            ),
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(
                condition=models.Q(("returned_units__gt", 0)),
                fields=["state"],
                name="payouts_payout_came_back",
            ),
        ),
    ]
