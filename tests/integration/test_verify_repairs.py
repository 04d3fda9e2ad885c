"""Verify, where repairs were made: PostgreSQL holds the snapshot with the edits of the journal, and nothing else.

Whether a repair's new value is right is asked of the rules: tests/unit/rules, tests/unit/test_verify_repairs.py.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from migrate_to_pg.errors import VerificationError
from migrate_to_pg.examine import examine
from migrate_to_pg.load import load
from migrate_to_pg.planning import make_plan, read_source, read_target
from migrate_to_pg.records import GenericKey, Plan, SqliteSql, TargetTable, Verification, Verify
from migrate_to_pg.records.repairs import ChangedCells, RemovedRows, RepairResult
from migrate_to_pg.row_repair.engine import Accepted, repair_rows
from migrate_to_pg.rules import RULES
from migrate_to_pg.verify import verify_tables
from tests.tiers import first_in_ci

SCHEMA = "migrate_to_pg_incoming"
EVERYTHING = Accepted(fix=frozenset(rule.id for rule in RULES if rule.repair))
ALL_ASIDE = Accepted(fix=EVERYTHING.fix, quarantine=frozenset(rule.id for rule in RULES))


def _with_sql(table: TargetTable, conditions: Mapping[str, SqliteSql]) -> TargetTable:
    uniques = (dataclasses.replace(unique, sqlite=conditions.get(unique.name)) for unique in table.uniques)
    return dataclasses.replace(table, uniques=tuple(uniques))


class Crossing:
    """One SQLite file, its mended copy and the incoming schema."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.snapshot = folder / "copy 100%?#.sqlite3"
        self.url = url
        self.plan = Plan(tables=())
        self.mended: RepairResult | None = None

    def cross(
        self,
        source: str,
        target: str,
        *,
        accepted: Accepted = EVERYTHING,
        zone: str = "UTC",
        models: dict[tuple[str, str], str] | None = None,
        generic_keys: tuple[GenericKey, ...] = (),
        conditions: Mapping[str, SqliteSql] | None = None,
    ) -> RepairResult:
        """Examine, mend and load; foreign keys and indexes of the target are only in the plan, as in a run.

        ``conditions`` are those of partial indexes, by name, as Django writes a model's for SQLite.
        """
        with closing(sqlite3.connect(self.snapshot, isolation_level=None)) as database:
            database.executescript(source)
        with psycopg.connect(self.url, options=f"-c search_path={SCHEMA}") as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
            connection.execute(target.encode())
            targets = [_with_sql(table, conditions or {}) for table in read_target(connection, SCHEMA)]
            catalog = read_source(self.snapshot)
            self.plan = make_plan(
                catalog, targets, source_time_zone=zone, models=models or {}, generic_keys=generic_keys
            )
            for name, definition in connection.execute(
                "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f'"
            ).fetchall():
                connection.execute(f"ALTER TABLE {name} DROP CONSTRAINT {definition}".encode())
        found = examine(self.plan, catalog, self.snapshot, accepted=accepted.fix, progress=quiet)
        self.mended, plan, left = repair_rows(
            self.plan,
            catalog,
            self.snapshot,
            found,
            accepted=accepted,
            working=self.folder / "working.sqlite3",
            journal=self.folder / "journal.sqlite3",
            progress=quiet,
        )
        standing = [(f.rule, f.table, f.column, f.count) for f in left if f.blocks and f.rule != "schema-drift"]
        assert standing == []
        load(plan, self.mended.path, self.url, schema=SCHEMA, progress=quiet)
        return self.mended

    def verify(self, verify: Verify = Verify.CELLS) -> Verification:
        return verify_tables(
            self.plan,
            self.snapshot,
            self.url,
            schema=SCHEMA,
            verify=verify,
            progress=quiet,
            repairs=self.mended,
        )

    def journal(self, statement: str, *values: Any) -> None:
        """Forge the record."""
        assert self.mended
        with closing(sqlite3.connect(self.mended.journal, isolation_level=None)) as database:
            assert database.execute(statement, values).rowcount != 0

    def report_anew(self) -> None:
        """Tell the sums of the journal as it stands now, so that they do not give a forgery away."""
        assert self.mended
        with closing(sqlite3.connect(self.mended.journal)) as database:
            changed, aside = (
                database.execute(f'SELECT rule, "table", {what}, count(*) FROM {name} GROUP BY 1, 2, 3').fetchall()
                for name, what in (("changed", '"column"'), ("aside", "fate"))
            )
        self.mended = dataclasses.replace(
            self.mended,
            changed=tuple(
                ChangedCells(rule=rule, table=table, column=column, count=count, samples=())
                for rule, table, column, count in changed
            ),
            removed=tuple(
                RemovedRows(rule=rule, table=table, outcome=fate, count=count, samples=())
                for rule, table, fate, count in aside
            ),
        )

    def on_target(self, statement: str) -> None:
        """Forge PostgreSQL's side."""
        with psycopg.connect(self.url, options=f"-c search_path={SCHEMA}") as connection:
            connection.execute(statement.encode())

    def holds(self) -> None:
        """Both ways of proving hold, and every row is accounted for."""
        for verify in Verify:
            verification = self.verify(verify)
            assert [s for t in verification.tables for s in t.samples] == []
            assert verification.holds


