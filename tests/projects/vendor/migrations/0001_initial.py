from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Content",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("language", models.CharField(max_length=5)),
                ("page", models.IntegerField()),
                ("slug", models.CharField(max_length=20)),
                ("note", models.CharField(max_length=20, null=True)),
            ],
            options={"unique_together": {("language", "page")}},
        ),
        migrations.CreateModel(
            "Label", [("id", models.BigAutoField(primary_key=True)), ("code", models.CharField(max_length=3))]
        ),
        migrations.CreateModel("Entry", [("id", models.BigAutoField(primary_key=True)), ("body", models.TextField())]),
    ]
