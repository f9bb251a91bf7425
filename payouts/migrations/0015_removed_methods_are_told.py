"""That a payee gave up where they are paid, and named no other place, becomes a message as every other change does."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION payouts_webhook_of_method_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM payouts_webhooksubscription WHERE ended_at IS NULL) THEN
        PERFORM payouts_webhook_capture(
            array_agg('payout_method.changed'::text), array_agg(c.id), array_agg(c.before_id), array_agg(c.at))
        FROM captured c WHERE c.act = 'retired';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER payouts_webhook_capture AFTER INSERT ON payouts_methodchange REFERENCING NEW TABLE AS captured
    FOR EACH STATEMENT EXECUTE FUNCTION payouts_webhook_of_method_changes();
"""

DROP_FUNCTION = "DROP FUNCTION payouts_webhook_of_method_changes() CASCADE;"


class Migration(migrations.Migration):
    dependencies = [("payouts", "0014_notices")]
    operations = [migrations.RunSQL(FUNCTION, DROP_FUNCTION)]
