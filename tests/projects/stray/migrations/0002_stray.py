"""Each statement is a mistake that somebody made; which one is made is said by the environment."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
import os
import sys

from importlib import import_module

from django.db import connections, migrations

if "STRAY_IMPORT" in os.environ:
    import_module(os.environ["STRAY_IMPORT"])


def stray(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql" and "STRAY" in os.environ:
        schema_editor.execute(os.environ["STRAY"])
    if "STRAY_ALIAS" in os.environ:
        with connections[os.environ["STRAY_ALIAS"]].cursor() as cursor:
            cursor.execute("SELECT 1")
    if "STRAY_EXIT" in os.environ and schema_editor.connection.vendor == "postgresql":
        sys.exit(int(os.environ["STRAY_EXIT"]))
    if "STRAY_ERROR" in os.environ and schema_editor.connection.vendor == "postgresql":
        raise KeyError("of the project's own")


class Migration(migrations.Migration):
    atomic = "STRAY_NOT_ATOMIC" not in os.environ
    dependencies = [("stray", os.environ.get("STRAY_AFTER", "0001_initial"))]
    operations = [migrations.RunPython(stray, migrations.RunPython.noop)]
