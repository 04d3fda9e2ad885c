"""A migration adds columns to a table of millions of rows without copying it."""

from pathlib import Path

import pytest
from django.db import migrations, models
from django.db.migrations.state import ProjectState
from django.db.utils import ConnectionHandler

from attribution_project.added_columns import AddColumn


@pytest.mark.django_db
def test_a_column_with_a_default_is_added_in_place_and_removed_on_sqlite(tmp_path: Path) -> None:
    connection = ConnectionHandler(
        {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db.sqlite3")}}
    )["default"]
    field = models.PositiveSmallIntegerField(default=0, db_default=0)
    before = ProjectState()
    make = migrations.CreateModel("Book", [("id", models.AutoField(primary_key=True)), ("title", models.TextField())])
    make.state_forwards("shelf", before)
    after, add = before.clone(), AddColumn("book", "copies", field)
    add.state_forwards("shelf", after)
    with connection.schema_editor() as editor:
        make.database_forwards("shelf", editor, ProjectState(), before)
        editor.execute("INSERT INTO shelf_book (title) VALUES ('Sols')")
    with connection.cursor() as cursor:
        [root] = cursor.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'shelf_book'").fetchone()
        with connection.schema_editor() as editor:
            add.database_forwards("shelf", editor, before, after)
        assert cursor.execute("SELECT title, copies FROM shelf_book").fetchall() == [("Sols", 0)]
        # A copy would be another tree of pages.
        assert cursor.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'shelf_book'").fetchone() == (root,)
        with connection.schema_editor() as editor:
            add.database_backwards("shelf", editor, after, before)
        assert cursor.execute("SELECT * FROM shelf_book").fetchall() == [(1, "Sols")]
    connection.close()
