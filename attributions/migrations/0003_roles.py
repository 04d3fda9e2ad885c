"""The four groups of the application; whoever could attribute before still can."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

ALL = ("add", "change", "delete", "view")
#: Group -> (application, model) -> what it may do. attribution_project/permissions.py gives the names.
ROLES: dict[str, dict[tuple[str, str], tuple[str, ...]]] = {
    "administrateur": {
        ("courses", "course"): ALL,
        ("attributions", "teacher"): ALL,
        ("attributions", "attribution"): ALL,
        ("auth", "user"): ALL,
    },
    "secretariat": {
        ("courses", "course"): ("add", "change", "view"),
        ("attributions", "teacher"): ("add", "change", "view"),
        ("attributions", "attribution"): ALL,
    },
    "lecteur": {
        ("courses", "course"): ("view",),
        ("attributions", "teacher"): ("view",),
        ("attributions", "attribution"): ("view",),
    },
    "enseignant": {},
}


def make_roles(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make groups and permissions: Django itself makes permissions only after the last migration."""
    alias = schema_editor.connection.alias
    groups = apps.get_model("auth", "Group")._default_manager.using(alias)
    permissions = make_permissions(apps, alias)
    for name, models in ROLES.items():
        group, _made = groups.get_or_create(name=name)
        group.permissions.add(
            *(
                permissions[label, f"{action}_{model}"]
                for (label, model), actions in models.items()
                for action in actions
            )
        )
    secretariat = groups.get(name="secretariat")
    users = apps.get_model("auth", "User")._default_manager.using(alias)
    for user in users.filter(groups=None, is_superuser=False):
        user.groups.add(secretariat)


def make_permissions(apps: StateApps, alias: str) -> dict[tuple[str, str], Any]:
    """Return the permissions by application and codename, as Django names them. Make those that are not there yet."""
    types = apps.get_model("contenttypes", "ContentType")._default_manager.using(alias)
    permissions = apps.get_model("auth", "Permission")._default_manager.using(alias)
    wanted = [
        permissions.model(content_type=content_type, codename=f"{action}_{model}", name=f"Can {action} {model}")
        for label, model in ROLES["administrateur"]
        for content_type in [types.get_or_create(app_label=label, model=model)[0]]
        for action in ALL
    ]
    permissions.bulk_create(wanted, ignore_conflicts=True)
    of_models = permissions.filter(content_type__in={permission.content_type for permission in wanted})
    return {(found.content_type.app_label, found.codename): found for found in of_models.select_related("content_type")}


class Migration(migrations.Migration):
    dependencies = [
        ("attributions", "0002_accounts_and_history"),
        ("courses", "0002_history"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
