"""Tables and views that no migration knows: carried to schema sqlite_leftovers as they are, and verified."""

import json
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import run_sql
from tests.projects import Project, by_hand, digest

CARRIED = (*by_hand.TABLES, "badly", "worse")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project("stray", tmp_path)
    made.migrate()
    by_hand.make(made.source)
    return made


def words(done: subprocess.CompletedProcess[str]) -> str:
    """What the command printed, however the lines were broken."""
    return " ".join(done.stdout.split())


def comments(url: str, schema: str = "sqlite_leftovers") -> dict[str, str]:
    """Table -> its comment."""
    query = """
        SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c
        WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r'
    """
    return dict(run_sql(url, query, [schema]))


def target_of(url: str, source: str) -> str:
    """PostgreSQL's name of a table, by the comment that names SQLite's."""
    start = f"SQLite's table {source}, which no migration makes."
    (found,) = [name for name, comment in comments(url).items() if comment.startswith(start)]
    return found


def columns_of(url: str, table: str) -> list[tuple[str, str, str]]:
    """(name, type, comment) of each column."""
    query = """
        SELECT a.attname, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'sqlite_leftovers'::regnamespace AND c.relname = %s AND a.attnum > 0 ORDER BY a.attnum
    """
    return run_sql(url, query, [table])


