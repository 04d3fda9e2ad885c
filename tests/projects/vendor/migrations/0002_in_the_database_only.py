"""What no migration state tells: changes of the database alone, and two things that SQLite is left out of."""

from typing import Any
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Model
from django.db.migrations.state import StateApps
import os

from django.db import migrations, models


def refuse(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """As one does that needs rows which are there no more."""
    if "VENDOR_REFUSES" in os.environ:
        raise ValueError("no such row")


def drop(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    model = apps.get_model("vendor", "Content")
    schema_editor.alter_unique_together(model, [("language", "page")], [])


def widen(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    alter(schema_editor, apps.get_model("vendor", "Label"), "code", models.CharField(max_length=30))


def alter(
    schema_editor: BaseDatabaseSchemaEditor, model: type[Model], name: str, field: "models.Field[Any, Any]"
) -> None:
    field.set_attributes_from_name(name)
    field.model = model
    before = model._meta.get_field(name)
    assert isinstance(before, models.Field)
    schema_editor.alter_field(model, before, field)


def on_postgresql(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    model = apps.get_model("vendor", "Content")
    schema_editor.add_constraint(model, models.UniqueConstraint(fields=["slug"], name="vendor_slug"))
    alter(schema_editor, model, "note", models.CharField(max_length=20))


class Migration(migrations.Migration):
    dependencies = [("vendor", "0001_initial")]
    operations = [
        migrations.RunPython(refuse, migrations.RunPython.noop),
        migrations.RunPython(drop, migrations.RunPython.noop),
        migrations.RunPython(widen, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(on_postgresql, migrations.RunPython.noop)],
            state_operations=[
                migrations.AddConstraint("content", models.UniqueConstraint(fields=["slug"], name="vendor_slug"))
            ],
        ),
    ]
