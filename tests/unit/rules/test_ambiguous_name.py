"""Names that PostgreSQL cuts, or whose case it tells apart: paired where there is one way, and never guessed."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Level, ModelNames, Unmade
from tests.unit.rules.examined import check_finds, check_healthy, findings, table

LONG = "t" * 69
CUT = LONG[:63]


def model(label: str, source: str, target: str, *columns: tuple[str, str], unmade: Unmade | None = None) -> ModelNames:
    return ModelNames(label=label, source=source, target=target, columns=columns, is_used=True, unmade=unmade)


def made(*names: str) -> str:
    return "".join(f'CREATE TABLE "{name}" (id integer PRIMARY KEY);' for name in names)


def test_a_models_table_is_found_by_its_whole_name() -> None:
    own = model("app.Model", LONG, CUT)
    for name in (f"{LONG}_old", CUT.upper()):
        finding = check_finds("leftover-table", made(LONG, name), table(CUT, "id bigint"), names=[own])
        assert finding.table == name


def test_no_other_one_takes_its_place() -> None:
    own = model("app.Model", LONG, CUT)
    found = findings(made(f"{LONG}_old"), table(CUT, "id bigint"), names=[own])
    assert {finding.rule for finding in found} == {"missing-table", "leftover-table"}


@pytest.mark.parametrize(
    ("sources", "target", "column"),
    [
        ((f"{LONG}_a", f"{LONG}_b"), CUT, ""),
        ((LONG, f"{LONG}_b"), CUT, ""),
    ],
)
def test_two_tables_that_would_fit_are_both_named(sources: tuple[str, str], target: str, column: str) -> None:
    finding = check_finds("ambiguous-name", made(*sources), table(target, "id bigint"))
    assert (finding.level, finding.table, finding.column, finding.count) == (Level.ERROR, target, column, 2)
    assert f"tables of SQLite match it: {', '.join(sources)}." in finding.explanation


def test_two_tables_of_postgresqls_that_one_would_fit_are_both_named() -> None:
    finding = check_finds("ambiguous-name", made("COURSE"), table("Course", "id bigint"), table("course", "id bigint"))
    assert "PostgreSQL has the table Course, course." in finding.explanation
    check_healthy(made("COURSE"), table("course", "id bigint"))


def test_so_it_is_with_columns_but_for_the_whole_name_that_a_model_gives() -> None:
    script = f"CREATE TABLE t (id integer PRIMARY KEY, {LONG} int, {LONG}_old int);"
    target = table("t", "id bigint", f"{CUT} integer NULL")
    finding = check_finds("ambiguous-name", script, target)
    assert (finding.table, finding.column) == ("t", CUT)
    assert f"columns of SQLite match it: {LONG}, {LONG}_old." in finding.explanation
    own = model("app.T", "t", "t", ("id", "id"), (LONG, CUT))
    assert check_finds("extra-column", script, target, names=[own]).column == f"{LONG}_old"


def test_names_that_differ_by_the_case_of_non_ascii_letters_are_two_in_sqlite() -> None:
    """So SQLite compares them; PostgreSQL has both as well."""
    check_healthy(made("É", "é"), table("É", "id bigint"), table("é", "id bigint"))


def test_two_models_that_postgresql_calls_alike_are_named_whatever_sqlite_has() -> None:
    names = [model("app.A", f"{LONG}a", CUT), model("app.B", f"{LONG}b", CUT)]
    for script in (made(f"{LONG}a", f"{LONG}b"), made(f"{LONG}a")):
        found = findings(script, table(CUT, "id bigint"), names=names)
        assert [f.explanation for f in found if f.rule == "ambiguous-name"] == [
            f"PostgreSQL has the table {CUT}. Several tables of SQLite match it: {LONG}a, {LONG}b."
            " PostgreSQL cuts a name at 63 bytes and distinguishes upper and lower case. SQLite does neither."
        ]