def quiet(_: object) -> None:
    pass


@pytest.fixture
def crossing(tmp_path: Path, postgres_url: str) -> Crossing:
    return Crossing(tmp_path, postgres_url)


def unexplained(verification: Verification) -> list[tuple[str, str, str]]:
    return [(s.table, s.kind, s.column) for t in verification.tables for s in t.samples]


def account(verification: Verification) -> list[tuple[str, int, int, int, int, int]]:
    return [
        (t.name, t.rows_source, t.rows_target, t.quarantined, t.merged, t.cells_changed) for t in verification.tables
    ]


# (SQLite's declared type, the value as SQL, PostgreSQL's type, the value that is expected as text)
CELLS = [
    ("varchar(3)", "'abcdef'", "varchar(3) NOT NULL", "abc"),
    ("char(3)", "'abc  '", "char(3)", "abc"),
    ("text", "CAST(x'610062' AS TEXT)", "text", "ab"),
    ("text", "CAST(x'4cc3a96f6e20e9' AS TEXT)", "text", "Léon é"),
    ("text", "CAST(x'c300a9' AS TEXT)", "text", "Ã©"),
    ("text", "NULL", "text NOT NULL", ""),
    ("blob", "12", "text", "12"),
    ("blob", "1.5", "text", "1.5"),
    ("blob", "x'c3a9'", "text", "é"),
    ("blob", "'12'", "integer", "12"),
    ("blob", "'-9223372036854775808'", "bigint", "-9223372036854775808"),
    ("blob", "3.0", "integer", "3"),
    ("blob", "'1.50'", "numeric(5, 2)", "1.50"),
    ("blob", "'7'", "double precision", "7"),
    ("blob", "'é'", "bytea", "\\xc3a9"),
    ("blob", "x'323032342d30312d3032'", "date", "2024-01-02"),
    ("blob", "' YES '", "boolean", "true"),
    ("blob", "0.0", "boolean", "false"),
    ("date", "''", "date", None),
    ("date", "'2024-01-02T03:04'", "date", "2024-01-02"),
    ("datetime", "'0000-00-00 00:00:00'", "timestamptz", None),
    ("time", "''", "time", None),
    ("text", "''", "jsonb", None),
    ("text", "''", "uuid", None),
    ("text", '\'{"a": "x\\u0000\\ud800\\\\u0000"}\'', "jsonb", '{"a": "x\ufffd\\\\u0000"}'),
]


@pytest.mark.parametrize(("declared", "value", "type_sql", "expected"), CELLS)
def test_a_repaired_cell_is_verified(
    crossing: Crossing, declared: str, value: str, type_sql: str, expected: str | None
) -> None:
    mended = crossing.cross(
        f'CREATE TABLE thing (id integer PRIMARY KEY, value "{declared}"); INSERT INTO thing VALUES (7, {value});',
        f"CREATE TABLE thing (id bigint PRIMARY KEY, value {type_sql})",
    )
    assert sum(c.count for c in mended.changed) >= 1
    crossing.holds()
    assert account(crossing.verify()) == [("thing", 1, 1, 0, 0, 1)]
    with psycopg.connect(crossing.url) as connection:
        assert connection.execute(f"SELECT value::text FROM {SCHEMA}.thing".encode()).fetchone() == (expected,)