def rows_of(url: str, table: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        place = sql.Identifier("sqlite_leftovers", table)
        return connection.execute(sql.SQL("SELECT * FROM {}").format(place)).fetchall()


CLASSES = {"bigint": "integer", "double precision": "real", "text": "text", "bytea": "blob"}


def as_held(value: Any, type_sql: str, comment: str) -> tuple[str, object]:
    """A value of PostgreSQL's with its storage class, by the type and the comment of its column."""
    if "as its bytes" in comment:
        return "text", value
    return CLASSES[type_sql], value.encode() if type_sql == "text" else value


def put_together(url: str, table: str) -> tuple[list[str], list[tuple[tuple[str, object], ...]]]:
    """The columns by SQLite's names and the rows as SQLite held them, read back from PostgreSQL alone."""
    known = columns_of(url, table)
    sources = [comment.removeprefix("SQLite's column ").split(", declared ")[0] for _, _, comment in known]
    rows = []
    for row in rows_of(url, table):
        found: dict[str, list[tuple[str, object]]] = {source: [] for source in sources}
        for value, source, (_, type_sql, comment) in zip(row, sources, known, strict=True):
            found[source] += [] if value is None else [as_held(value, type_sql, comment)]
        assert all(len(values) < 2 for values in found.values())
        rows.append(tuple(values[0] if values else ("null", None) for values in found.values()))
    return list(dict.fromkeys(sources)), rows


def counted(rows: Iterable[tuple[tuple[str, Any], ...]], *, as_numbers: bool) -> Counter[tuple[tuple[str, str], ...]]:
    """Rows with how many there are of each; a double may stand for an integer where that is what was agreed."""
    return Counter(
        tuple(
            ("real", repr(float(value))) if as_numbers and kind in ("integer", "real") else (kind, repr(value))
            for kind, value in row
        )
        for row in rows
    )


def test_every_value_of_every_table_is_there_as_it_was_and_of_the_same_kind(
    project: Project, each_postgres_url: str
) -> None:
    project.move(each_postgres_url)
    for source in CARRIED:
        names, rows = by_hand.held(project.source, source)
        found_names, found = put_together(each_postgres_url, target_of(each_postgres_url, source))
        assert found_names == names
        # numbers.n, which is numeric, holds integers and reals, none of them too large for a double.
        as_numbers = source == "numbers"
        assert counted(found, as_numbers=as_numbers) == counted(rows, as_numbers=as_numbers), source


def test_types_are_those_of_the_values_and_names_are_ones_that_postgresql_takes(
    project: Project, postgres_url: str
) -> None:
    project.move(postgres_url)
    types = {source: columns_of(postgres_url, target_of(postgres_url, source)) for source in CARRIED}
    named = {source: [(name, type_sql) for name, type_sql, _ in known] for source, known in types.items()}
    assert named["numbers"] == [
        ("id", "bigint"), ("i", "bigint"), ("r", "double precision"), ("n", "double precision"), ("t", "text"),
        ("b", "bytea"), ("none", "text"),
    ]  # fmt: skip
    assert [name for name, _ in named["mixed"]] == [
        "a__integer", "a__real", "a__text", "a__blob", "b__integer", "b__real", "c__text", "c__text_bytes", "d__text",
        "d__blob",
    ]  # fmt: skip
    assert named["badly"] == [("t__text", "text"), ("t__text_bytes", "bytea"), ("plain", "text")]
    assert named["worse"] == [("t", "bytea")]
    # No value speaks for them: the declared types do.
    assert named["empty"] == [("a", "bigint"), ("select", "text")]
    # A column of somebody's own goes before the part of another; PostgreSQL's own columns keep their names.
    assert [name for name, _ in named["Order"]][:2] == ["a__text", "A__integer"]
    names = [name for known in named.values() for name, _ in known] + list(comments(postgres_url))
    assert all(len(name.encode()) <= 63 for name in names)
    assert {"xmin", "ctid"}.isdisjoint(name for name, _ in named[by_hand.HOSTILE])
    assert types["numbers"][3][2] == "SQLite's column n, declared numeric. Integers and reals alike."
    assert types["loose"][0][2] == "SQLite's column a, declared without a type."
    assert types["priced"][1][2].endswith("SQLite computed it.")


def test_a_primary_key_is_kept_where_postgresql_can_keep_it(project: Project, postgres_url: str) -> None:
    project.move(postgres_url)
    query = """
        SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'sqlite_leftovers'::regnamespace AND contype = 'p' ORDER BY 1
    """
    assert run_sql(postgres_url, query) == [
        ("sqlite_leftovers.child", "PRIMARY KEY (id)"),
        ("sqlite_leftovers.empty", "PRIMARY KEY (a)"),
        ("sqlite_leftovers.keyed", "PRIMARY KEY (year, code)"),
        ("sqlite_leftovers.numbers", "PRIMARY KEY (id)"),
    ]
    for source in ("null_key", "long_key", "mixed_key"):
        assert "Its primary key is not kept" in comments(postgres_url)[source]


@pytest.mark.full
def test_what_a_view_gives_is_carried_and_one_that_cannot_be_read_is_named(project: Project, postgres_url: str) -> None:
    done = project.move(postgres_url)
    assert rows_of(postgres_url, "cheap") == [(1, "a", 1), (2, "bb", 2)]
    assert rows_of(postgres_url, "django_year") == [(2024,)]
    assert [type_sql for _, type_sql, _ in columns_of(postgres_url, "chance")] == ["bigint", "bigint", "text"]
    assert [name for name, _, _ in columns_of(postgres_url, "twice")] == ["id", "id:1"]
    assert comments(postgres_url)["cheap"] == f"The rows of SQLite's view cheap. Its SQL: {by_hand.VIEWS[0]}"
    assert {"broken", "unknown", "late"}.isdisjoint(comments(postgres_url))
    told = words(done)
    for complaint in ("no such table: main.gone", "no such function: ours", "integer overflow"):
        assert complaint in told


def test_the_report_tells_each_of_them_and_what_was_not_carried(
    project: Project, postgres_url: str, tmp_path: Path
) -> None:
    done = project.move(postgres_url, "--report", tmp_path / "report")
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    known = {table["name"]: table for table in report["tables"]}
    assert known["sqlite_leftovers.loose"]["rows_source"] == known["sqlite_leftovers.loose"]["rows_target"] == 6
    assert known["sqlite_leftovers.loose"]["cells_compared"] == 12
    assert known["sqlite_leftovers.mixed"]["cells_compared"] == 50
    assert len([name for name in known if name.startswith("sqlite_leftovers.")]) == len(CARRIED) + 4
    assert set(report["publication"]["leftovers"]) == set(comments(postgres_url))
    assert report["publication"]["leftovers_archive"] == ""
    page = (tmp_path / "report" / "report.html").read_text()
    assert "sqlite_leftovers.loose" in page
    told = words(done)
    assert "Not copied: its indexes and triggers (loose_a, loose_t)." in told
    assert "Not copied: its foreign keys, to numbers." in told
    assert "contents: search_data, search_idx, search_content, search_docsize, search_config." in told
    assert "search" not in comments(postgres_url)
    carried = {name: table["rows_target"] for name, table in known.items() if name.startswith("sqlite_leftovers.")}
    public = sum(table["rows_target"] for table in report["tables"]) - sum(carried.values())
    assert f"{public} rows in {len(known) - len(carried)} tables, schema public." in told
    assert (
        f"What no migration knows is in schema sqlite_leftovers: {sum(carried.values())} rows in {len(carried)} tables."
    ) in told


@pytest.mark.parametrize("verify", [pytest.param("counts", marks=pytest.mark.full), "cells"])
def test_a_published_one_is_verified_again_and_a_cell_that_changed_is_found(
    project: Project, postgres_url: str, verify: str
) -> None:
    project.move(postgres_url)
    again = ("migrate_to_pg", "--verify-only", "--source", project.source, "--target", postgres_url, "--verify", verify)
    same = project.run(*again)
    assert ("sqlite_leftovers.chance" in same.stdout and "depend on the moment" in words(same)) == (verify == "cells")
    run_sql(postgres_url, "UPDATE sqlite_leftovers.mixed SET a__text = NULL, a__blob = '1' WHERE a__text = '1'")
    run_sql(
        postgres_url, "DELETE FROM sqlite_leftovers.loose WHERE ctid = (SELECT min(ctid) FROM sqlite_leftovers.loose)"
    )
    changed = project.run(*again, ok=False)
    assert changed.returncode == 3
    assert "sqlite_leftovers.loose" in changed.stdout
    assert ("sqlite_leftovers.mixed" in changed.stdout.splitlines()[0]) == (verify == "cells")


def test_check_tells_what_would_be_carried_and_stops_nobody(project: Project) -> None:
    done = project.run("migrate_to_pg", "--check", "--source", project.source)
    assert "The move copies 6 rows, as they are, to a table of schema sqlite_leftovers" in words(done)


def test_they_may_be_left_behind_or_stop_the_run(project: Project, postgres_url: str) -> None:
    stopped = project.move(postgres_url, "--leftovers", "stop", ok=False)
    assert stopped.returncode == 1
    assert "6 rows would stay behind" in words(stopped)
    project.move(postgres_url, "--leftovers", "skip")
    assert comments(postgres_url) == {}
    assert run_sql(postgres_url, "SELECT to_regnamespace('sqlite_leftovers')") == [(None,)]


@pytest.mark.full
def test_a_rehearsal_leaves_nothing_and_keeps_all_when_told_to(project: Project, postgres_url: str) -> None:
    query = "SELECT nspname FROM pg_namespace WHERE nspname ~ 'leftovers'"
    project.move(postgres_url, "--rehearse")
    assert run_sql(postgres_url, query) == []
    project.move(postgres_url, "--rehearse", "--keep")
    assert run_sql(postgres_url, query) == [("migrate_to_pg_leftovers_incoming",)]
    project.move(postgres_url)
    assert run_sql(postgres_url, query) == [("sqlite_leftovers",)]


@pytest.mark.full
def test_rows_of_one_that_is_excluded_stay_behind_and_are_told(project: Project, postgres_url: str) -> None:
    done = project.move(postgres_url, "--exclude-data", "loose,cheap")
    assert rows_of(postgres_url, "loose") == []
    assert [type_sql for _, type_sql, _ in columns_of(postgres_url, "loose")] == ["bigint", "text"]
    assert "cheap" not in comments(postgres_url)
    assert "sqlite_leftovers.loose (6 rows)" in done.stdout
    refused = project.move(postgres_url, "--replace", "--leftovers", "skip", "--exclude-data", "loose", ok=False)
    assert refused.returncode == 2


@pytest.mark.full
def test_a_row_that_no_page_of_postgresql_holds_stops_the_run_and_names_the_ways_on(
    project: Project, postgres_url: str
) -> None:
    columns = ", ".join(f"c{n} INTEGER" for n in range(1200))
    project.sqlite(f"CREATE TABLE broad ({columns})", f"INSERT INTO broad VALUES ({', '.join(['1'] * 1200)})")
    refused = project.move(postgres_url, ok=False)
    assert "PostgreSQL refused a row of table broad: row is too big" in refused.stderr + refused.stdout
    assert "--exclude-data broad" in words(refused) + refused.stderr
    done = project.move(postgres_url, "--exclude-data", "broad")
    assert "sqlite_leftovers.broad (1 row)" in done.stdout
    project.move(postgres_url, "--replace", "--leftovers", "skip")


def schemas(url: str) -> list[str]:
    query = "SELECT nspname FROM pg_namespace WHERE nspname ~ 'leftovers' ORDER BY 1"
    return [name for (name,) in run_sql(url, query)]


def test_what_stood_there_is_kept_comes_back_and_is_purged(project: Project, postgres_url: str) -> None:
    run_sql(postgres_url, "CREATE SCHEMA sqlite_leftovers; CREATE TABLE sqlite_leftovers.mine AS SELECT 1 AS x")
    project.move(postgres_url)
    archive, now = schemas(postgres_url)
    assert (now, archive[:33]) == ("sqlite_leftovers", "migrate_to_pg_replaced_leftovers_")
    assert run_sql(postgres_url, f"SELECT x FROM {archive}.mine") == [(1,)]
    project.sqlite("INSERT INTO loose VALUES (3, 'z')")
    done = project.move(postgres_url, "--replace")
    assert len(rows_of(postgres_url, "loose")) == 7
    assert (
        "The earlier tables of schema sqlite_leftovers are kept in schema migrate_to_pg_replaced_leftovers_"
        in words(done)
    )
    assert len(schemas(postgres_url)) == 3
    undone = project.undo(postgres_url)
    assert "What was published in schema sqlite_leftovers is kept in schema migrate_to_pg_undone_leftovers_" in words(
        undone
    )
    assert len(rows_of(postgres_url, "loose")) == 6
    project.undo(postgres_url)
    assert run_sql(postgres_url, "SELECT x FROM sqlite_leftovers.mine") == [(1,)]
    assert comments(postgres_url) == {"mine": None}
    purged = project.run("migrate_to_pg", "--purge", "--no-input", "--target", postgres_url)
    assert purged.stdout.count("schema migrate_to_pg_undone_leftovers_") == 2
    assert schemas(postgres_url) == ["sqlite_leftovers"]


@pytest.mark.full
def test_one_schema_serves_all_that_are_published_to_and_belongs_to_the_owner(
    project: Project, postgres_url: str
) -> None:
    run_sql(postgres_url, "CREATE SCHEMA second; CREATE ROLE keeper_of_leftovers")
    run_sql(postgres_url, "GRANT CREATE ON SCHEMA second TO keeper_of_leftovers")
    try:
        project.move(postgres_url)
        elsewhere = ("--publish-to", "second", "--owner", "keeper_of_leftovers")
        project.move(postgres_url, *elsewhere, "--verify", "counts")
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'sqlite_leftovers'"
        assert run_sql(postgres_url, owners) == [("keeper_of_leftovers",)]
        refused = project.undo(postgres_url, ok=False)
        assert "A later publication, to schema second" in refused.stderr
        (first,) = [name for name in schemas(postgres_url) if "replaced" in name]
        assert first not in project.run("migrate_to_pg", "--purge", "--no-input", "--target", postgres_url).stdout
        assert first in schemas(postgres_url)
        project.undo(postgres_url, "--publish-to", "second")
        project.undo(postgres_url)
        assert [name[:30] for name in schemas(postgres_url)] == ["migrate_to_pg_undone_leftovers"] * 2
    finally:
        run_sql(postgres_url, "DROP SCHEMA IF EXISTS sqlite_leftovers, second CASCADE")
        run_sql(postgres_url, "DROP OWNED BY keeper_of_leftovers CASCADE; DROP ROLE keeper_of_leftovers")


@pytest.mark.full
def test_undo_refuses_where_rows_were_written_and_does_without_what_was_dropped(
    project: Project, postgres_url: str
) -> None:
    project.move(postgres_url)
    run_sql(postgres_url, "INSERT INTO sqlite_leftovers.loose VALUES (9, 'new')")
    refused = project.undo(postgres_url, ok=False)
    assert refused.returncode == 1
    assert "sqlite_leftovers.loose: 1 row inserted" in refused.stderr
    run_sql(postgres_url, "DROP SCHEMA sqlite_leftovers CASCADE")
    project.undo(postgres_url)
    assert schemas(postgres_url) == []


@pytest.mark.full
def test_what_is_used_from_outside_does_not_make_room(project: Project, postgres_url: str) -> None:
    run_sql(
        postgres_url,
        "CREATE SCHEMA sqlite_leftovers; CREATE TABLE sqlite_leftovers.mine AS SELECT 1 AS x;"
        "CREATE VIEW public.uses AS SELECT x FROM sqlite_leftovers.mine",
    )
    refused = project.move(postgres_url, ok=False)
    assert refused.returncode == 1
    assert "which has to make room" in refused.stderr
    assert "view uses depends on table sqlite_leftovers.mine" in refused.stderr
    assert schemas(postgres_url) == ["sqlite_leftovers"]


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_run_that_ended_while_they_were_carried_leaves_nothing_to_the_next(
    project: Project, postgres_url: str, number: signal.Signals
) -> None:
    project.sqlite(
        "CREATE TABLE many AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400000)"
        " SELECT i, 'row ' || i AS t FROM n"
    )
    stopped = project.stop_at(postgres_url, "leftovers", number)
    assert stopped.returncode in (1, -signal.SIGKILL)
    assert run_sql(postgres_url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]
    if number is signal.SIGTERM:
        assert schemas(postgres_url) == []
        assert not list(project.folder.glob("**/leftovers.sqlite3*"))
    project.move(postgres_url)
    assert schemas(postgres_url) == ["sqlite_leftovers"]
    assert run_sql(postgres_url, "SELECT count(*), sum(i) FROM sqlite_leftovers.many") == [(400_000, 80_000_200_000)]
    assert not list(project.folder.glob("**/leftovers.sqlite3*"))


def test_the_source_stays_as_it_is(project: Project, postgres_url: str) -> None:
    before = digest(project.source)
    project.move(postgres_url, "--rehearse")
    assert digest(project.source) == before
    assert not list(project.folder.glob("**/leftovers.sqlite3*"))


def make_what_sqlite_lacks(path: Path) -> None:
    """A table by a collation, a virtual table, and names, of a program that is not there any more."""
    with closing(sqlite3.connect(path)) as database, database:
        database.create_collation("NOCASE_UTF8", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
        database.execute("CREATE TABLE node (id integer PRIMARY KEY, title text COLLATE NOCASE_UTF8 NOT NULL UNIQUE)")
        database.execute("CREATE TABLE term (name text COLLATE NOCASE_UTF8 PRIMARY KEY, n) WITHOUT ROWID")
        for number, word in enumerate(("b", "A", "é", "C", "a1")):
            database.execute("INSERT INTO node VALUES (?, ?)", [number, word])
            database.execute("INSERT INTO term VALUES (?, ?)", [word, number])
        database.execute("CREATE TABLE ABCDEF (a)")
        database.execute("CREATE VIEW endless AS WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n")
        database.execute("PRAGMA writable_schema = ON")
        database.execute(
            "INSERT INTO sqlite_master VALUES ('table', 'idx', 'idx', 0, 'CREATE VIRTUAL TABLE idx USING nobodys(a)')"
        )
    raw = path.read_bytes().replace(b"ABCDEF", b"\xff\xfeCDE\xe9")
    path.write_bytes(raw)


@pytest.mark.full
def test_what_no_program_registers_any_more_is_named_and_stands_in_nobodys_way(
    project: Project, postgres_url: str
) -> None:
    make_what_sqlite_lacks(project.source)
    lacking = ("node.title", "term.name", "idx", r"\xff\xfeCDE\xe9")
    check = ("migrate_to_pg", "--check")
    for command in (check, (*check, "--leftovers", "skip"), ("sqlite_doctor",)):
        # Other tables of these are ill on purpose.
        told = words(project.run(*command, ok=command[0] == check[0]))
        assert "integrity-check" not in told
        assert [name for name in lacking if f"lacking-in-sqlite {name}" not in told] == []
    assert "it gives more than 1,000,000 rows" in words(project.move(postgres_url))
    rows = run_sql(postgres_url, "SELECT title FROM sqlite_leftovers.node ORDER BY id")
    assert rows == [("b",), ("A",), ("é",), ("C",), ("a1",)]
    assert run_sql(postgres_url, "SELECT name FROM sqlite_leftovers.term ORDER BY n") == rows
    assert "no difference" in words(project.run("migrate_to_pg", "--verify-only", "--target", postgres_url))
    # All of it goes into a dump, too.
    dump = project.folder / "x.dump"
    project.run("migrate_to_pg", "--dump", dump)
    told = words(project.run("migrate_to_pg", "--verify-only", "--from-dump", dump, "--target", postgres_url))
    assert "no difference" in told


def test_rows_of_a_table_without_rowid_are_listed_set_aside_and_accounted_for(
    project: Project, postgres_url: str
) -> None:
    project.sqlite(
        "DROP TABLE stray_thing",
        "CREATE TABLE stray_thing (id integer NOT NULL PRIMARY KEY, name varchar(20) NOT NULL) WITHOUT ROWID",
        "INSERT INTO stray_thing VALUES (7, 'fine'), (3, 'longer than any of twenty'), (5, 'also too long for that')",
    )
    told = project.move(postgres_url, ok=False)
    assert "id = 3: 'longer than any of twenty'" in told.stdout
    assert "--quarantine text-too-long leaves these rows" in words(told)
    project.move(postgres_url, "--quarantine", "text-too-long")
    assert run_sql(postgres_url, "SELECT id, name FROM stray_thing") == [(7, "fine")]
    [snapshot] = project.folder.rglob("snapshot.sqlite3")
    again = project.run("migrate_to_pg", "--verify-only", "--source", snapshot, "--target", postgres_url)
    assert "no difference but what the repairs did" in words(again)
