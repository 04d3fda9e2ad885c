from django.db import migrations, models

from tests.projects.judged.models import Thing


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            name="Thing",
            fields=[("id", models.BigAutoField(primary_key=True))]
            + [(field.name, field.clone()) for field in Thing._meta.local_fields if field.name != "id"],
            options={"constraints": Thing._meta.constraints},
        )
    ]
