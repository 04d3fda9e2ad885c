"""What nobody meant for another database: strftime, a rebuilt table, a trigger, and a full-text index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dialect", "0001_initial")]
    operations = [
        migrations.AddField("order", "year", models.IntegerField(null=True)),
        migrations.RunSQL("UPDATE dialect_order SET year = CAST(strftime('%Y', placed) AS INTEGER)"),
        # The model's state is told apart from how the column came to be.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL("ALTER TABLE dialect_order ADD COLUMN note text NOT NULL DEFAULT ''"),
                migrations.RunSQL("CREATE INDEX order_year ON dialect_order (year)"),
            ],
            state_operations=[
                migrations.AddField("order", "note", models.TextField(default="")),
                migrations.AddIndex("order", models.Index(fields=["year"], name="order_year")),
            ],
        ),
        migrations.RunSQL("CREATE VIRTUAL TABLE dialect_search USING fts5(note)"),
        migrations.RunSQL(
            "CREATE TRIGGER dialect_searched AFTER INSERT ON dialect_order BEGIN"
            " INSERT INTO dialect_search (rowid, note) VALUES (new.id, new.note); END"
        ),
    ]
