"""What the database itself holds: partitions by month, append-only tables, guarded columns, the reading counter."""

from django.db import migrations

from marketplace_payouts.lib.partitions import PartitionByMonth

FUNCTIONS = """
CREATE FUNCTION payouts_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- Refuses an update of any column that is not named as an argument, and any deletion.
CREATE FUNCTION payouts_guard_columns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION '% is never deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    IF (to_jsonb(NEW) - TG_ARGV) IS DISTINCT FROM (to_jsonb(OLD) - TG_ARGV) THEN
        RAISE EXCEPTION 'The facts of % never change', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- Makes one month's partition; false when it stands already or the default partition holds rows of that month.
CREATE FUNCTION payouts_make_partition(parent text, first date, after date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    child text := parent || to_char(first, '_YYYY_MM');
BEGIN
    IF parent NOT IN ('payouts_payoutevent', 'payouts_observation', 'payouts_stepbody', 'payouts_outboxmessage',
                      'flexsync_flexevent') THEN
        RAISE EXCEPTION '% is not partitioned', parent;
    END IF;
    IF to_regclass(child) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', child, parent, first, after);
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = parent::regclass AND tgname = 'payouts_no_truncate') THEN
        EXECUTE format('CREATE TRIGGER payouts_no_truncate BEFORE TRUNCATE ON %I EXECUTE FUNCTION'
                       ' payouts_refuse_change()', child);
    END IF;
    RETURN true;
EXCEPTION WHEN check_violation THEN
    RETURN false;
END $$;

CREATE SEQUENCE payouts_reading;
"""

DROP_FUNCTIONS = """
DROP SEQUENCE payouts_reading;
DROP FUNCTION payouts_make_partition(text, date, date);
DROP FUNCTION payouts_guard_columns() CASCADE;
DROP FUNCTION payouts_refuse_change() CASCADE;
"""

APPEND_ONLY = ("payouts_payoutevent", "payouts_posting", "payouts_observation")

GUARDED = {
    "payouts_approval": ("revoked_at", "revoked_reason"),
    "payouts_payable": (
        "hold_until",
        "due_at",
        "minimum_units",
        "waits_for",
        "decided",
        "settled",
        "blocked_by",
    ),
    "payouts_payoutmethod": (
        "verified_at",
        "verified_how",
        "verified_by_id",
        "retired_at",
        "retired_reason",
    ),
}


def _no_truncate(table: str) -> str:
    return f"CREATE TRIGGER payouts_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION payouts_refuse_change();"


def _triggers() -> str:
    append_only = [
        f"CREATE TRIGGER payouts_append_only BEFORE UPDATE OR DELETE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION payouts_refuse_change(); {_no_truncate(table)}"
        for table in APPEND_ONLY
    ]
    defaults = [_no_truncate(f"{table}_default") for table in APPEND_ONLY if table != "payouts_posting"]
    guarded = [
        f"CREATE TRIGGER payouts_guarded BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION"
        f" payouts_guard_columns({', '.join(repr(column) for column in columns)}); {_no_truncate(table)}"
        for table, columns in GUARDED.items()
    ]
    return "\n".join([*append_only, *defaults, *guarded])


class Migration(migrations.Migration):
    dependencies = [("payouts", "0001_initial")]
    operations = [
        PartitionByMonth("payouts_payoutevent", "created_at"),
        PartitionByMonth("payouts_observation", "created_at"),
        PartitionByMonth("payouts_stepbody", "created_at"),
        PartitionByMonth("payouts_outboxmessage", "created_at"),
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        migrations.RunSQL(_triggers(), migrations.RunSQL.noop),
    ]
