"""Every healthy database of the corpus there and back: it is what it was, in schema, rows and storage classes."""

from __future__ import annotations

import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from pytest_django import DjangoDbBlocker

from migrate_to_pg.pipeline import move_back as back_module
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.planning.scratch_schema import SqliteSchema, Statement
from migrate_to_pg.project.source_database import SourceChoice, choose_new_file
from migrate_to_pg.records import Options, Report, SourceCatalog
from migrate_to_pg.sqlite.connection import quote_name
from tests.corpus import Case
from tests.corpus.conftest import Move
from tests.corpus.generic import HEALTHY as HEALTHY_GENERIC
from tests.corpus.healthy import CASES

_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'"

#: A local time with an offset: Django writes none, so that it has one form for both of these hours.
BLOCKED = {"an offset in the hour that was twice": "second-local-hour"}


@pytest.mark.full
@pytest.mark.parametrize("case", [*CASES, *HEALTHY_GENERIC], ids=lambda case: case.name.replace(" ", "-"))
def test_a_healthy_database_comes_back_as_it_was(
    case: Case,
    move: Move,
    corpus_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    there = move(case)
    assert there.ok, there.failure
    with django_db_blocker.unblock():
        report = _move_back(case, corpus_url, tmp_path, monkeypatch)
    if case.name in BLOCKED:
        assert [finding.rule for finding in report.findings if finding.blocks] == [BLOCKED[case.name]]
        return
    assert report.ok, (report.failure, [finding.explanation for finding in report.findings])
    old, new = _read(tmp_path / "db.sqlite3"), _read(tmp_path / "new.sqlite3")
    assert new == old


def _move_back(case: Case, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Move back, with the case's own tables where a project's migrations would make theirs."""
    with closing(sqlite3.connect(folder / "db.sqlite3")) as database:
        statements = tuple(Statement(*row) for row in database.execute(_SCHEMA))

    def learn(run: Run, _connection: psycopg.Connection) -> SqliteSchema:
        applied = (("case", "0001_initial"),)
        run.state.record_source(catalog=SourceCatalog(tables=(), applied_migrations=applied))
        return SqliteSchema(choice=run.source_choice, statements=statements)

    def choose(name: str | None, alias: str) -> SourceChoice:
        return dataclasses.replace(choose_new_file(name, alias), time_zone=case.time_zone)

    monkeypatch.setattr(back_module, "learn_schema", learn)
    monkeypatch.setattr(back_module, "choose_new_file", choose)
    options = Options(source=url, target=str(folder / "new.sqlite3"), report=folder / "back")
    return back_module.move_back(options)


def _read(path: Path) -> tuple[set[tuple[str, ...]], dict[str, list[str]]]:
    """The schema, and of each table the storage classes of every row."""
    with closing(sqlite3.connect(path)) as database:
        schema = set(database.execute(_SCHEMA))
        held = {}
        for table in sorted(name for kind, name, __, ___ in schema if kind == "table"):
            columns = [name for (name,) in database.execute("SELECT name FROM pragma_table_xinfo(?)", [table])]
            classes = ", ".join(f"typeof({quote_name(column)})" for column in columns)
            held[table] = sorted(map(repr, database.execute(f"SELECT {classes} FROM {quote_name(table)}")))
        return schema, held
