"""A column that the models of the earlier migrations do not have."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("objects", "0003_postgresql")]
    operations = [migrations.AddField("Category", "later", models.IntegerField(default=7))]
