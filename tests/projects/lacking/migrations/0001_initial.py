from django.db import migrations, models

from tests.projects.lacking import fields


class Migration(migrations.Migration):
    initial = True
    operations = [
        *fields.operations(),
        migrations.CreateModel(
            "Customer",
            [("id", models.BigAutoField(primary_key=True)), ("name", fields.field())],
            options={"indexes": [*fields.indexes()]},
        ),
    ]
