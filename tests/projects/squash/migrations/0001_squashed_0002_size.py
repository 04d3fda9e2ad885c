from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    replaces = [("squash", "0001_initial"), ("squash", "0002_size")]
    operations = [
        migrations.CreateModel(
            name="Thing",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=20)),
                ("size", models.IntegerField(default=1)),
            ],
        )
    ]
