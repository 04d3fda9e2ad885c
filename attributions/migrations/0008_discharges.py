"""Discharges: statutory hours that a teacher does not owe in one year."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from attribution_project.role_permissions import ALL, grant


def grant_permissions(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let the office add and remove discharges, and readers see them."""
    roles = {"administrateur": ALL, "secretariat": ALL, "lecteur": ("view",)}
    grant(apps, schema_editor.connection.alias, ("attributions", "discharge"), roles)


class Migration(migrations.Migration):

    dependencies = [
        ('attributions', '0007_academic_year_from_list'),
        ('courses', '0005_course_years'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalDischarge',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('hours', models.DecimalField(decimal_places=2, max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0.01'), 'Hours are more than 0.')], verbose_name='hours (HETD)')),
                ('reason', models.CharField(max_length=200, verbose_name='reason')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('academic_year', models.ForeignKey(blank=True, db_column='academic_year', db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='courses.academicyear', to_field='label', verbose_name='academic year')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('teacher', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='attributions.teacher', verbose_name='teacher')),
            ],
            options={
                'verbose_name': 'historical discharge',
                'verbose_name_plural': 'historical discharges',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Discharge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hours', models.DecimalField(decimal_places=2, max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0.01'), 'Hours are more than 0.')], verbose_name='hours (HETD)')),
                ('reason', models.CharField(max_length=200, verbose_name='reason')),
                ('academic_year', models.ForeignKey(db_column='academic_year', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='courses.academicyear', to_field='label', verbose_name='academic year')),
                ('teacher', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='discharges', to='attributions.teacher', verbose_name='teacher')),
            ],
            options={
                'verbose_name': 'discharge',
                'verbose_name_plural': 'discharges',
                'ordering': ['-academic_year_id', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('hours__gt', 0)), name='attributions_discharge_hours_positive')],
            },
        ),
        migrations.RunPython(grant_permissions, migrations.RunPython.noop),
    ]
