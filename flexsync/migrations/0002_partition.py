"""Events are partitioned by the month in which Sharetribe made them."""

from django.db import migrations

from marketplace_payouts.lib.partitions import PartitionByMonth


class Migration(migrations.Migration):
    dependencies = [("flexsync", "0001_initial"), ("payouts", "0002_append_only")]
    operations = [
        PartitionByMonth("flexsync_flexevent", "created_at"),
        migrations.RunSQL(
            "CREATE TRIGGER payouts_append_only BEFORE UPDATE OR DELETE ON flexsync_flexevent"
            " FOR EACH ROW EXECUTE FUNCTION payouts_refuse_change();"
            "CREATE TRIGGER payouts_no_truncate BEFORE TRUNCATE ON flexsync_flexevent"
            " EXECUTE FUNCTION payouts_refuse_change();"
            "CREATE TRIGGER payouts_no_truncate BEFORE TRUNCATE ON flexsync_flexevent_default"
            " EXECUTE FUNCTION payouts_refuse_change();",
            migrations.RunSQL.noop,
        ),
    ]
