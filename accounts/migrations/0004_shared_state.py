"""The small tables through which processes share rates and short-lived secrets."""

from django.db import migrations

from marketplace_payouts.lib.shared_state import CREATE_SQL, DROP_SQL


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_roles")]
    operations = [migrations.RunSQL(CREATE_SQL, DROP_SQL)]
