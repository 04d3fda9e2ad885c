"""The first tables."""

import django.core.validators
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Course',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=20, unique=True, validators=[django.core.validators.RegexValidator('^[A-Z]{2,5}[0-9]{3,4}[A-Z]?\\Z', 'A code is 2 to 5 capitals and 3 or 4 digits, such as AGV211.')], verbose_name='code')),
                ('title', models.CharField(max_length=200, verbose_name='title')),
                ('credits', models.PositiveSmallIntegerField(verbose_name='credits')),
                ('hours_cm', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='lecture hours (CM)')),
                ('hours_td', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='tutorial hours (TD)')),
                ('hours_tp', models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='laboratory hours (TP)')),
                ('level', models.CharField(choices=[('L1', 'L1'), ('L2', 'L2'), ('L3', 'L3'), ('M1', 'M1'), ('M2', 'M2')], max_length=2, verbose_name='level')),
                ('semester', models.PositiveSmallIntegerField(choices=[(1, 'Semester 1'), (2, 'Semester 2')], verbose_name='semester')),
                ('department', models.CharField(db_index=True, max_length=100, verbose_name='department')),
            ],
            options={
                'verbose_name': 'course',
                'verbose_name_plural': 'courses',
                'ordering': ['code'],
                'constraints': [models.CheckConstraint(condition=models.Q(('hours_cm__gte', 0), ('hours_td__gte', 0), ('hours_tp__gte', 0)), name='courses_course_hours_not_negative'), models.CheckConstraint(condition=models.Q(('semester__in', [1, 2])), name='courses_course_semester_known')],
            },
        ),
    ]
