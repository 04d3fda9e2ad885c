from typing import Any
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db import migrations, models

from tests.projects.fields.definitions import FIELDS, KEYS, both, doubled, marked, members


def identity() -> tuple[str, "models.BigAutoField[Any, Any]"]:
    return ("id", models.BigAutoField(primary_key=True, serialize=False))


def make_mood(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("CREATE TYPE mood AS ENUM ('sad', 'très gai', '{\"}', '')")


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunPython(make_mood, migrations.RunPython.noop),
        *(migrations.CreateModel(name, [("value", make())]) for name, make in KEYS.items()),
        *(migrations.CreateModel(name, [identity(), ("value", make())]) for name, make in FIELDS.items()),
        migrations.CreateModel(
            "Doubled", [identity(), ("value", models.IntegerField(null=True)), ("twice", doubled())]
        ),
        migrations.CreateModel(
            "Marked", [identity(), ("value", models.TextField(null=True)), ("marked", marked())]
        ),
        migrations.CreateModel("Both", list(both().items())),
        migrations.CreateModel(
            "Group", [identity(), ("value", models.IntegerField(null=True)), ("members", members())]
        ),
    ]