def test_a_local_time_that_came_twice_or_never_is_verified(crossing: Crossing) -> None:
    crossing.cross(
        "CREATE TABLE thing (id integer PRIMARY KEY, at datetime);"
        "INSERT INTO thing VALUES (1, '2021-10-31 02:30:00'), (2, '2021-03-28 02:30:00'), (3, '2021-05-05 05:05:05');",
        "CREATE TABLE thing (id bigint PRIMARY KEY, at timestamptz)",
        zone="Europe/Paris",
    )
    crossing.holds()
    assert account(crossing.verify()) == [("thing", 3, 3, 0, 0, 2)]


PEOPLE = (
    """
    CREATE TABLE person (id integer PRIMARY KEY, name "varchar(5)" COLLATE NOCASE, age blob, note blob);
    INSERT INTO person VALUES (1, 'Abelardus', 30, 'x'), (2, 'Bo', '31', 'y'), (3, 'Cléopâtre', '32.5', NULL);
    """,
    "CREATE TABLE person (id bigint PRIMARY KEY, name varchar(5), age integer, note text)",
)
FORGERIES = {
    "another new value": "UPDATE changed SET new = 'Abelx' WHERE row = 1",
    "the new value in another storage class": "UPDATE changed SET new = '31' WHERE row = 2",
    "another old value": "UPDATE changed SET old = 'abelard' WHERE row = 1",
    "the old value in another storage class": "UPDATE changed SET old = 31 WHERE row = 2",
    "another rule": "UPDATE changed SET rule = 'nul-in-text' WHERE row = 1",
    "a rule that there is none of": "UPDATE changed SET rule = 'because' WHERE row = 1",
    "another row": "UPDATE changed SET row = 2 WHERE row = 1",
    "a row that there is none of": "UPDATE changed SET row = 99 WHERE row = 1",
    "another column": "UPDATE changed SET \"column\" = 'note' WHERE row = 1",
    "the primary key": "UPDATE changed SET \"column\" = 'id' WHERE row = 1",
    "a column that there is none of": "UPDATE changed SET \"column\" = 'nothing' WHERE row = 1",
    "another table": "UPDATE changed SET \"table\" = 'nothing' WHERE row = 1",
    "no line": "DELETE FROM changed WHERE row = 1",
    "a second line": "INSERT INTO changed SELECT * FROM changed WHERE row = 1",
    "a line without an effect": (
        "INSERT INTO changed VALUES ('nul-in-text', 'person', 'note', 1, '{\"id\": \"1\"}', 'x', 'x', 0)"
    ),
    "a change that was not made": (
        "INSERT INTO changed VALUES ('foreign-key-orphan', 'person', 'note', 1, '{\"id\": \"1\"}', 'x', NULL, 0)"
    ),
    "a row set aside that is there": (
        "INSERT INTO aside VALUES ('text-too-long', 'person', 1, '{\"id\": \"1\"}', '', 'quarantined', NULL, 0)"
    ),
    "a fate that there is none of": ("UPDATE aside SET fate = 'forgotten' WHERE row = 3"),
    "merged into another row": "UPDATE aside SET fate = 'merged', kept = 1 WHERE row = 3",
    "a quarantined row that is not kept": 'DELETE FROM "rows of person"',
    "a quarantined row kept with another value": "UPDATE \"rows of person\" SET name = 'CLÉOPÂTRE'",
    "a quarantined row that is cut": 'UPDATE "rows of person" SET name = substr(name, 1, 5)',
    "a quarantined row kept in another case": "UPDATE \"rows of person\" SET name = 'cléopâtre'",
    "a quarantined row kept in another storage class": 'UPDATE "rows of person" SET "migrate_to_pg row" = 4',
    "a quarantined row kept without a value": 'UPDATE "rows of person" SET age = 32.5',
    "a row kept that was not set aside": 'INSERT INTO "rows of person" VALUES (1, 1, 2, 3, 4)',
    "a quarantined row without a line": "DELETE FROM aside",
}


#: These show in the sums of the lines alone.
IN_THE_SUMS = {"another rule"}


@pytest.mark.parametrize("forgery", first_in_ci(*FORGERIES, count=12))
def test_a_forged_journal_is_found(crossing: Crossing, forgery: str) -> None:
    crossing.cross(*PEOPLE, accepted=ALL_ASIDE)
    crossing.holds()
    assert account(crossing.verify()) == [("person", 3, 2, 1, 0, 2)]
    crossing.journal(FORGERIES[forgery])
    verification = crossing.verify()
    assert not verification.holds
    assert verification.tables[0].differences >= 1 or len(verification.tables) == 2
    assert crossing.verify(Verify.COUNTS).holds == (forgery == "another new value")
    crossing.report_anew()
    assert crossing.verify().holds == (forgery in IN_THE_SUMS)


