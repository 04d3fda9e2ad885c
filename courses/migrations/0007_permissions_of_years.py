"""Let administrators change years and levels. The others see them on the pages that they may see."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from attribution_project.role_permissions import ALL, grant


def grant_permissions(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Grant what each role may do."""
    for model in ("academicyear", "level"):
        grant(apps, schema_editor.connection.alias, ("courses", model), {"administrateur": ALL})


class Migration(migrations.Migration):

    dependencies = [
        ('courses', '0006_imports_of_attributions'),
        ('attributions', '0003_roles'),
    ]

    operations = [migrations.RunPython(grant_permissions, migrations.RunPython.noop)]
