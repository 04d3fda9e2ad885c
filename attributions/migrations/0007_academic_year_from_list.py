"""The academic year of an attribution is one of the list. The list holds the rule for its years."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('attributions', '0006_grades'),
        ('courses', '0005_course_years'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='attribution',
            options={'ordering': ['-academic_year_id', '-id'], 'verbose_name': 'attribution', 'verbose_name_plural': 'attributions'},
        ),
        migrations.RemoveConstraint(
            model_name='attribution',
            name='attributions_years_in_a_row',
        ),
        migrations.AlterField(
            model_name='attribution',
            name='academic_year',
            field=models.ForeignKey(db_column='academic_year', db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='attributions', to='courses.academicyear', to_field='label', verbose_name='academic year'),
        ),
        migrations.AlterField(
            model_name='historicalattribution',
            name='academic_year',
            field=models.ForeignKey(blank=True, db_column='academic_year', db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='courses.academicyear', to_field='label', verbose_name='academic year'),
        ),
        # It has no column. SQLite's schema editor cannot remove such a field on the way back.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name='attribution',
                    name='course_year',
                    field=models.ForeignObject(editable=False, from_fields=['course', 'academic_year'], null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='attributions', serialize=False, to='courses.courseyear', to_fields=['course', 'academic_year']),
                ),
            ],
        ),
    ]