@pytest.mark.parametrize("accepted", ["fix", "quarantine"])
def test_what_nobody_accepted_is_found(crossing: Crossing, accepted: str) -> None:
    """The journal and PostgreSQL agree all the same."""
    mended = crossing.cross(*PEOPLE, accepted=ALL_ASIDE)
    change: dict[str, Any] = {accepted: frozenset({"nul-in-text"})}
    crossing.mended = dataclasses.replace(mended, **change)
    (found,) = crossing.verify().tables
    assert found.differences == (2 if accepted == "fix" else 1)
    assert {(s.kind, s.column) for s in found.samples} <= {
        ("unexplained", "name"), ("unexplained", "age"), ("unexplained", ""),
    }  # fmt: skip


TAMPERINGS = {
    "a row that is neither there nor in quarantine": "DELETE FROM person WHERE id = 1",
    "a repaired cell": "UPDATE person SET name = 'Abelx' WHERE id = 1",
    "a repaired cell back to what PostgreSQL can hold of it": "UPDATE person SET age = 32 WHERE id = 2",
    "another cell": "UPDATE person SET note = 'z' WHERE id = 1",
    "a row less": "DELETE FROM person WHERE id = 2",
    "a quarantined row after all": "INSERT INTO person VALUES (3, 'Cléo', 32, NULL)",
    "a row instead of another": "UPDATE person SET id = 3 WHERE id = 2",
}


@pytest.mark.parametrize("tampering", TAMPERINGS.values(), ids=TAMPERINGS)
def test_postgresql_must_hold_exactly_the_edits(crossing: Crossing, tampering: str) -> None:
    crossing.cross(*PEOPLE, accepted=ALL_ASIDE)
    crossing.on_target(tampering)
    assert not crossing.verify().holds


SCHOOL = (
    """
    CREATE TABLE course (id integer PRIMARY KEY, code varchar(6), title text);
    INSERT INTO course VALUES (1, 'AGV211', 'Plants'), (2, 'AGV212', 'Soil'), (5, 'AGV211', 'Plants, again'),
        (9, 'AGV211', 'Plants');
    CREATE TABLE teacher (id integer PRIMARY KEY, course_id, mentor_id);
    INSERT INTO teacher VALUES (1, 'AGV212', NULL), (2, 5, 77), (3, '2', ''), (4, 9, 1), (6, 1, 3), (8, NULL, NULL);
    CREATE TABLE room (id integer PRIMARY KEY, course_id, teacher_id);
    INSERT INTO room VALUES (1, 1, 2), (2, 5, 2), (3, 9, 2), (4, 2, 1);
    CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label text, model text);
    INSERT INTO django_content_type VALUES (7, 'school', 'course'), (8, 'school', 'teacher');
    CREATE TABLE note (id integer PRIMARY KEY, kind_id integer, object_id);
    INSERT INTO note VALUES (1, 7, 5), (2, 7, '9'), (3, 8, 6), (4, 7, 2);
    """,
    """
    CREATE TABLE course (id bigint PRIMARY KEY, code varchar(6) UNIQUE, title text);
    CREATE TABLE teacher (
        id bigint PRIMARY KEY, course_id bigint REFERENCES course, mentor_id bigint REFERENCES teacher);
    CREATE TABLE room (
        id bigint PRIMARY KEY, course_id bigint REFERENCES course, teacher_id bigint REFERENCES teacher,
        UNIQUE (course_id, teacher_id));
    CREATE TABLE django_content_type (id bigint PRIMARY KEY, app_label text, model text);
    CREATE TABLE note (id bigint PRIMARY KEY, kind_id bigint REFERENCES django_content_type, object_id text);
    """,
)


def school(crossing: Crossing) -> None:
    crossing.cross(
        *SCHOOL,
        models={("school", "course"): "course", ("school", "teacher"): "teacher"},
        generic_keys=(GenericKey(table="note", content_type_column="kind_id", object_column="object_id"),),
    )


def test_repairs_that_look_at_other_rows_are_verified(crossing: Crossing) -> None:
    school(crossing)
    crossing.holds()
    assert account(crossing.verify()) == [
        ("course", 4, 2, 0, 2, 0),
        ("django_content_type", 2, 2, 0, 0, 0),
        ("note", 4, 4, 0, 0, 4),
        ("room", 4, 2, 0, 2, 0),
        ("teacher", 6, 6, 0, 0, 6),
    ]


