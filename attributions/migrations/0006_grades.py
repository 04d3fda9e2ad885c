"""Grades as rows with their statutory hours, the form of address, and teachers who left. Every grade that there is stays."""

from decimal import Decimal

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from attribution_project.role_permissions import ALL, grant

#: Code, name, feminine name, statutory hours (HETD) of a year.
GRADES = (
    ("PR", "professeur", "professeure", 192),
    ("MCF", "maître de conférences", "maîtresse de conférences", 192),
    ("PRAG", "enseignant du second degré", "enseignante du second degré", 384),
    ("ATER", "attaché temporaire", "attachée temporaire", 192),
    ("CTR", "enseignant contractuel", "enseignante contractuelle", 384),
    ("DOC", "doctorant contractuel", "doctorante contractuelle", 64),
    ("VAC", "vacataire", "", 0),
)


def make_grades(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Make the usual grades, and one for each other text that a teacher has, so that no row has to change."""
    alias = schema_editor.connection.alias
    grades = apps.get_model("attributions", "Grade")._default_manager.using(alias)
    grades.bulk_create(
        grades.model(code=code, name=name, name_feminine=feminine, service_hours=Decimal(hours), position=position)
        for position, (code, name, feminine, hours) in enumerate(GRADES, start=1)
    )
    teachers = apps.get_model("attributions", "Teacher")._default_manager.using(alias)
    others = teachers.exclude(grade__in=[code for code, *_rest in GRADES]).order_by("grade").values_list("grade", flat=True)
    last = len(GRADES) + 1
    grades.bulk_create(grades.model(code=code, name=code or "?", position=last) for code in others.distinct())


def grant_permissions(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let administrators change the grades, and everybody else who sees teachers see them."""
    roles = {"administrateur": ALL, "secretariat": ("view",), "lecteur": ("view",)}
    grant(apps, schema_editor.connection.alias, ("attributions", "grade"), roles)


class Migration(migrations.Migration):

    dependencies = [
        ("attributions", "0005_shares"),
    ]

    operations = [
        migrations.AddField(
            model_name='teacher',
            name='title',
            field=models.CharField(blank=True, choices=[('M.', 'Mr'), ('Mme', 'Ms')], db_default='', default='', max_length=4, verbose_name='form of address'),
        ),
        migrations.AddField(
            model_name='teacher',
            name='active',
            field=models.BooleanField(db_default=True, default=True, help_text='Offered where a teacher is chosen. An inactive one stays in lists and histories.', verbose_name='active'),
        ),
        migrations.AddField(
            model_name='historicalteacher',
            name='title',
            field=models.CharField(blank=True, choices=[('M.', 'Mr'), ('Mme', 'Ms')], db_default='', default='', max_length=4, verbose_name='form of address'),
        ),
        migrations.AddField(
            model_name='historicalteacher',
            name='active',
            field=models.BooleanField(db_default=True, default=True, help_text='Offered where a teacher is chosen. An inactive one stays in lists and histories.', verbose_name='active'),
        ),
        migrations.CreateModel(
            name='Grade',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=10, unique=True, verbose_name='code')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('name_feminine', models.CharField(blank=True, help_text='Empty: the same name.', max_length=100, verbose_name='feminine name')),
                ('service_hours', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='statutory hours (HETD)')),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='Lists follow this order.', verbose_name='position')),
                ('active', models.BooleanField(default=True, help_text='Offered where a grade is chosen.', verbose_name='active')),
            ],
            options={
                'verbose_name': 'grade',
                'verbose_name_plural': 'grades',
                'ordering': ['position', 'code'],
                'constraints': [models.CheckConstraint(condition=models.Q(('service_hours__gte', 0)), name='attributions_grade_hours_not_negative')],
            },
        ),
        migrations.RunPython(make_grades, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='historicalteacher',
            name='grade',
            field=models.ForeignKey(blank=True, db_column='grade', db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='attributions.grade', to_field='code', verbose_name='grade'),
        ),
        migrations.AlterField(
            model_name='teacher',
            name='grade',
            field=models.ForeignKey(db_column='grade', db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='teachers', to='attributions.grade', to_field='code', verbose_name='grade'),
        ),
        migrations.RunPython(grant_permissions, migrations.RunPython.noop),
    ]
