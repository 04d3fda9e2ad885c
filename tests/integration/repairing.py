"""What the tests of repairs ask of a database, by SQLite alone."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

#: The table renamed, made anew, the backup dropped; and what else a table may have around it.
DANGLE = """
PRAGMA foreign_keys = OFF;
ALTER TABLE courses_course RENAME TO courses_course_backup;
PRAGMA writable_schema = ON;
UPDATE sqlite_master SET name = 'courses_course', tbl_name = 'courses_course',
    sql = replace(sql, 'courses_course_backup', 'courses_course') WHERE name = 'courses_course_backup';
UPDATE sqlite_master SET tbl_name = 'courses_course', name = replace(name, 'courses_course_backup', 'courses_course'),
    sql = replace(sql, 'courses_course_backup', 'courses_course') WHERE tbl_name = 'courses_course_backup';
PRAGMA writable_schema = RESET;
CREATE TRIGGER raises BEFORE INSERT ON attributions_attribution
    BEGIN SELECT RAISE(ABORT, 'no') WHERE (SELECT count(*) FROM django_session) > 0; END;
CREATE TRIGGER "Noted by hand" AFTER UPDATE OF note ON Attributions_Attribution /* why */ BEGIN SELECT 1; END;
CREATE INDEX "partial one" ON attributions_attribution (hours DESC) WHERE note <> '';
CREATE VIEW seen AS SELECT a.id, c.code FROM attributions_attribution a JOIN courses_course c ON c.id = a.course_id;
UPDATE sqlite_sequence SET seq = 123456 WHERE name = 'attributions_attribution';
INSERT INTO django_session VALUES ('x', 'y', '2000-01-01 00:00:00');
ANALYZE;
"""


def change(path: Path, script: str) -> None:
    """Run some SQL as the sqlite3 shell would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.create_function("regexp", 2, lambda pattern, text: bool(re.search(pattern, str(text))))
        database.executescript(script)


def ask(path: Path, query: str) -> list[Any]:
    """The rows that a query gives."""
    with closing(sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def rewritten(source: Path, table: str, old: str, new: str) -> None:
    """The table copied by hand, as people do, with another definition."""
    ((sql,),) = ask(source, f"SELECT sql FROM sqlite_master WHERE type = 'table' AND name = '{table}'")
    assert old in sql
    indexes = [
        sql for (sql,) in ask(source, f"SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' AND type = 'index'")
    ]
    script = [
        "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON",
        sql.replace(table, "copy_of_it", 1).replace(old, new),
        f"INSERT INTO copy_of_it SELECT * FROM {table}",
        f"DROP TABLE {table}",
        f"ALTER TABLE copy_of_it RENAME TO {table}",
        *filter(None, indexes),
    ]
    change(source, ";".join(script))


def content(path: Path, *, schema: bool = False) -> dict[str, Any]:
    """Every row of every table with its storage classes and rowid; the statements, too, where asked."""
    with closing(sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True)) as database:
        database.text_factory = bytearray
        listed = "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type <> 'view'"
        keyed = {bytes(name).decode(): wr for name, wr in database.execute(listed) if name != b"sqlite_schema"}
        tables = list(keyed)
        quoted = {table: '"' + table.replace('"', '""') + '"' for table in tables}
        cells = {table: "*" if wr else "rowid, *" for table, wr in keyed.items()}
        rows = {t: sorted(map(repr, database.execute(f"SELECT {cells[t]} FROM {quoted[t]}"))) for t in tables}
        for counted in ("sqlite_sequence", "sqlite_stat1"):
            if counted in rows:
                rows[counted] = sorted(map(repr, database.execute(f"SELECT * FROM {counted}")))
        if schema:
            rows["sqlite_master"] = sorted(
                map(repr, database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"))
            )
    return rows


def backups(path: Path) -> list[Path]:
    """The backups beside a database."""
    path = Path(path)
    return sorted(found for found in path.parent.iterdir() if found.name.startswith(f"{path.name}.backup-"))


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))
