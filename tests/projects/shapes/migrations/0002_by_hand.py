"""What no model says: a table without a key, and a serial column."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db import migrations

SERIAL = """
ALTER TABLE shapes_serial ALTER COLUMN id DROP IDENTITY;
CREATE SEQUENCE shapes_serial_id_seq OWNED BY shapes_serial.id;
ALTER TABLE shapes_serial ALTER COLUMN id SET DEFAULT nextval('shapes_serial_id_seq');
ALTER TABLE shapes_serial ALTER COLUMN name TYPE varchar(10) COLLATE "C";
"""


def serial(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(SERIAL)


class Migration(migrations.Migration):
    dependencies = [("shapes", "0001_initial")]
    operations = [
        migrations.RunSQL("CREATE TABLE keyless (a integer NOT NULL, b varchar(10) NOT NULL)", "DROP TABLE keyless"),
        migrations.RunPython(serial, migrations.RunPython.noop),
    ]
