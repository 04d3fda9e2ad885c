"""The command file for pgloader: only the planned tables, and nothing that its language cannot say."""

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from migrate_to_pg.errors import LoadError
from migrate_to_pg.load.pgloader_command import PgloaderTarget, command
from migrate_to_pg.records import (
    Plan,
    PlannedColumn,
    PlannedTable,
    SourceColumn,
    SourceTable,
    TargetColumn,
    TargetTable,
)

WAY = PgloaderTarget(url="postgresql:///x", variables={}, password="secret", role="none")


def table(
    name: str,
    *,
    source: str | None = None,
    column: str = "value",
    source_column: str | None = None,
    kind: str = "numeric",
) -> PlannedTable:
    here = SourceColumn(name=source_column or column, declared_type="", not_null=False, key_position=0, generated=False)
    there = TargetColumn(name=column, type_name=kind, type_sql=kind, not_null=False)
    return PlannedTable(
        source=SourceTable(name=source or name, sql="", columns=(here,), foreign_keys=(), rows=0),
        target=TargetTable(name=name, columns=(there,), primary_key=()),
        columns=(PlannedColumn(source=here, target=there),),
    )


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    """The command for these planned tables, of a snapshot that holds others too."""

    def write(*tables: PlannedTable, others: Sequence[str] = (), way: PgloaderTarget = WAY, jobs: int = 1) -> str:
        snapshot = tmp_path / "snapshot.sqlite3"
        with closing(sqlite3.connect(snapshot)) as connection:
            for name in (*(t.source.name for t in tables), *others):
                connection.execute(f'CREATE TABLE "{name}" (value)')
        return command(Plan(tables=tables), snapshot, way, schema="incoming", jobs=jobs)

    return write


def names(text: str, clause: str) -> list[str]:
    found = re.search(rf"^{clause} TABLE NAMES LIKE (.*)$", text, re.MULTILINE)
    return re.findall(r"'([^']*)'", found[1]) if found else []


def test_a_table_that_a_pattern_fits_as_well_is_left_out(written: Callable[..., str]) -> None:
    text = written(table("a_b"), table("c"), others=["axb", "A_B_C", "d"])
    assert names(text, "INCLUDING ONLY") == ["a_b", "c"]
    assert names(text, "EXCLUDING") == ["axb"]


def test_tables_that_it_could_not_tell_apart_are_refused(written: Callable[..., str]) -> None:
    with pytest.raises(LoadError, match="pgloader cannot tell table axb from a_b"):
        written(table("axb"), table("a__"), others=["a_b"])


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (table("Course", source="course"), "Course is spelled otherwise in SQLite"),
        (table("course", column="Name", source_column="name"), "Name is spelled otherwise in SQLite"),
        (table("it's"), "cannot be written into pgloader's command file"),
        (table("{{x}}"), "cannot be written into pgloader's command file"),
    ],
)
def test_a_name_that_it_cannot_say_is_refused(written: Callable[..., str], made: PlannedTable, told: str) -> None:
    with pytest.raises(LoadError, match="pgloader cannot load table ") as raised:
        written(made)
    assert told in raised.value.detail[0]


def test_a_column_without_a_declared_type_is_written_as_its_type_asks(written: Callable[..., str]) -> None:
    assert "CAST column a.value to numeric using float-to-string\n" in written(table("a"))
    assert "to bytea using byte-vector-to-bytea" in written(table("a1", kind="bytea"))
    assert "CAST" not in written(table("a2", kind="text"))
    # A name that its language cannot say here is left to the declared type.
    assert "CAST" not in written(table("a b"))


def test_it_makes_drops_and_resets_nothing_and_never_holds_the_password(written: Callable[..., str]) -> None:
    text = written(table("a"), way=PgloaderTarget(url=WAY.url, variables={}, password="secret", role="owner"), jobs=3)
    for word in ("data only", "include no drop", "create no tables", "create no indexes", "reset no sequences"):
        assert word in text
    assert "search_path to 'incoming', timezone to 'UTC'" in text
    assert "role to 'owner'" in text
    assert "workers = 6" in text
    assert "secret" not in text + repr(WAY)
