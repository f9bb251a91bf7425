"""The five roles as groups, from the table in `accounts.roles`."""

from typing import Any

from django.db import migrations

from accounts.roles import ACTS, ROLES


def make_roles(apps: Any, schema_editor: Any) -> None:
    """This will make the groups and the permissions that they hold."""
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="accounts", model="user"
    )
    permissions = {
        act: permission_model.objects.get_or_create(
            content_type=content_type, codename=act, defaults={"name": sentence}
        )[0]
        for act, sentence in ACTS.items()
    }
    for role, acts in ROLES.items():
        group, _ = group_model.objects.get_or_create(name=role)
        group.permissions.set([permissions[act] for act in acts])


def remove_roles(apps: Any, schema_editor: Any) -> None:
    """This will remove the groups; the permissions go with the model."""
    apps.get_model("auth", "Group").objects.filter(name__in=ROLES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_shared_cache"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(make_roles, remove_roles)]
