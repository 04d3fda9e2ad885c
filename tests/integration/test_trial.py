"""The trial of each row: which ones PostgreSQL refuses, of which column, and what it never blames a row for."""

from __future__ import annotations

import psycopg
import pytest

from migrate_to_pg.errors import LoadError, RefusedRowsError
from migrate_to_pg.load import find_refused
from migrate_to_pg.load.copy import CopyContext
from migrate_to_pg.load.find_refused import Trial, try_rows
from migrate_to_pg.records import Refusal
from tests.integration.crossing import Ferry
from tests.tiers import first_in_ci

pytestmark = pytest.mark.parametrize(
    "shared_url", [16, 18], indirect=True, scope="module", ids=lambda version: f"pg{version}"
)


def tried(ferry: Ferry, *definitions: str) -> tuple[Refusal, ...]:
    """What is refused of table t; nothing of the trial may stay."""
    plan = ferry.plan()
    one = Trial(table=plan.tables[0], definitions={f"d{n}": sql for n, sql in enumerate(definitions)})
    objects = "SELECT relname FROM pg_class WHERE relnamespace = 'ferry'::regnamespace ORDER BY 1"
    before = ferry.rows(objects)
    context = CopyContext(plan, ferry.path, "ferry", lambda _: None)
    with psycopg.connect(ferry.url, autocommit=True) as connection, context as copy:
        found = try_rows([one], copy, connection, ferry.url)
    assert ferry.rows(objects) == before
    return found


def told(found: tuple[Refusal, ...]) -> list[tuple[str, str, list[int]]]:
    return [(", ".join(refusal.columns), refusal.sqlstate, list(refusal.rows)) for refusal in found]


#: PostgreSQL's column v -> what SQLite holds, the rows that are refused being marked by their SQLSTATE.
COLUMNS: dict[str, list[tuple[object, str]]] = {
    "integer[]": [("{1}", ""), ("[1]", "22P02"), ("{2}", ""), ("{9999999999}", "22003"), ("x", "22P02")],
    "int4range": [("[1,2)", ""), ("[3,2)", "22000")],
    "mood": [("sad", ""), ("glad", "22P02")],
    "bit(3)": [("101", ""), ("1010", "22026")],
    "odd": [(1, ""), (2, "23514"), (4, "23514")],
    "short": [("abc", ""), ("abcd", "22001")],
    "pair": [("(1,a)", ""), ("(1,2,3)", "22P02")],
    "macaddr": [("08:00:2b:01:02:03", ""), ("zz:00:2b:01:02:03", "22P02")],
    "point": [("(1,2)", ""), ("1;2", "22P02")],
    "tsquery": [("a & b", ""), ("a &", "42601")],
    "text CHECK (md5(v) <> md5('x'))": [("a", ""), ("x", "23514")],
    "text UNIQUE": [("a", ""), ("b", ""), ("a", "23505")],
}


@pytest.mark.parametrize("type_sql", COLUMNS)
@pytest.mark.parametrize("together", first_in_ci(1000, 2))
def test_every_row_that_is_refused_is_known_with_its_column_and_reason(
    ferry: Ferry, type_sql: str, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_refused, "_ROWS_AT_ONCE", together)
    ferry.target(
        "CREATE TYPE mood AS ENUM ('sad'); CREATE TYPE pair AS (n int, t text);"
        "CREATE DOMAIN odd AS int CHECK (VALUE % 2 = 1); CREATE DOMAIN short AS varchar(3)"
    )
    values = COLUMNS[type_sql]
    ferry.column(type_sql, *(value for value, _ in values), None)
    refused: dict[str, list[int]] = {}
    for number, (_, state) in enumerate(values, 1):
        if state:
            refused.setdefault(state, []).append(number)
    assert told(tried(ferry)) == [("v", state, rows) for state, rows in refused.items()]
    if "UNIQUE" not in type_sql and type_sql != "short":
        with pytest.raises(RefusedRowsError) as error:
            ferry.load()
        assert error.value.tables == ("t",)


COMPUTED = {
    "numeric(4,2)": ("n * 10", [5, 10, 99], "22003", [2, 3]),
    "varchar(2)": ("s || n::text", [5, 10, 99], "22001", [2, 3]),
    "integer": ("100 / n", [5, 0, 9], "22012", [2]),
    "numeric(9,2)": ("sqrt(n)", [5, -1, 9], "2201F", [2]),
    "smallint": ("n * n", [5, 1000, 9], "22003", [2]),
}


