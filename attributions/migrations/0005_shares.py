"""Shares: a part of a course may have several teachers, each with a role, a group, dates and hours."""

import datetime
import django.core.validators
import django.db.models.functions.comparison
from django.db import migrations, models

from attribution_project.added_columns import AddColumn


class Migration(migrations.Migration):

    dependencies = [
        ('attributions', '0004_remark_for_the_teacher'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='attribution',
            name='attributions_one_holder_per_part',
        ),
        AddColumn(
            model_name='attribution',
            name='role',
            field=models.CharField(choices=[('HOLDER', 'holder'), ('CO', 'co-holder'), ('SUBSTITUTE', 'substitute')], db_default='HOLDER', default='HOLDER', max_length=10, verbose_name='role'),
        ),
        AddColumn(
            model_name='attribution',
            name='group',
            field=models.PositiveSmallIntegerField(blank=True, db_default=0, default=0, help_text='The number of the group, such as 2 for TD group 2. 0: no group in particular.', validators=[django.core.validators.MaxValueValidator(99)], verbose_name='group'),
        ),
        migrations.AddField(
            model_name='attribution',
            name='starts_on',
            field=models.DateField(blank=True, help_text='Empty: from the beginning.', null=True, verbose_name='from'),
        ),
        migrations.AddField(
            model_name='attribution',
            name='ends_on',
            field=models.DateField(blank=True, help_text='Empty: to the end.', null=True, verbose_name='to'),
        ),
        AddColumn(
            model_name='historicalattribution',
            name='role',
            field=models.CharField(choices=[('HOLDER', 'holder'), ('CO', 'co-holder'), ('SUBSTITUTE', 'substitute')], db_default='HOLDER', default='HOLDER', max_length=10, verbose_name='role'),
        ),
        AddColumn(
            model_name='historicalattribution',
            name='group',
            field=models.PositiveSmallIntegerField(blank=True, db_default=0, default=0, help_text='The number of the group, such as 2 for TD group 2. 0: no group in particular.', validators=[django.core.validators.MaxValueValidator(99)], verbose_name='group'),
        ),
        migrations.AddField(
            model_name='historicalattribution',
            name='starts_on',
            field=models.DateField(blank=True, help_text='Empty: from the beginning.', null=True, verbose_name='from'),
        ),
        migrations.AddField(
            model_name='historicalattribution',
            name='ends_on',
            field=models.DateField(blank=True, help_text='Empty: to the end.', null=True, verbose_name='to'),
        ),
        migrations.AddConstraint(
            model_name='attribution',
            constraint=models.UniqueConstraint(models.F('course'), models.F('academic_year'), models.F('component'), models.F('teacher'), models.F('group'), django.db.models.functions.comparison.Coalesce('starts_on', models.Value(datetime.date(1, 1, 1))), django.db.models.functions.comparison.Coalesce('ends_on', models.Value(datetime.date(9999, 12, 31))), name='attributions_no_share_twice'),
        ),
        migrations.AddConstraint(
            model_name='attribution',
            constraint=models.CheckConstraint(condition=models.Q(('ends_on__gte', models.F('starts_on'))), name='attributions_ends_after_it_starts'),
        ),
    ]
