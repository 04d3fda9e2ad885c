from django.db import migrations, models

from tests.projects.fields.definitions import FIELDS, KEYS, doubled, members


def identity():
    return ("id", models.BigAutoField(primary_key=True, serialize=False))


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        *(migrations.CreateModel(name, [("value", make())]) for name, make in KEYS.items()),
        *(migrations.CreateModel(name, [identity(), ("value", make())]) for name, make in FIELDS.items()),
        migrations.CreateModel(
            "Doubled", [identity(), ("value", models.IntegerField(null=True)), ("twice", doubled())]
        ),
        migrations.CreateModel(
            "Group", [identity(), ("value", models.IntegerField(null=True)), ("members", members())]
        ),
    ]
