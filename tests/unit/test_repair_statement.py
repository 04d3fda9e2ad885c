"""CREATE TABLE statements in every spelling that SQLite takes: one part is replaced, every other byte stays."""

import sqlite3
from contextlib import closing

import pytest

from migrate_to_pg.sqlite import ddl

SPELLINGS = ["gone", '"gone"', "`gone`", "[gone]", "'gone'", "GONE"]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    "template",
    [
        'CREATE TABLE "t" (id integer PRIMARY KEY, a integer REFERENCES {}(id), b text)',
        "CREATE TABLE t(a integer NOT NULL references{} , b)",
        "CREATE TABLE [t] (a integer, b text, CONSTRAINT x FOREIGN KEY (a) REFERENCES /* REFERENCES no */ {} (id))",
        "CREATE TABLE `t`\n(a integer -- REFERENCES no\n, b DEFAULT 'REFERENCES x', FOREIGN KEY(a) REFERENCES\n{})",
    ],
)
def test_a_references_clause_names_another_table_and_nothing_else_changes(template: str, spelling: str) -> None:
    if "references{}" in template and spelling[0].isalpha():
        spelling = f" {spelling}"
    sql = template.format(spelling)
    assert [token.name.lower() for token in ddl.parents(sql)] == ["gone"]
    assert ddl.with_parents(sql, {0: 'the "right" one'}) == template.format(
        (" " if spelling.startswith(" ") else "") + '"the ""right"" one"'
    )


def test_only_the_clause_that_is_meant_changes() -> None:
    sql = "CREATE TABLE t(a REFERENCES x, b REFERENCES x, FOREIGN KEY (a, b) REFERENCES x(c, d) ON DELETE CASCADE)"
    assert ddl.with_parents(sql, {1: "y"}) == sql.replace("b REFERENCES x", 'b REFERENCES "y"')


HOSTILE = """CREATE TABLE "a(b ""c" (id integer PRIMARY KEY AUTOINCREMENT /* , x */,
 "a,b" decimal(6, 2) DEFAULT 'x,)' , [c d] integer -- , CHECK (
 CONSTRAINT z NOT NULL, "check" text CHECK ("check" <> ','), été AS (id + 1), CHECK (id > 0) UNIQUE ([c d]))"""


def test_columns_are_told_apart_as_sqlite_does() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(HOSTILE)
        told = [name for (name,) in database.execute("SELECT name FROM pragma_table_xinfo('a(b \"c')")]
    found = ddl.columns(HOSTILE)
    assert [column.name for column in found] == told == ["id", "a,b", "c d", "check", "été"]
    assert found[1].text == "\"a,b\" decimal(6, 2) DEFAULT 'x,)'"


def test_a_column_is_defined_otherwise_and_nothing_else_changes() -> None:
    changed = ddl.with_columns(HOSTILE, {"a,b": '"a,b" text NOT NULL'})
    assert changed == HOSTILE.replace("\"a,b\" decimal(6, 2) DEFAULT 'x,)'", '"a,b" text NOT NULL')


def test_the_name_alone_changes() -> None:
    changed = ddl.with_name(HOSTILE, 'n"w')
    assert changed.startswith('CREATE TABLE "n""w" (id integer')
    assert ddl.after_name(changed) == ddl.after_name(HOSTILE)
