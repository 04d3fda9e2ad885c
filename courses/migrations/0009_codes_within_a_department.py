"""A code is unique within a department always, and in the whole institution for courses that say so: all, so far."""

import django.core.validators
from django.core.management import CommandError
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Count
from django.utils.translation import gettext as _


def refuse_namesakes(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Go back only where every code occurs once: name the others."""
    courses = apps.get_model('courses', 'Course')._default_manager.using(schema_editor.connection.alias)
    twice = courses.order_by('code').values('code').annotate(n=Count('pk')).filter(n__gt=1)
    codes = list(twice.values_list('code', flat=True)[:20])
    if codes:
        told = _("Codes that several departments have: %(codes)s. Change them, then migrate back again.")
        raise CommandError(told % {'codes': ', '.join(codes)})


class Migration(migrations.Migration):

    dependencies = [
        ('courses', '0008_import_of_a_year'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='course',
            options={'ordering': ['code', 'department'], 'verbose_name': 'course', 'verbose_name_plural': 'courses'},
        ),
        migrations.AddField(
            model_name='course',
            name='code_unique',
            field=models.BooleanField(db_default=True, default=True, editable=False),
        ),
        migrations.AlterField(
            model_name='course',
            name='code',
            field=models.CharField(max_length=30, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9]+([ ./-]+[A-Za-z0-9]+)*\\Z', 'A code is made of letters, digits, and - . / or a space inside, such as AGV211.')], verbose_name='code'),
        ),
        migrations.AlterField(
            model_name='historicalcourse',
            name='code',
            field=models.CharField(max_length=30, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9]+([ ./-]+[A-Za-z0-9]+)*\\Z', 'A code is made of letters, digits, and - . / or a space inside, such as AGV211.')], verbose_name='code'),
        ),
        migrations.AddConstraint(
            model_name='course',
            constraint=models.UniqueConstraint(fields=('code', 'department'), name='courses_code_once_in_a_department'),
        ),
        migrations.AddConstraint(
            model_name='course',
            constraint=models.UniqueConstraint(condition=models.Q(('code_unique', True)), fields=('code',), name='courses_code_once'),
        ),
        migrations.RunPython(migrations.RunPython.noop, refuse_namesakes),
    ]
