"""Course codes are unique in the whole institution, or within a department."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('office', '0001_settings'),
    ]

    operations = [
        migrations.AddField(
            model_name='officesettings',
            name='code_scope',
            field=models.CharField(choices=[('institution', 'the whole institution'), ('department', 'a department')], db_default='institution', default='institution', help_text='Within a department: others may have a course of that code, and it is shown with its department.', max_length=11, verbose_name='course codes are unique within'),
        ),
    ]