@pytest.mark.parametrize("type_sql", COMPUTED)
@pytest.mark.parametrize("kind", ["STORED", "VIRTUAL"])
def test_what_cannot_be_computed_is_told_of_the_generated_column(ferry: Ferry, type_sql: str, kind: str) -> None:
    expression, values, state, rows = COMPUTED[type_sql]
    with psycopg.connect(ferry.url) as connection:
        if kind == "VIRTUAL" and connection.info.server_version < 180000:
            kind = "STORED"
    ferry.source("CREATE TABLE t (id integer PRIMARY KEY, n integer, s text)")
    ferry.fill("INSERT INTO t VALUES (?, ?, 'a')", enumerate(values, 1))
    ferry.target(
        f"CREATE TABLE t (id int PRIMARY KEY, n int, s text, other int GENERATED ALWAYS AS (n + 1) STORED,"
        f" v {type_sql} GENERATED ALWAYS AS ({expression}) {kind})"
    )
    (refusal,) = tried(ferry)
    assert told((refusal,)) == [("v", state, rows)]
    assert set(refusal.inputs) == ({"n", "s"} if "s ||" in expression else {"n"})
    with pytest.raises(RefusedRowsError):
        ferry.load()


def test_exclusions_refuse_what_conflicts_with_a_row_before(ferry: Ferry) -> None:
    ferry.column("int4range", "[1,5)", "[4,6)", "[5,9)", "[0,99)", "[20,21)")
    definition = "ALTER TABLE t ADD CONSTRAINT d0 EXCLUDE USING gist (v WITH &&) DEFERRABLE INITIALLY DEFERRED"
    assert told(tried(ferry, definition)) == [("v", "23P01", [2, 4])]


def test_several_columns_a_key_of_texts_and_rows_with_faults_of_their_own(ferry: Ferry) -> None:
    """A row that cannot be sent has a finding elsewhere and is not tried; without rowids rows have their places."""
    ferry.source("CREATE TABLE t (code text PRIMARY KEY, a, n integer) WITHOUT ROWID")
    ferry.fill("INSERT INTO t VALUES (?, ?, ?)", [("a", "{1}", 1), ("b", "x", 1), ("c", b"blob", 1), ("d", "{1}", 9)])
    ferry.target("CREATE TABLE t (code text PRIMARY KEY, a int[], n int CONSTRAINT few CHECK (n < 9 OR a = '{7}'))")
    assert told(tried(ferry)) == [("a", "22P02", [2]), ("a, n", "23514", [4])]


@pytest.mark.parametrize("state", ["53100", "57P03", "08006", "XX000", "40P01", "55P03"])
def test_a_full_disk_or_a_lost_server_is_no_fault_of_a_row(ferry: Ferry, state: str) -> None:
    ferry.column("integer", 1, 2, 3)
    ferry.target(
        "CREATE OR REPLACE FUNCTION ferry.fine(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS"
        f" $$BEGIN IF $1 = 2 THEN RAISE 'no more room' USING ERRCODE = '{state}'; END IF; RETURN true; END$$;"
        "ALTER TABLE t ADD CHECK (ferry.fine(v))"
    )
    for act in (ferry.load, lambda: tried(ferry)):
        with pytest.raises(LoadError, match=r"could not go on while table t .*no more room") as error:
            act()
        assert not isinstance(error.value, RefusedRowsError)


def test_what_is_not_there_is_no_fault_of_a_row_either(ferry: Ferry) -> None:
    ferry.column("integer", 1, 2, 3)
    ferry.target(
        "CREATE OR REPLACE FUNCTION ferry.fine(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS"
        " $$BEGIN RETURN nowhere($1); END$$; ALTER TABLE t ADD CHECK (ferry.fine(v))"
    )
    assert tried(ferry) == ()


@pytest.mark.parametrize("pg", ["xml", "xml[]"])
def test_a_server_without_xml_is_no_fault_of_a_row_either(ferry: Ferry, pg: str) -> None:
    """The wheel's was built without libxml, and says so of each value."""
    ferry.column(pg, "<a/>", "{<b/>}")
    with pytest.raises(LoadError, match="unsupported XML feature") as error:
        tried(ferry)
    assert "built without libxml" in str(error.value.remedy)


def test_names_of_all_kinds_and_a_hundred_thousand_rows(ferry: Ferry) -> None:
    """Names that the trial uses itself, quotes and dollars in them; and no row is tried more than twice."""
    table, column = 'migrate_to_pg_one"$migrate_to_pg$', "state %s {x}' \\"
    quoted = [name.replace('"', '""') for name in (table, column)]
    ferry.source(f'CREATE TABLE "{quoted[0]}" (migrate_to_pg_part integer PRIMARY KEY, "{quoted[1]}" text)')
    rows = ((n, "x" if n % 1000 == 0 else "{1}") for n in range(1, 100_001))
    ferry.fill(f'INSERT INTO "{quoted[0]}" VALUES (?, ?)', rows)
    ferry.target(
        "CREATE SEQUENCE tries;"
        f"CREATE TABLE \"{quoted[0]}\" (migrate_to_pg_part int PRIMARY KEY CHECK (nextval('ferry.tries') > 0),"
        f' "{quoted[1]}" int[])'
    )
    assert told(tried(ferry)) == [(column, "22P02", list(range(1000, 100_001, 1000)))]
    assert ferry.rows("SELECT last_value <= 200000 FROM tries") == [(True,)]
