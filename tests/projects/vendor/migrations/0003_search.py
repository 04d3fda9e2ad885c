"""Other operations on each database, chosen while this module is imported."""

from django.db import connection, migrations, models

TRIGGER = (
    "CREATE TRIGGER vendor_found AFTER INSERT ON vendor_entry"
    " BEGIN INSERT INTO vendor_search (rowid, body) VALUES (new.id, new.body); END"
)
ON_SQLITE = migrations.SeparateDatabaseAndState(
    database_operations=[
        migrations.RunSQL("CREATE VIRTUAL TABLE vendor_search USING fts5(body)", "DROP TABLE vendor_search"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER vendor_found"),
    ],
    state_operations=[
        migrations.CreateModel(
            "Search",
            [
                (
                    "entry",
                    models.OneToOneField(
                        "vendor.entry", models.CASCADE, primary_key=True, db_column="rowid", serialize=False
                    ),
                ),
                ("body", models.TextField()),
            ],
            options={"db_table": "vendor_search"},
        )
    ],
)


class Migration(migrations.Migration):
    dependencies = [("vendor", "0002_in_the_database_only")]
    operations = [
        *([ON_SQLITE] if connection.vendor == "sqlite" else []),
        *([migrations.AddField("entry", "words", models.TextField())] if connection.vendor == "postgresql" else []),
    ]
