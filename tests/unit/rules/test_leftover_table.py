"""A table that no migration knows."""

from __future__ import annotations

from migrate_to_pg.records import Leftovers, Level
from tests.unit.rules.examined import check_finds, check_healthy, findings, table

FULL = 'CREATE TABLE "co""urse_backup" (id integer PRIMARY KEY); INSERT INTO "co""urse_backup" VALUES (1), (2);'


def test_that_its_rows_are_carried_is_a_warning() -> None:
    finding = check_finds("leftover-table", FULL)
    assert (finding.table, finding.column, finding.count, finding.level) == ('co"urse_backup', "", 2, Level.WARNING)
    assert "The move copies 2 rows, as they are, to a table of schema sqlite_leftovers" in finding.explanation
    assert 'DROP TABLE "co""urse_backup";' in finding.remedy
    assert "--leftovers skip" in finding.remedy


def test_rows_that_would_stay_behind_are_an_error_where_they_are_to_stop_the_run() -> None:
    finding = check_finds("leftover-table", FULL, leftovers=Leftovers.STOP)
    assert finding.level is Level.ERROR
    assert "2 rows would stay behind" in finding.explanation
    assert "--leftovers copy" in finding.remedy


def test_the_user_may_leave_them_behind() -> None:
    finding = check_finds("leftover-table", FULL, leftovers=Leftovers.SKIP)
    assert finding.level is Level.WARNING
    assert "stay behind, as --leftovers skip asks." in finding.explanation


def test_an_empty_one_is_a_warning_in_any_case() -> None:
    for choice in Leftovers:
        finding = check_finds("leftover-table", "CREATE TABLE new__course (id integer PRIMARY KEY);", leftovers=choice)
        assert (finding.count, finding.level) == (1, Level.WARNING)


def test_what_is_not_carried_with_it_is_named() -> None:
    script = """
        CREATE TABLE old (id integer PRIMARY KEY, up REFERENCES old (id), v UNIQUE);
        CREATE INDEX old_v ON old (v);
    """
    finding = check_finds("leftover-table", script)
    assert "Not copied: its indexes and triggers (old_v)." in finding.explanation
    assert "Not copied: its foreign keys, to old." in finding.explanation


def test_sqlites_own_tables_are_none() -> None:
    script = "CREATE TABLE t (id integer PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES (1); ANALYZE;"
    check_healthy(script, table("t", "id bigint"))


def test_a_virtual_table_is_told_once_with_the_tables_it_keeps_its_contents_in() -> None:
    script = "CREATE VIRTUAL TABLE search USING fts5(body); INSERT INTO search VALUES ('x');"
    for choice in Leftovers:
        finding = check_finds("leftover-table", script, leftovers=choice)
        assert (finding.table, finding.count) == ("search", 1)
        assert "virtual table" in finding.explanation
        assert "search_content" in finding.explanation
        assert finding.level is Level.WARNING  # PostgreSQL has nothing of the kind: it stops nobody


def test_an_index_that_keeps_no_text_is_to_be_made_anew_and_no_other_is() -> None:
    for options, is_contentless in (
        ("content=''", True),
        ('content = ""', True),
        ("", False),
        ("content='own'", False),
    ):
        module = f"fts5({', '.join(filter(None, ['body', options]))})"
        script = f"CREATE VIEW own AS SELECT 1 AS body; CREATE VIRTUAL TABLE search USING {module};"
        remedy = next(f.remedy for f in findings(script) if f.rule == "leftover-table")
        assert ("is to be indexed anew from where its texts came" in remedy) == is_contentless
        assert ("copy them to an ordinary table first" in remedy) != is_contentless
        assert "the only copy of the table that the tool keeps, and --purge removes it" in remedy


def test_without_a_server_nobody_is_stopped_by_a_table_that_a_migration_may_make() -> None:
    script = "CREATE TABLE t (id integer PRIMARY KEY); CREATE TABLE own (id integer); INSERT INTO own VALUES (1);"
    for promised, level in ((False, Level.ERROR), (True, Level.WARNING)):
        (told,) = findings(script, table("t", "id bigint"), leftovers=Leftovers.STOP, offline=promised)
        assert told.level is level
        assert "1 row would stay behind" in told.explanation


def test_more_columns_than_postgresql_takes_stay_behind_and_are_told_beforehand() -> None:
    """As SQLite has them, or once a column of several kinds of values has become several."""
    columns = ", ".join(f"c{n}" for n in range(1601))
    finding = check_finds("leftover-table", f"CREATE TABLE wide ({columns}); INSERT INTO wide (c1) VALUES (1);")
    assert (finding.level, finding.count) == (Level.WARNING, 1)
    assert "it would have 1,601 columns on PostgreSQL, which takes no more than 1,600" in finding.explanation
    assert "1 row would stay behind" in finding.explanation
    names = [f"c{n}" for n in range(900)]
    mixed = [", ".join([value] * 900) for value in ("1", "'a'", "2.5", "NULL")]
    script = f"CREATE TABLE mixed ({', '.join(names)}); INSERT INTO mixed VALUES {', '.join(f'({m})' for m in mixed)};"
    assert "it would have 1,800 columns" in check_finds("leftover-table", script).explanation
    plain = script.replace("'a'", "3")
    assert "The move copies 4 rows, as they are," in check_finds("leftover-table", plain).explanation
