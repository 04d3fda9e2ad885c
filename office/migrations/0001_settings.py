"""The settings of the office, which administrators may change."""

import office.models
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from attribution_project.role_permissions import grant


def grant_permissions(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let administrators change the settings."""
    alias = schema_editor.connection.alias
    grant(apps, alias, ("office", "officesettings"), {"administrateur": ("change", "view")})


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ("attributions", "0003_roles"),
    ]

    operations = [
        migrations.CreateModel(
            name='OfficeSettings',
            fields=[
                ('id', models.PositiveSmallIntegerField(editable=False, primary_key=True, serialize=False)),
                ('institution', models.CharField(blank=True, help_text='At the head of each letter.', max_length=200, verbose_name='institution')),
                ('place', models.CharField(blank=True, help_text='The town that letters are dated from.', max_length=100, verbose_name='place')),
                ('signatory', models.CharField(blank=True, help_text='The name below the letter.', max_length=200, verbose_name='signatory')),
                ('signatory_title', models.CharField(blank=True, help_text='Such as: The dean.', max_length=200, verbose_name='title of the signatory')),
                ('reference', models.CharField(blank=True, help_text='Such as SCOL/{year}/{matricule}: each letter has its own year and matricule there.', max_length=100, validators=[office.models.validate_reference], verbose_name='reference')),
                ('tp_weight', models.CharField(choices=[('1', '1 (as an hour of TD)'), ('2/3', '2/3')], default='1', help_text='In statutory hours (HETD); one hour of CM counts as 1.5, one of TD as 1.', max_length=3, verbose_name='one hour of TP counts as')),
                ('may_exceed_hours', models.BooleanField(default=False, help_text='After a confirmation. Otherwise they are refused.', verbose_name='more hours than a course has may be attributed')),
            ],
            options={
                'verbose_name': 'settings of the office',
                'verbose_name_plural': 'settings of the office',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='office_officesettings_one_row')],
            },
        ),
        migrations.RunPython(grant_permissions, migrations.RunPython.noop),
    ]
