"""What SQLite knows nothing of."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db import migrations


def make(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE judged_thing ADD CONSTRAINT digest CHECK (md5(title) <> md5('bad'))")
        schema_editor.execute("CREATE UNIQUE INDEX one_slug ON judged_thing (md5(slug)) WHERE n = 51")


class Migration(migrations.Migration):
    dependencies = [("judged", "0001_initial")]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
