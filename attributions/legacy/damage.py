"""Damage a database. Each function yields a line for each change."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from .bad_rebuilds import connect, rebuild, rebuild_wrongly, replace_once

Damage = Callable[[sqlite3.Connection], Iterator[str]]

#: Additional rows, as in the incident, and the final number of rows of the most frequent code.
DUPLICATES = 154
ROWS_OF_ONE_CODE = 18


def duplicates(db: sqlite3.Connection) -> Iterator[str]:
    """Rebuild courses_course without what keeps codes unique, insert codes again, and attribute some of them."""
    db.execute("DROP INDEX courses_code_once")
    unique = ', CONSTRAINT "courses_code_once_in_a_department" UNIQUE ("code", "department")'
    rebuild(db, "courses_course", replace_once(unique, ""))
    yield "courses_course: rebuilt without the unique indexes on code"
    originals = [row[0] for row in db.execute("SELECT id FROM courses_course ORDER BY id")]
    # The second course is there 18 times; AGV211, the first, stays single: the demonstration attributes it.
    again = [originals[1]] * (ROWS_OF_ONE_CODE - 1)
    others = originals[2:]
    again += [others[number % len(others)] for number in range(DUPLICATES - len(again))]
    columns = "code, title, credits, hours_cm, hours_td, hours_tp, level, semester, department"
    db.executemany(
        f"INSERT INTO courses_course ({columns}) SELECT {columns} FROM courses_course WHERE id = ?",  # noqa: S608 - constants
        [(course,) for course in again],
    )
    yield f"courses_course: {len(again)} duplicate rows, one code {ROWS_OF_ONE_CODE} times"
    moved = db.execute(
        """
        UPDATE attributions_attribution
        SET course_id = (
            SELECT max(twin.id) FROM courses_course twin JOIN courses_course mine ON twin.code = mine.code
            WHERE mine.id = attributions_attribution.course_id
        )
        WHERE id % 10 = 0 AND course_id > 1
        """
    ).rowcount
    yield f"attributions_attribution: {moved} rows point to a duplicate"


def dangling_fk(db: sqlite3.Connection) -> Iterator[str]:
    """Rename courses_course, make it again and drop the backup, which the children's foreign keys then name."""
    backup = rebuild_wrongly(db, "courses_course")
    yield f"courses_course: renamed to {backup}, made again, {backup} dropped"
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
        for key in db.execute(f'PRAGMA foreign_key_list("{table}")').fetchall():
            if key[2] == backup:
                yield f"{table}: its foreign key {key[3]} now names {backup}, which does not exist"


def code_in_fk(db: sqlite3.Connection) -> Iterator[str]:
    """Rebuild the attributions with course_id as text, and write codes into it instead of ids."""
    rebuild(db, "attributions_attribution", replace_once('"course_id" bigint', '"course_id" varchar(20)'))
    yield "attributions_attribution: rebuilt with course_id varchar(20)"
    written = db.execute(
        """
        UPDATE attributions_attribution
        SET course_id = (SELECT code FROM courses_course WHERE courses_course.id = attributions_attribution.course_id)
        WHERE id % 4 = 1
        """
    ).rowcount
    yield f"attributions_attribution: {written} rows hold a course code instead of an id"


def null_in_not_null(db: sqlite3.Connection) -> Iterator[str]:
    """Rebuild the attributions without NOT NULL on the note, and write NULL as an import would."""
    rebuild(db, "attributions_attribution", replace_once('"note" text NOT NULL', '"note" text'))
    yield "attributions_attribution: rebuilt without NOT NULL on note"
    written = db.execute("UPDATE attributions_attribution SET note = NULL WHERE id % 25 = 3").rowcount
    yield f"attributions_attribution: {written} rows without a note are NULL"


def too_long(db: sqlite3.Connection) -> Iterator[str]:
    """Write texts that are too long: SQLite does not enforce varchar(n)."""
    titles = db.execute(
        "UPDATE courses_course SET title = title || ' — ' || replace(hex(zeroblob(60)), '00', 'été ') WHERE id % 30 = 4"
    ).rowcount
    yield f"courses_course: {titles} titles longer than varchar(200)"
    keys = db.execute(
        "UPDATE attributions_teacher SET matricule = matricule || '/' || hex(zeroblob(10)) WHERE id % 12 = 5"
    ).rowcount
    yield f"attributions_teacher: {keys} matricules longer than varchar(20)"


def wrong_type(db: sqlite3.Connection) -> Iterator[str]:
    """Write hours with a comma, which SQLite stores as text in a decimal column."""
    written = db.execute("UPDATE attributions_attribution SET hours = '36,50' WHERE id % 40 = 7").rowcount
    yield f"attributions_attribution: {written} rows hold hours as the text 36,50"


def orphans(db: sqlite3.Connection) -> Iterator[str]:
    """Delete parents without enforced foreign keys."""
    for table, column, parent, condition in (
        ("attributions_attribution", "teacher_id", "attributions_teacher", "id IN (7, 23)"),
        ("attributions_attribution", "created_by_id", "auth_user", "username = 'direction'"),
    ):
        gone = [row[0] for row in db.execute(f"SELECT id FROM {parent} WHERE {condition}")]  # noqa: S608 - constants
        db.execute(f"DELETE FROM {parent} WHERE {condition}")  # noqa: S608 - constants
        marks = ", ".join("?" * len(gone))
        count = db.execute(f"SELECT count(*) FROM {table} WHERE {column} IN ({marks})", gone).fetchone()[0]  # noqa: S608 - constants
        yield f"{parent}: {len(gone)} rows deleted; {count} rows of {table} still point to them by {column}"


#: In the order of execution, whatever the command line's: rebuilds come before the changes that they would not survive.
DAMAGES: dict[str, Damage] = {
    "duplicates": duplicates,
    "dangling-fk": dangling_fk,
    "code-in-fk": code_in_fk,
    "null-in-not-null": null_in_not_null,
    "too-long": too_long,
    "wrong-type": wrong_type,
    "orphans": orphans,
}


def damage_file(path: Path, names: Iterable[str]) -> Iterator[str]:
    """Damage the database by these names of DAMAGES. Yield a line for each change."""
    with closing(connect(str(path))) as db:
        for name in names:
            db.execute("BEGIN")
            for line in DAMAGES[name](db):
                yield f"{name}: {line}"
            db.execute("COMMIT")
        # One file to hand around: nothing stays behind in a -wal beside it.
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
