"""When the newest events were read once more, who may write back just now, and two short lists to be found fast."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("flexsync", "0002_partition"),
        ("payouts", "0001_initial"),
    ]
    operations = [
        migrations.AddField(
            model_name="flexcursor",
            name="heard_at",
            field=models.DateTimeField(
                blank=True, help_text="When something new was last stored.", null=True
            ),
        ),
        migrations.AddField(
            model_name="flexcursor",
            name="overlap_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the newest events were last read once more, to the end.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="writeback",
            name="lease_until",
            field=models.DateTimeField(
                blank=True,
                help_text="Until when one worker alone may tell this transaction something.",
                null=True,
            ),
        ),
        # Both are short among millions: what was put aside, and payees whose profile was never read.
        migrations.RunSQL(
            "CREATE INDEX flexsync_source_parked ON payouts_source (parked_at) WHERE parked_at IS NOT NULL;"
            "CREATE INDEX flexsync_payee_unread ON accounts_payee (id) WHERE profile_read_at IS NULL;",
            "DROP INDEX flexsync_source_parked; DROP INDEX flexsync_payee_unread;",
        ),
    ]
