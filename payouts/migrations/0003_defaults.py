"""Schedules to choose from, and Sharetribe's default processes with their triggers, all switched off.

In the four default processes the due transition runs Sharetribe's own Stripe payout: with a trigger switched on
the seller would be paid twice. Transitions as published in sharetribe/example-processes, read 2026-11.
"""

from typing import Any

from django.db import migrations

SCHEDULES = (
    {"name": "At once", "kind": "at_once"},
    {"name": "Daily at 9", "kind": "daily", "hour": 9},
    {"name": "Mondays at 9", "kind": "weekly", "weekday": 0, "hour": 9},
    {"name": "First of the month at 9", "kind": "monthly", "day_of_month": 1, "hour": 9},
)

# process -> (runs Stripe actions, transitions at which the seller is due, transitions after which nothing is owed)
PROCESSES: dict[str, tuple[bool, list[str], list[str]]] = {
    "default-purchase": (
        True,
        [
            "mark-received-from-purchased",
            "mark-received",
            "auto-mark-received",
            "mark-received-from-disputed",
        ],
        ["cancel", "auto-cancel", "cancel-from-disputed", "auto-cancel-from-disputed", "expire-payment"],
    ),
    "default-booking": (
        True,
        ["complete", "operator-complete"],
        ["cancel", "decline", "operator-decline", "expire", "expire-payment"],
    ),
    "default-download": (
        True,
        ["auto-complete", "operator-complete", "operator-complete-from-reported"],
        ["operator-cancel", "auto-cancel", "expire-payment"],
    ),
    "default-negotiation": (
        True,
        ["accept-deliverable", "operator-accept-deliverable", "auto-accept-deliverable"],
        ["operator-cancel", "auto-cancel", "expire-payment"],
    ),
    "payout-process": (
        False,
        ["mark-received", "auto-mark-received", "mark-received-from-disputed"],
        [
            "cancel",
            "cancel-from-disputed",
            "expire-payment",
            "operator-refund",
            "operator-refund-after-payout",
        ],
    ),
}


def _full(transitions: list[str]) -> list[str]:
    return [f"transition/{name}" for name in transitions]


def make_defaults(apps: Any, schema_editor: Any) -> None:
    """This will make the schedules, processes and triggers."""
    schedule_model = apps.get_model("payouts", "Schedule")
    process_model = apps.get_model("payouts", "Process")
    trigger_model = apps.get_model("payouts", "Trigger")
    schedules = [schedule_model.objects.create(**values) for values in SCHEDULES]
    for name, (uses_stripe, due, cancel) in PROCESSES.items():
        process = process_model.objects.create(
            name=name, uses_stripe=uses_stripe, cancel_transitions=_full(cancel)
        )
        for transition in _full(due):
            trigger_model.objects.create(
                process=process,
                transition=transition,
                schedule=schedules[0],
                requires_payment=not uses_stripe,
                payment_transitions=[] if uses_stripe else ["transition/operator-confirm-payment"],
            )


class Migration(migrations.Migration):
    dependencies = [("payouts", "0002_append_only")]
    operations = [migrations.RunPython(make_defaults, migrations.RunPython.noop)]
