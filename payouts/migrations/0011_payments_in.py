"""Payments in: what a lost payment takes from a sale, how a process hears of a payment, and facts that never change."""

from typing import Any

from django.db import migrations, models

# The process that ships in examples/process waits for this transition once its buyer has paid.
MOVES = {"payout-process": {"succeeded": "transition/operator-confirm-payment"}}

# Only when a word is counted is ever written later; what staff found out about a refused one, too.
GUARD = """
CREATE TRIGGER payouts_guarded BEFORE UPDATE OR DELETE ON payments_paymentin FOR EACH ROW
    EXECUTE FUNCTION payouts_guard_columns('next_at');
CREATE TRIGGER payouts_no_truncate BEFORE TRUNCATE ON payments_paymentin EXECUTE FUNCTION payouts_refuse_change();
CREATE TRIGGER payouts_guarded BEFORE UPDATE OR DELETE ON payments_refusedpayment FOR EACH ROW
    EXECUTE FUNCTION payouts_guard_columns('reason', 'times', 'last_at', 'closed_at', 'closed_by_id', 'explanation');
CREATE TRIGGER payouts_no_truncate BEFORE TRUNCATE ON payments_refusedpayment
    EXECUTE FUNCTION payouts_refuse_change();
"""
UNGUARD = """
DROP TRIGGER payouts_guarded ON payments_paymentin;
DROP TRIGGER payouts_no_truncate ON payments_paymentin;
DROP TRIGGER payouts_guarded ON payments_refusedpayment;
DROP TRIGGER payouts_no_truncate ON payments_refusedpayment;
"""


def set_moves(apps: Any, schema_editor: Any) -> None:
    """This will have the process that ships with us hear of payments."""
    process_model = apps.get_model("payouts", "Process")
    for name, moves in MOVES.items():
        process_model.objects.filter(name=name).update(payment_moves=moves)


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0003_words_of_every_origin"),
        ("payouts", "0010_webhook_capture"),
    ]
    operations = [
        migrations.AddField(
            model_name="process",
            name="payment_moves",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text='Operator transition by what became of the buyer\'s payment: {"succeeded": "transition/…"}.',
            ),
        ),
        migrations.AlterField(
            model_name="payable",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("sale", "Sale"),
                    ("change", "Changed or refunded sale"),
                    ("loss", "Buyer's money gone back"),
                    ("bonus", "Bonus"),
                    ("correction", "Correction"),
                    ("deduction", "Deduction"),
                    ("returned", "Returned payout, owed again"),
                    ("carry", "Carried rest"),
                ],
                max_length=12,
            ),
        ),
        migrations.RunSQL(GUARD, UNGUARD),
        migrations.RunPython(set_moves, migrations.RunPython.noop),
    ]
