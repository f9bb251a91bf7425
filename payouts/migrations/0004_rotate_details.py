"""Sealed details may be sealed anew under a newer key; what they say is bound by the fingerprint, which never changes."""

from django.db import migrations

_GUARD = (
    "DROP TRIGGER payouts_guarded ON payouts_payoutmethod;"
    "CREATE TRIGGER payouts_guarded BEFORE UPDATE OR DELETE ON payouts_payoutmethod FOR EACH ROW EXECUTE FUNCTION"
    " payouts_guard_columns({columns});"
)
_BEFORE = "'verified_at', 'verified_how', 'verified_by_id', 'retired_at', 'retired_reason'"


class Migration(migrations.Migration):
    dependencies = [("payouts", "0003_defaults")]
    operations = [
        migrations.RunSQL(_GUARD.format(columns=f"'details', {_BEFORE}"), _GUARD.format(columns=_BEFORE)),
    ]