KEY_FORGERIES = {
    "a merged row that leads nowhere": "UPDATE aside SET kept = 44 WHERE \"table\" = 'course' AND row = 9",
    "a row merged into itself": "UPDATE aside SET kept = 9 WHERE \"table\" = 'course' AND row = 9",
    "two rows merged into each other": "UPDATE aside SET kept = 14 - row WHERE \"table\" = 'course'",
    "a row merged into none": "UPDATE aside SET kept = NULL WHERE \"table\" = 'course' AND row = 9",
    "a row merged for no duplicate": "UPDATE aside SET rule = 'text-too-long' WHERE \"table\" = 'course' AND row = 9",
    "a child that followed without a line": "DELETE FROM changed WHERE \"table\" = 'teacher' AND row = 4",
    "a generic key that followed without a line": "DELETE FROM changed WHERE \"table\" = 'note' AND row = 2",
    "a code that became a key without a line": "DELETE FROM changed WHERE \"table\" = 'teacher' AND row = 1",
    "an orphan set to NULL without a line": (
        "DELETE FROM changed WHERE \"table\" = 'teacher' AND \"column\" = 'mentor_id' AND row = 2"
    ),
    "a repair of keys in a column that is none": (
        "INSERT INTO changed VALUES ('duplicate-key', 'course', 'title', 1, '{}', 'Plants', 'Soil', 0);"
    ),
    "a line of a row that was merged": (
        "INSERT INTO changed VALUES ('text-too-long', 'course', 'title', 9, '{}', 'Plants', 'Pla', 0);"
    ),
}


@pytest.mark.parametrize("forgery", KEY_FORGERIES.values(), ids=KEY_FORGERIES)
def test_a_forged_journal_of_keys_is_found(crossing: Crossing, forgery: str) -> None:
    school(crossing)
    crossing.journal(forgery)
    crossing.report_anew()
    assert not crossing.verify().holds


def test_a_repair_of_keys_in_a_column_that_is_none_is_found_where_postgresql_agrees(crossing: Crossing) -> None:
    school(crossing)
    crossing.journal(KEY_FORGERIES["a repair of keys in a column that is none"])
    crossing.on_target("UPDATE course SET title = 'Soil' WHERE id = 1")
    crossing.report_anew()
    assert unexplained(crossing.verify()) == [("course", "unexplained", "title")]


def test_rows_that_are_equal_only_after_a_repair_are_verified(crossing: Crossing) -> None:
    """The repairs of a merged row have no lines of their own."""
    crossing.cross(
        """
        CREATE TABLE course (id integer PRIMARY KEY, code blob, active bool);
        INSERT INTO course VALUES (1, 'abc', 1), (2, 'abcdef', 1), (3, 12, 1), (4, '12', 1), (5, 'abcxyz', 0);
        """,
        "CREATE TABLE course (id bigint PRIMARY KEY, code varchar(3), active boolean);"
        "CREATE UNIQUE INDEX one ON course (code) WHERE active",
        conditions={"one": SqliteSql(condition='"active"', columns=("active",), names=("active",), certain=True)},
    )
    crossing.holds()
    assert account(crossing.verify()) == [("course", 5, 3, 0, 2, 2)]


def test_a_chain_of_merges_is_verified(crossing: Crossing) -> None:
    """3 gives way to 2 for its code, 2 to 1 for its name."""
    crossing.cross(
        """
        CREATE TABLE course (id integer PRIMARY KEY, code text, name text);
        INSERT INTO course VALUES (1, 'A', 'x'), (2, 'B', 'x'), (3, 'B', 'z');
        CREATE TABLE room (id integer PRIMARY KEY, course_id integer);
        INSERT INTO room VALUES (1, 3), (2, 2), (3, 1);
        """,
        """
        CREATE TABLE course (id bigint PRIMARY KEY, code text UNIQUE, name text UNIQUE);
        CREATE TABLE room (id bigint PRIMARY KEY, course_id bigint REFERENCES course);
        """,
    )
    crossing.holds()
    assert account(crossing.verify()) == [("course", 3, 1, 0, 2, 0), ("room", 3, 3, 0, 0, 2)]


