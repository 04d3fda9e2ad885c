"""Levels and academic years as tables: every level and year that rows have, the usual levels, and the current year."""

import datetime

import courses.models
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.utils import timezone

LEVELS = ('L1', 'L2', 'L3', 'M1', 'M2', 'BUT1', 'BUT2', 'BUT3', 'DU', 'D1', 'D2', 'D3')


def add_levels(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Add the usual levels, and after them those that only the rows have."""
    alias = schema_editor.connection.alias
    level, course = apps.get_model('courses', 'Level'), apps.get_model('courses', 'Course')
    held = course._default_manager.using(alias).order_by().values_list('level', flat=True).distinct()
    codes = [*LEVELS, *sorted(set(held) - set(LEVELS))]
    level._default_manager.using(alias).bulk_create(
        level(code=code, position=number) for number, code in enumerate(codes, start=1)
    )


def add_years(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Add every year that attributions have, and the one that is prepared today. Those that have ended are closed."""
    alias = schema_editor.connection.alias
    year, attribution = apps.get_model('courses', 'AcademicYear'), apps.get_model('attributions', 'Attribution')
    held = attribution._default_manager.using(alias).order_by().values_list('academic_year', flat=True).distinct()
    today = timezone.localdate()
    first = today.year if today.month >= 7 else today.year - 1
    current = f'{first}-{first + 1}'
    year._default_manager.using(alias).bulk_create(
        year(label=label, open=datetime.date(int(label[5:]), 9, 1) > today, current=label == current)
        for label in sorted({*held, current})
    )


class Migration(migrations.Migration):

    dependencies = [
        ('courses', '0003_file_imports'),
        ('attributions', '0004_remark_for_the_teacher'),
    ]

    operations = [
        migrations.CreateModel(
            name='Level',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=10, unique=True, verbose_name='code')),
                ('name', models.CharField(blank=True, help_text='Where the code alone says too little.', max_length=100, verbose_name='name')),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='Lists follow this order.', verbose_name='position')),
                ('active', models.BooleanField(default=True, help_text='Offered where a level is chosen.', verbose_name='active')),
            ],
            options={
                'verbose_name': 'level',
                'verbose_name_plural': 'levels',
                'ordering': ['position', 'code'],
            },
        ),
        migrations.CreateModel(
            name='AcademicYear',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.CharField(help_text='2026-2027', max_length=9, unique=True, validators=[courses.models.validate_academic_year], verbose_name='academic year')),
                ('open', models.BooleanField(default=True, help_text='Only an open year can be written to.', verbose_name='open')),
                ('current', models.BooleanField(default=False, help_text='The year that pages open on.', verbose_name='current')),
            ],
            options={
                'verbose_name': 'academic year',
                'verbose_name_plural': 'academic years',
                'ordering': ['-label'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('current', True)), fields=('current',), name='courses_one_current_year'), models.CheckConstraint(condition=models.Case(models.When(label__regex='^[0-9]{4}-[0-9]{4}$', then=django.db.models.lookups.Exact(django.db.models.functions.comparison.Cast(django.db.models.functions.text.Substr('label', 6, 4), models.IntegerField()), django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast(django.db.models.functions.text.Substr('label', 1, 4), models.IntegerField()), '+', models.Value(1)))), default=models.Value(False), output_field=models.BooleanField()), name='courses_years_in_a_row')],
            },
        ),
        migrations.AddField(
            model_name='course',
            name='active',
            field=models.BooleanField(db_default=True, default=True, help_text='Offered where a course is chosen.', verbose_name='active'),
        ),
        migrations.AddField(
            model_name='course',
            name='groups_cm',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='lecture groups (CM)'),
        ),
        migrations.AddField(
            model_name='course',
            name='groups_td',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='tutorial groups (TD)'),
        ),
        migrations.AddField(
            model_name='course',
            name='groups_tp',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='laboratory groups (TP)'),
        ),
        migrations.AddField(
            model_name='historicalcourse',
            name='active',
            field=models.BooleanField(db_default=True, default=True, help_text='Offered where a course is chosen.', verbose_name='active'),
        ),
        migrations.AddField(
            model_name='historicalcourse',
            name='groups_cm',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='lecture groups (CM)'),
        ),
        migrations.AddField(
            model_name='historicalcourse',
            name='groups_td',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='tutorial groups (TD)'),
        ),
        migrations.AddField(
            model_name='historicalcourse',
            name='groups_tp',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='laboratory groups (TP)'),
        ),
        migrations.RunPython(add_levels, migrations.RunPython.noop),
        migrations.RunPython(add_years, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='course',
            name='code',
            field=models.CharField(max_length=30, unique=True, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9]+([ ./-]+[A-Za-z0-9]+)*\\Z', 'A code is made of letters, digits, and - . / or a space inside, such as AGV211.')], verbose_name='code'),
        ),
        migrations.AlterField(
            model_name='historicalcourse',
            name='code',
            field=models.CharField(db_index=True, max_length=30, validators=[django.core.validators.RegexValidator('^[A-Za-z0-9]+([ ./-]+[A-Za-z0-9]+)*\\Z', 'A code is made of letters, digits, and - . / or a space inside, such as AGV211.')], verbose_name='code'),
        ),
        migrations.AlterField(
            model_name='course',
            name='level',
            field=models.ForeignKey(db_column='level', db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='courses.level', to_field='code', verbose_name='level'),
        ),
        migrations.AlterField(
            model_name='historicalcourse',
            name='level',
            field=models.ForeignKey(blank=True, db_column='level', db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='courses.level', to_field='code', verbose_name='level'),
        ),
        migrations.AddConstraint(
            model_name='course',
            constraint=models.CheckConstraint(condition=models.Q(('groups_cm__gte', 1), ('groups_td__gte', 1), ('groups_tp__gte', 1)), name='courses_course_groups_positive'),
        ),
    ]
