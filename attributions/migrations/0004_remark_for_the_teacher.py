"""Two remarks: the one that there was is internal from now on, and what a teacher reads begins empty."""

from django.db import migrations, models

from attribution_project.added_columns import AddColumn


class Migration(migrations.Migration):

    dependencies = [
        ('attributions', '0003_roles'),
    ]

    operations = [
        AddColumn(
            model_name='attribution',
            name='teacher_note',
            field=models.TextField(blank=True, db_default='', default='', help_text="On the teacher's page and in the letter.", verbose_name='remark for the teacher'),
        ),
        AddColumn(
            model_name='historicalattribution',
            name='teacher_note',
            field=models.TextField(blank=True, db_default='', default='', help_text="On the teacher's page and in the letter.", verbose_name='remark for the teacher'),
        ),
        migrations.AlterField(
            model_name='attribution',
            name='note',
            field=models.TextField(blank=True, help_text='For the office: the teacher does not see it.', verbose_name='internal remark'),
        ),
        migrations.AlterField(
            model_name='historicalattribution',
            name='note',
            field=models.TextField(blank=True, help_text='For the office: the teacher does not see it.', verbose_name='internal remark'),
        ),
    ]