def test_a_quarantined_parent_takes_its_children_along_or_frees_them(crossing: Crossing) -> None:
    source = """
        CREATE TABLE course (id integer PRIMARY KEY, hours blob);
        INSERT INTO course VALUES (1, 1), (2, 'many');
        CREATE TABLE room (id integer PRIMARY KEY, course_id integer, note text);
        INSERT INTO room VALUES (1, 1, 'a'), (2, 2, 'b');
    """
    target = """
        CREATE TABLE course (id bigint PRIMARY KEY, hours integer);
        CREATE TABLE room (id bigint PRIMARY KEY, course_id bigint REFERENCES course, note text);
    """
    crossing.cross(source, target, accepted=ALL_ASIDE)
    crossing.holds()
    assert account(crossing.verify()) == [("course", 2, 1, 1, 0, 0), ("room", 2, 2, 0, 0, 1)]


def test_computed_columns_follow_the_repairs(crossing: Crossing) -> None:
    crossing.cross(
        """
        CREATE TABLE course (
            id integer PRIMARY KEY, code text, twice text GENERATED ALWAYS AS (code || code) VIRTUAL,
            kept text GENERATED ALWAYS AS (code || '!') STORED);
        INSERT INTO course (id, code) VALUES (1, 'abcdef'), (2, 'abc');
        """,
        "CREATE TABLE course (id bigint PRIMARY KEY, code varchar(3),"
        " twice text GENERATED ALWAYS AS (code || code) STORED,"
        " kept text GENERATED ALWAYS AS (code || '!') STORED)",
    )
    crossing.holds()
    assert account(crossing.verify()) == [("course", 2, 2, 0, 0, 1)]
    told = [(o.column, o.count, o.samples[0].target) for o in crossing.verify().tables[0].otherwise]
    assert told == [("twice", 1, "abcabc"), ("kept", 1, "abc!")]
    crossing.journal("INSERT INTO changed VALUES ('text-too-long', 'course', 'kept', 1, '{}', 'abcdef!', 'abc!', 0)")
    crossing.report_anew()
    assert unexplained(crossing.verify()) == [("course", "unexplained", "kept")]


def test_hostile_names_and_a_taken_rowid_are_verified(crossing: Crossing) -> None:
    crossing.cross(
        """
        CREATE TABLE "rows of ""x" (rowid integer, "sel ect" text, "id" integer PRIMARY KEY, "row" text, value);
        INSERT INTO "rows of ""x" VALUES (5, CAST(x'6100' AS TEXT), 1, 'abcd', 1), (6, 'b', 2, 'abc', 'x');
        """,
        'CREATE TABLE "rows of ""x" (rowid integer, "sel ect" text, id bigint PRIMARY KEY, "row" varchar(3),'
        " value integer)",
        accepted=ALL_ASIDE,
    )
    crossing.holds()
    assert account(crossing.verify()) == [('rows of "x', 2, 1, 1, 0, 2)]


def test_a_text_that_is_no_utf8_between_two_repairs_is_verified(crossing: Crossing) -> None:
    crossing.cross(
        "CREATE TABLE thing (id integer PRIMARY KEY, value text);"
        "INSERT INTO thing VALUES (1, CAST(x'61e90062636465' AS TEXT)), (2, CAST(x'61e9' AS TEXT));",
        "CREATE TABLE thing (id bigint PRIMARY KEY, value varchar(3))",
    )
    crossing.holds()
    assert account(crossing.verify()) == [("thing", 2, 2, 0, 0, 2)]


def test_a_snapshot_in_utf16_is_verified(crossing: Crossing) -> None:
    crossing.cross(
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE thing (id integer PRIMARY KEY, value text);"
        "INSERT INTO thing VALUES (1, 'éàü𝄞x'), (2, 'b');",
        "CREATE TABLE thing (id bigint PRIMARY KEY, value varchar(4))",
    )
    crossing.holds()
    assert account(crossing.verify()) == [("thing", 2, 2, 0, 0, 1)]


def test_a_lost_record_fails_the_verification(crossing: Crossing) -> None:
    mended = crossing.cross(*PEOPLE, accepted=ALL_ASIDE)
    mended.journal.write_bytes(b"not a database at all" * 100)
    with pytest.raises(VerificationError, match="record of the repairs"):
        crossing.verify()


def test_nothing_is_left_behind(crossing: Crossing) -> None:
    crossing.cross(*PEOPLE, accepted=ALL_ASIDE)
    before = {path.name: path.read_bytes() for path in crossing.folder.iterdir()}
    crossing.verify()
    assert {path.name: path.read_bytes() for path in crossing.folder.iterdir()} == before
