"""What the state says is done by SQL, on both databases or on one."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db import migrations, models

KEY = ("id", models.BigAutoField(primary_key=True))
THROUGH = migrations.SeparateDatabaseAndState(
    database_operations=[
        migrations.RunSQL(
            "ALTER TABLE moved_book_authors RENAME TO moved_authorbook",
            "ALTER TABLE moved_authorbook RENAME TO moved_book_authors",
        )
    ],
    state_operations=[
        migrations.CreateModel(
            "AuthorBook",
            [
                KEY,
                ("author", models.ForeignKey("moved.Author", models.DO_NOTHING)),
                ("book", models.ForeignKey("moved.Book", models.DO_NOTHING)),
            ],
        ),
        migrations.AlterField("Book", "authors", models.ManyToManyField("moved.Author", through="moved.AuthorBook")),
    ],
)
ON_POSTGRESQL = """
    ALTER TABLE moved_score ALTER COLUMN points TYPE bigint, ALTER word SET DATA TYPE varchar(30);
    ALTER TABLE moved_score ALTER note SET DEFAULT 'none', ALTER note SET NOT NULL
"""


def retype(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(ON_POSTGRESQL)


def rename_what_is_there(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    with schema_editor.connection.cursor() as cursor:
        tables = schema_editor.connection.introspection.table_names(cursor)
        if "moved_renamed" in tables and "moved_by_introspection" not in tables:
            cursor.execute("ALTER TABLE moved_renamed RENAME TO moved_by_introspection")


class Migration(migrations.Migration):
    dependencies = [("moved", "0001_initial")]
    operations = [
        THROUGH,
        migrations.AddField("AuthorBook", "role", models.CharField(max_length=9, default="author")),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL('ALTER TABLE moved_author RENAME COLUMN "name" TO pen_name')],
            [migrations.RenameField("Author", "name", "pen_name")],
        ),
        migrations.RunPython(retype, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            [migrations.RunPython(rename_what_is_there)],
            [migrations.AlterModelTable("Renamed", "moved_by_introspection")],
        ),
        migrations.SeparateDatabaseAndState([], [migrations.DeleteModel("Kept")]),
        migrations.SeparateDatabaseAndState(
            [migrations.AlterModelTable("Taken", "elsewhere_taken")], [migrations.DeleteModel("Taken")]
        ),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL("DROP TABLE moved_gone; DROP TABLE IF EXISTS moved_gonetoo")],
            [migrations.DeleteModel("Gone"), migrations.DeleteModel("GoneToo")],
        ),
    ]
