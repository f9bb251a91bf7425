"""What happens becomes a message for each subscription that hears of it, in the very statement that writes it down.

The triggers cost one look at a table of a few rows where nobody subscribes, and otherwise one INSERT for a set. No part
of the product can forget to tell of something, and none can tell of what is rolled back.
"""

from django.db import migrations

FUNCTIONS = """
-- The id of a message: the same however often the same news is captured for the same subscription.
CREATE FUNCTION payouts_webhook_id(subscription uuid, news text, source uuid, subject uuid) RETURNS uuid
LANGUAGE sql STABLE AS $$
    SELECT substr(encode(sha256(convert_to(
        concat_ws('/', subscription, news, source, subject), 'UTF8')), 'hex'), 1, 32)::uuid
$$;

-- Makes the messages of a set of news; what is captured already stays as it is.
CREATE FUNCTION payouts_webhook_capture(news text[], sources uuid[], subjects uuid[], moments timestamptz[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO payouts_webhookmessage
        (id, subscription_id, type, source, subject, happened_at, body, tries, next_at, error)
    SELECT payouts_webhook_id(s.id, n.type, n.source, n.subject), s.id, n.type, n.source, n.subject, n.at, '', 0,
           n.at, ''
    FROM unnest(news, sources, subjects, moments) AS n(type, source, subject, at)
    JOIN payouts_webhooksubscription s ON s.ended_at IS NULL AND s.types ? n.type
    ON CONFLICT (id) DO NOTHING;
END $$;

CREATE FUNCTION payouts_webhook_of_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM payouts_webhooksubscription WHERE ended_at IS NULL) THEN
        PERFORM payouts_webhook_capture(
            array_agg(e.news::text), array_agg(e.id), array_agg(e.payout_id), array_agg(e.created_at))
        FROM captured e WHERE e.news <> '';
    END IF;
    RETURN NULL;
END $$;

-- The rest of a rounding is moved from one payout to the next; nothing more is owed by it.
CREATE FUNCTION payouts_webhook_of_payables() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM payouts_webhooksubscription WHERE ended_at IS NULL) THEN
        PERFORM payouts_webhook_capture(
            array_agg('payable.owed'::text), array_agg(b.id), array_agg(b.id), array_agg(b.created_at))
        FROM captured b WHERE b.purpose <> 'carry';
    END IF;
    RETURN NULL;
END $$;

-- A hold on a payee or a method holds each of their payouts that would be sent. Of the holds on a provider, a currency
-- or everything nobody is told: they say nothing about one payout, and may cover all there are.
CREATE FUNCTION payouts_webhook_of_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM payouts_webhooksubscription WHERE ended_at IS NULL) THEN
        PERFORM payouts_webhook_capture(
            array_agg('payout.held'::text), array_agg(h.id), array_agg(h.payout), array_agg(h.set_at))
        FROM (
            SELECT c.id, p.id AS payout, c.set_at FROM captured c JOIN payouts_payout p ON p.id = c.payout_id
            WHERE p.state NOT IN ('paid', 'returned', 'cancelled')
            UNION ALL
            SELECT c.id, p.id, c.set_at FROM captured c JOIN payouts_payout p ON p.payee_id = c.payee_id
            WHERE p.state IN ('pending', 'awaiting_approval', 'approved', 'failed')
            UNION ALL
            SELECT c.id, p.id, c.set_at FROM captured c JOIN payouts_payout p ON p.method_id = c.method_id
            WHERE p.state IN ('pending', 'awaiting_approval', 'approved', 'failed')) h;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION payouts_webhook_of_methods() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM payouts_webhooksubscription WHERE ended_at IS NULL) THEN
        PERFORM payouts_webhook_capture(
            array_agg('payout_method.changed'::text), array_agg(m.id), array_agg(m.id), array_agg(m.created_at))
        FROM captured m;
    END IF;
    RETURN NULL;
END $$;
"""

DROP_FUNCTIONS = """
DROP FUNCTION payouts_webhook_of_methods() CASCADE;
DROP FUNCTION payouts_webhook_of_holds() CASCADE;
DROP FUNCTION payouts_webhook_of_payables() CASCADE;
DROP FUNCTION payouts_webhook_of_events() CASCADE;
DROP FUNCTION payouts_webhook_capture(text[], uuid[], uuid[], timestamptz[]);
DROP FUNCTION payouts_webhook_id(uuid, text, uuid, uuid);
"""

CAPTURED = {
    "payouts_payoutevent": "payouts_webhook_of_events",
    "payouts_payable": "payouts_webhook_of_payables",
    "payouts_hold": "payouts_webhook_of_holds",
    "payouts_payoutmethod": "payouts_webhook_of_methods",
}
TRIGGERS = "\n".join(
    f"CREATE TRIGGER payouts_webhook_capture AFTER INSERT ON {table} REFERENCING NEW TABLE AS captured"
    f" FOR EACH STATEMENT EXECUTE FUNCTION {function}();"
    for table, function in CAPTURED.items()
)

APPEND_ONLY = """
CREATE TRIGGER payouts_append_only BEFORE UPDATE OR DELETE ON payouts_webhooksubscriptionchange
    FOR EACH ROW EXECUTE FUNCTION payouts_refuse_change();
CREATE TRIGGER payouts_no_truncate BEFORE TRUNCATE ON payouts_webhooksubscriptionchange
    EXECUTE FUNCTION payouts_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("payouts", "0009_webhook_subscriptions")]
    operations = [
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        # They go with their functions.
        migrations.RunSQL(TRIGGERS, migrations.RunSQL.noop),
        # These go with their table.
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
