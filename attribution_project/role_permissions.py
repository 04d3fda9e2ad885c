"""Give roles their permissions in a migration: Django itself makes permissions only after the last migration."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.migrations.state import StateApps

ALL = ("add", "change", "delete", "view")


def grant(apps: StateApps, alias: str, model: tuple[str, str], roles: Mapping[str, Collection[str]]) -> None:
    """Grant actions on a model.

    Args:
        apps: The models as the migration sees them.
        alias: The database that is migrated.
        model: The application's label and the model's name in lower case.
        roles: Name of the group -> actions, such as "add" and "view". A group that somebody removed stays removed.
    """
    permissions = _permissions(apps, alias, model)
    for group in apps.get_model("auth", "Group")._default_manager.using(alias).filter(name__in=roles):
        group.permissions.add(*(permissions[action] for action in roles[group.name]))


def _permissions(apps: StateApps, alias: str, model: tuple[str, str]) -> dict[str, Any]:
    """Return the permissions of a model by action. Make those that are not there yet."""
    types = apps.get_model("contenttypes", "ContentType")._default_manager.using(alias)
    permissions = apps.get_model("auth", "Permission")._default_manager.using(alias)
    label, name = model
    content_type, _made = types.get_or_create(app_label=label, model=name)
    return {
        action: permissions.get_or_create(
            content_type=content_type, codename=f"{action}_{name}", defaults={"name": f"Can {action} {name}"}
        )[0]
        for action in ALL
    }
