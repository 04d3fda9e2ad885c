"""Courses as they are in each year: so far, a course is the same in every year that there is."""

import django.core.validators
import django.db.models.deletion
import simple_history.models
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

CONTENT = (
    'title, credits, hours_cm, hours_td, hours_tp, level, semester, groups_cm, groups_td, groups_tp'
)


class Migration(migrations.Migration):

    dependencies = [
        ('courses', '0004_levels_and_years'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalCourseYear',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('credits', models.PositiveSmallIntegerField(verbose_name='credits')),
                ('hours_cm', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='lecture hours (CM)')),
                ('hours_td', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='tutorial hours (TD)')),
                ('hours_tp', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='laboratory hours (TP)')),
                ('semester', models.PositiveSmallIntegerField(choices=[(1, 'Semester 1'), (2, 'Semester 2')], verbose_name='semester')),
                ('groups_cm', models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='lecture groups (CM)')),
                ('groups_td', models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='tutorial groups (TD)')),
                ('groups_tp', models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='laboratory groups (TP)')),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('academic_year', models.ForeignKey(blank=True, db_column='academic_year', db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='courses.academicyear', to_field='label', verbose_name='academic year')),
                ('course', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='courses.course', verbose_name='course')),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('level', models.ForeignKey(blank=True, db_column='level', db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='courses.level', to_field='code', verbose_name='level')),
            ],
            options={
                'verbose_name': 'historical course of a year',
                'verbose_name_plural': 'historical courses of a year',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='CourseYear',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('credits', models.PositiveSmallIntegerField(verbose_name='credits')),
                ('hours_cm', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='lecture hours (CM)')),
                ('hours_td', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='tutorial hours (TD)')),
                ('hours_tp', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='laboratory hours (TP)')),
                ('semester', models.PositiveSmallIntegerField(choices=[(1, 'Semester 1'), (2, 'Semester 2')], verbose_name='semester')),
                ('groups_cm', models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='lecture groups (CM)')),
                ('groups_td', models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='tutorial groups (TD)')),
                ('groups_tp', models.PositiveSmallIntegerField(db_default=1, default=1, validators=[django.core.validators.MinValueValidator(1)], verbose_name='laboratory groups (TP)')),
                ('academic_year', models.ForeignKey(db_column='academic_year', db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='course_years', to='courses.academicyear', to_field='label', verbose_name='academic year')),
                ('course', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='years', to='courses.course', verbose_name='course')),
                ('level', models.ForeignKey(db_column='level', db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='courses.level', to_field='code', verbose_name='level')),
            ],
            options={
                'verbose_name': 'course of a year',
                'verbose_name_plural': 'courses of a year',
                'ordering': ['-academic_year_id', 'course__code'],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('hours_cm__gte', 0), ('hours_td__gte', 0), ('hours_tp__gte', 0)), name='courses_courseyear_hours_not_negative'),
                    models.CheckConstraint(condition=models.Q(('semester__in', [1, 2])), name='courses_courseyear_semester_known'),
                    models.CheckConstraint(condition=models.Q(('groups_cm__gte', 1), ('groups_td__gte', 1), ('groups_tp__gte', 1)), name='courses_courseyear_groups_positive'),
                    models.UniqueConstraint(fields=('academic_year', 'course'), name='courses_course_once_a_year'),
                ],
            },
        ),
        migrations.RunSQL(
            f"""
            INSERT INTO courses_courseyear ({CONTENT}, course_id, academic_year)
            SELECT {CONTENT}, courses_course.id, courses_academicyear.label
            FROM courses_academicyear CROSS JOIN courses_course
            ORDER BY courses_academicyear.label, courses_course.id
            """,
            migrations.RunSQL.noop,
        ),
    ]
