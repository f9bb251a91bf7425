"""Operators and approvers carry files to the bank and bring its statements."""

from typing import Any

from django.db import migrations

ACT = "act_bank_file"
SENTENCE = "Download bank files, confirm their upload, and upload the bank's statements"
ROLES = ("operator", "approver")


def add_permission(apps: Any, schema_editor: Any) -> None:
    """This will give the roles the permission; on a new installation they have it already."""
    content_type = apps.get_model("contenttypes", "ContentType").objects.get(
        app_label="accounts", model="user"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=ACT, defaults={"name": SENTENCE}
    )
    for group in apps.get_model("auth", "Group").objects.filter(name__in=ROLES):
        group.permissions.add(permission)


def remove_permission(apps: Any, schema_editor: Any) -> None:
    """This will take it away again."""
    apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="accounts", codename=ACT
    ).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_payee_country"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
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
                    (ACT, SENTENCE),
                    ("act_resolve", "Resolve an unknown outcome or close an incident, with a second person"),
                    ("act_limits", "Set approvers' limits and thresholds"),
                    ("act_policies", "Change approval policies"),
                    ("act_triggers", "Change triggers, processes and schedules"),
                    ("act_staff", "Manage staff and their roles"),
                    ("act_keys", "Make and revoke keys of the marketplace's server"),
                    ("act_replay", "Replay events and outbox messages"),
                    ("act_webhooks", "Manage webhook subscriptions and what they are sent"),
                )
            },
        ),
        migrations.RunPython(add_permission, remove_permission),
    ]
