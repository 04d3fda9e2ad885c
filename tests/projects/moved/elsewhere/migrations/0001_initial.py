from django.db import migrations, models

KEY = ("id", models.BigAutoField(primary_key=True))


class Migration(migrations.Migration):
    """Models come from another application, their tables with them."""

    initial = True
    dependencies = [("moved", "0002_by_sql")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[],
            state_operations=[
                migrations.CreateModel(
                    "Kept", [KEY, ("value", models.IntegerField())], options={"db_table": "moved_kept"}
                ),
                migrations.CreateModel("Taken", [KEY, ("value", models.IntegerField(unique=True))]),
            ],
        )
    ]
