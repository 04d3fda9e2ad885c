"""The year that a file of courses was imported into. What was imported before is of the current one."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def set_year(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Set the year of the imports of courses that there are."""
    alias = schema_editor.connection.alias
    years = apps.get_model('courses', 'AcademicYear')._default_manager.using(alias)
    imports = apps.get_model('courses', 'FileImport')._default_manager.using(alias)
    current = years.filter(current=True).values_list('label', flat=True).first() or ''
    imports.filter(table='courses.course').update(academic_year=current)


class Migration(migrations.Migration):

    dependencies = [
        ('courses', '0007_permissions_of_years'),
    ]

    operations = [
        migrations.AddField(
            model_name='fileimport',
            name='academic_year',
            field=models.CharField(blank=True, default='', help_text='Empty for what has no year.', max_length=9, verbose_name='academic year'),
        ),
        migrations.RunPython(set_year, migrations.RunPython.noop),
    ]
