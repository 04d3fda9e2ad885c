"""A table that no model has."""

from django.db import migrations

from tests.projects.cut.names import HAND


class Migration(migrations.Migration):
    dependencies = [("cut", "0001_initial")]
    operations = [migrations.RunSQL(f"CREATE TABLE {HAND} (id int PRIMARY KEY, v int)")]
