"""Administrators and engineers may make and revoke keys of the marketplace's server."""

from typing import Any

from django.db import migrations

from accounts.roles import ACTS, ROLES

_ACT = "act_keys"


def allow(apps: Any, schema_editor: Any) -> None:
    """This will give the permission to the roles that have it; on a new database they have it already."""
    content_type = apps.get_model("contenttypes", "ContentType").objects.get(
        app_label="accounts", model="user"
    )
    permission, _ = apps.get_model("auth", "Permission").objects.get_or_create(
        content_type=content_type, codename=_ACT, defaults={"name": ACTS[_ACT]}
    )
    roles = [role for role, acts in ROLES.items() if _ACT in acts]
    for group in apps.get_model("auth", "Group").objects.filter(name__in=roles):
        group.permissions.add(permission)


def disallow(apps: Any, schema_editor: Any) -> None:
    """This will take it away."""
    permissions = apps.get_model("auth", "Permission").objects
    permissions.filter(content_type__app_label="accounts", codename=_ACT).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_logins"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(allow, disallow)]
