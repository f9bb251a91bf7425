"""Two permissions that nothing asked for go: an auditor must not read of an export that there is not."""

from typing import Any

from django.db import migrations


def remove_permissions(apps: Any, schema_editor: Any) -> None:
    """This will remove them from the groups and altogether."""
    permissions = apps.get_model("auth", "Permission").objects
    permissions.filter(
        content_type__app_label="accounts", codename__in=("act_export", "act_operate")
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_shared_state")]
    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": (
                    ("act_view", "Read everything in the admin"),
                    ("act_hold", "Put a hold on a payout, payee, method, provider or currency"),
                    ("act_note", "Write a note"),
                    ("act_request", "Make a request that another person must second"),
                    ("act_refresh", "Ask the provider or Sharetribe again"),
                    ("act_approve", "Approve payouts, within a personal limit"),
                    ("act_release", "Lift holds and release what waits for a person"),
                    ("act_second", "Second a request that another person made"),
                    ("act_cancel", "Cancel a payout from which no money moved"),
                    ("act_retry", "Send a failed payout again"),
                    ("act_resolve", "Resolve an unknown outcome or close an incident, with a second person"),
                    ("act_limits", "Set approvers' limits and thresholds"),
                    ("act_policies", "Change approval policies"),
                    ("act_triggers", "Change triggers, processes and schedules"),
                    ("act_staff", "Manage staff and their roles"),
                    ("act_replay", "Replay events and outbox messages"),
                )
            },
        ),
        migrations.RunPython(remove_permissions, migrations.RunPython.noop),
    ]
