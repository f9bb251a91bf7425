"""Indexes that another one covers, or that nothing asks, go: each move of a payout wrote into all of them.

By hand, because Django would drop and check a foreign key anew to be rid of its index.
"""

import django.db.models.deletion
from django.db import migrations, models

GONE = {
    "payouts_attempt_payout_id_7d441c9d": "payouts_attempt (payout_id)",
    "payouts_attempt_method_id_8b0db2ba": "payouts_attempt (method_id)",
    "payouts_observation_attempt_id_bed16154": "payouts_observation (attempt_id)",
    "payouts_payout_marketplace_id_594b0d8a": "payouts_payout (marketplace_id)",
    "payouts_payout_payee_id_500f3032": "payouts_payout (payee_id)",
    "payouts_payoutevent_payout_id_d0b48dee": "payouts_payoutevent (payout_id)",
}


def not_indexed(model, field, related_name, to):
    key = models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to=to
    )
    return migrations.AlterField(model_name=model, name=field, field=key)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_only_acts_that_are_asked_for"),
        ("payouts", "0006_movement_reference"),
    ]
    operations = [
        # The foreign key's own index is the same.
        migrations.RemoveIndex(model_name="attempt", name="payouts_attempt_batch"),
        migrations.RunSQL(
            [f"DROP INDEX {name}" for name in GONE],
            [f"CREATE INDEX {name} ON {columns}" for name, columns in GONE.items()],
            state_operations=[
                not_indexed("attempt", "method", "+", "payouts.payoutmethod"),
                not_indexed("attempt", "payout", "attempts", "payouts.payout"),
                not_indexed("observation", "attempt", "observations", "payouts.attempt"),
                not_indexed("payout", "marketplace", "+", "accounts.marketplace"),
                not_indexed("payout", "payee", "payouts", "accounts.payee"),
                not_indexed("payoutevent", "payout", "events", "payouts.payout"),
            ],
        ),
    ]
