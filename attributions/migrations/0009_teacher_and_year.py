"""Find the attributions of a teacher in one year by an index: lists of teachers add up the hours of each."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('attributions', '0008_discharges'),
        ('courses', '0008_import_of_a_year'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='attribution',
            name='teacher',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='attributions', to='attributions.teacher', verbose_name='teacher'),
        ),
        migrations.AddIndex(
            model_name='attribution',
            index=models.Index(fields=['teacher', 'academic_year'], name='attributions_of_a_teacher'),
        ),
    ]
