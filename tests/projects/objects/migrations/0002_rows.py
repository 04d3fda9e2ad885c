"""Rows made by migrations that do not say which database they mean, and by one that does."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db import connection, migrations, transaction


def careless(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    category = apps.get_model("objects", "Category")
    category.objects.create(name="forgot using")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO objects_category (name) VALUES ('default connection')")


def careful(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    category = apps.get_model("objects", "Category")
    category.objects.using(schema_editor.connection.alias).create(name="alias")


class Migration(migrations.Migration):
    dependencies = [("objects", "0001_initial")]
    operations = [
        migrations.RunPython(careless, migrations.RunPython.noop),
        migrations.RunPython(careful, migrations.RunPython.noop),
    ]
