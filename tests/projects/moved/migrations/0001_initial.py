from django.db import migrations, models

KEY = ("id", models.BigAutoField(primary_key=True))
VALUE = ("value", models.IntegerField())


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Author", [KEY, ("name", models.CharField(max_length=9))]),
        migrations.CreateModel(
            "Book",
            [KEY, ("title", models.CharField(max_length=9)), ("authors", models.ManyToManyField("moved.Author"))],
        ),
        migrations.CreateModel(
            "Score",
            [
                KEY,
                ("points", models.IntegerField()),
                ("word", models.CharField(max_length=3)),
                ("note", models.CharField(max_length=9, null=True)),
            ],
        ),
        migrations.CreateModel("Renamed", [KEY, VALUE]),
        migrations.CreateModel("Kept", [KEY, VALUE]),
        migrations.CreateModel("Taken", [KEY, ("value", models.IntegerField(unique=True))]),
        migrations.CreateModel("Gone", [KEY, VALUE]),
        migrations.CreateModel("GoneToo", [KEY, VALUE]),
    ]
