"""EXTENSION and INDEX are PostgreSQL's part."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
import os

from django.db import migrations, models


def on_postgresql(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        if "EXTENSION" in os.environ:
            schema_editor.execute(f"CREATE EXTENSION IF NOT EXISTS {os.environ['EXTENSION']}")
        if os.environ["INDEX"]:
            schema_editor.execute(os.environ["INDEX"])


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            name="Document",
            fields=[("id", models.BigAutoField(primary_key=True)), ("embedding", models.TextField())],
        ),
        migrations.RunPython(on_postgresql, migrations.RunPython.noop),
    ]
