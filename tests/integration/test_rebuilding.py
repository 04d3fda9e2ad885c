"""The rebuild of a database within this process: what keeps a new file from being made."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from migrate_to_pg.errors import SourceError, UsageError
from migrate_to_pg.postgres import embedded_directory
from migrate_to_pg.project.source_database import choose_source
from migrate_to_pg.rebuild import rebuild as rebuild_module
from migrate_to_pg.rebuild.rebuild import rebuild
from migrate_to_pg.rebuild.salvage import salvage
from migrate_to_pg.records import Event, Options
from tests.conftest import MakeSource
from tests.integration.repairing import ask, change, content

pytestmark = pytest.mark.usefixtures("unblocked")


def test_without_the_wheel_one_line_says_what_to_install(
    make_source: MakeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_directory, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="--rebuild needs the PostgreSQL that comes as a wheel") as refused:
        rebuild(Options(source=str(make_source("none")), target=str(tmp_path / "new.sqlite3")))
    assert refused.value.remedy == "Run: pip install 'django-migrate-to-pg[embedded]'"


def test_what_is_written_meanwhile_keeps_the_new_file_from_being_made(make_source: MakeSource, tmp_path: Path) -> None:
    old, new = Path(shutil.copy(make_source("none"), tmp_path / "db.sqlite3")), tmp_path / "new.sqlite3"
    stages: list[str] = []

    def write_late(event: Event) -> None:
        if (event.kind, event.stage) == ("stage_done", "restore"):
            stages.append(event.stage)
            if len(stages) == 2:
                change(old, "UPDATE courses_course SET title = 'late' WHERE id = 1")

    report = rebuild(Options(source=str(old), target=str(new), report=tmp_path / "report"), write_late)
    assert len(stages) == 2
    assert report.failure
    assert "was written to meanwhile" in report.failure.message
    assert report.failure.detail == ("The first difference: courses_course",)
    assert [path for path in tmp_path.iterdir() if path.name.startswith("new")] == []


def test_room_is_asked_for_on_each_disk_before_anything(
    make_source: MakeSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild_module, "_BESIDE_FILE", 1e12)
    with pytest.raises(SourceError, match=r"The rebuild needs .* TiB on the disk of .*; .* are free"):
        rebuild(
            Options(source=str(make_source("none")), target=str(tmp_path / "new.sqlite3"), report=tmp_path / "report")
        )
    assert not (tmp_path / "new.sqlite3").exists()


def break_pages(path: Path, btree: str, *which: int) -> None:
    """Overwrite leaf pages of a table or an index by noise."""
    change(path, "PRAGMA journal_mode = delete")
    leaves = [page for (page,) in ask(path, f"SELECT pageno FROM dbstat WHERE name = '{btree}' AND pagetype = 'leaf'")]
    with path.open("r+b") as file:
        for number in which:
            file.seek((sorted(leaves)[number] - 1) * 4096)
            file.write(os.urandom(4096))


def readable(path: Path, table: str, highest: int) -> set[int]:
    """The ids of the rows that SQLite reads, asked for one by one."""
    found = set()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        for number in range(1, highest + 1):
            with suppress(sqlite3.DatabaseError):
                query = f"SELECT * FROM {table} NOT INDEXED WHERE id = ?"
                found |= {number} if database.execute(query, [number]).fetchall() else set()
    return found


@pytest.mark.parametrize(
    ("indexed", "which"), [(True, (2, 3)), (True, (-1,)), (True, (0, 2, 5, -1)), (False, (1, 4)), (False, (0, -1))]
)
def test_every_row_that_can_be_read_is_salvaged_and_the_others_are_named(
    indexed: bool, which: tuple[int, ...], source: Path, tmp_path: Path
) -> None:
    table = "attributions_attribution"
    change(source, "".join(f'DROP INDEX "{name}";' for (name,) in ask(
        source, f"SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = '{table}'"
    )) if not indexed else "")  # fmt: skip
    before = content(source)
    break_pages(source, table, *which)
    (tmp_path / "salvaged").mkdir()
    sound, findings = salvage(choose_source(str(source)), tmp_path / "salvaged")
    left = readable(source, table, 400)
    assert 0 < len(left) < 400
    after = content(sound)
    kept = [row for row in before.pop(table) if int(row[1:].split(",")[0]) in left]
    assert after.pop(table) == kept
    # Nothing else was touched. Counts of ANALYZE are made anew by a rebuild.
    assert {name for name in before if before[name] != after.get(name)} <= {"sqlite_stat1"}
    (finding,) = findings
    assert (finding.rule, finding.table) == ("salvaged", table)
    if indexed:
        assert finding.count == 400 - len(left)
        assert [int(sample.key["rowid"]) for sample in finding.samples] == sorted(set(range(1, 401)) - left)[:20]
    assert ask(sound, "PRAGMA integrity_check") == [("ok",)]


#: A table without a rowid, whose rows fill some ten pages.
KEYED = """
    CREATE TABLE keyed (a TEXT, b INTEGER, c, d, PRIMARY KEY (a, b)) WITHOUT ROWID;
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 600)
    INSERT INTO keyed SELECT char(97 + n % 26), n, n % 7, printf('%050d', n) FROM n;
"""


@pytest.mark.parametrize(("indexed", "which"), [(True, (1, 4, -1)), (False, (3,)), (False, (0,)), (False, (2, 5))])
def test_rows_without_a_rowid_are_salvaged_around_what_cannot_be_read(
    indexed: bool, which: tuple[int, ...], source: Path, tmp_path: Path
) -> None:
    change(source, KEYED + ("CREATE INDEX by_c ON keyed (c)" if indexed else ""))
    keys = ask(source, "SELECT a, b FROM keyed ORDER BY a, b")
    break_pages(source, "keyed", *which)
    (tmp_path / "salvaged").mkdir()
    sound, (finding,) = salvage(choose_source(str(source)), tmp_path / "salvaged")
    left = []
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as database:
        for key in keys:
            with suppress(sqlite3.DatabaseError):
                left += database.execute("SELECT a, b FROM keyed WHERE (a, b) = (?, ?)", key).fetchall()
    assert 0 < len(left) < len(keys)
    lost = [key for key in keys if key not in left]
    if len(which) == 2:
        # Without an index nothing leads to the rows between two broken pages.
        first, last = keys.index(lost[0]), keys.index(lost[-1])
        left = keys[:first] + keys[last + 1 :]
    copied = ask(sound, "SELECT a, b FROM keyed ORDER BY a, b")
    # Of the row beside a broken page more is read by a scan than by its key.
    assert {*left} <= {*copied} < {*keys}
    assert ask(sound, "SELECT count(*) FROM keyed WHERE c = b % 7 AND d = printf('%050d', b)") == [(len(copied),)]
    assert (finding.rule, finding.table) == ("salvaged", "keyed")
    if indexed:
        assert finding.count == len(keys) - len(copied)
        shown = {(sample.key["a"], sample.key["b"]) for sample in finding.samples}
        assert len(shown) == min(20, finding.count)
        assert shown <= {(f"'{a}'", str(b)) for a, b in {*keys} - {*copied}}
    else:
        assert "Nothing tells how many there were between" in finding.explanation


def test_a_broken_index_costs_no_row(source: Path, tmp_path: Path) -> None:
    (index,) = ask(source, "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE INDEX%(\"teacher_id\")'")[0]
    before = content(source)
    break_pages(source, index, 0)
    (tmp_path / "salvaged").mkdir()
    sound, findings = salvage(choose_source(str(source)), tmp_path / "salvaged")
    assert findings == ()
    after = content(sound)
    assert {name for name in before if before[name] != after.get(name)} <= {"sqlite_stat1"}


def test_a_file_whose_catalogue_cannot_be_read_is_told(source: Path, tmp_path: Path) -> None:
    change(source, "PRAGMA journal_mode = delete")
    with source.open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(3900))
    (tmp_path / "salvaged").mkdir()
    with pytest.raises(SourceError, match="SQLite cannot read which tables"):
        salvage(choose_source(str(source)), tmp_path / "salvaged")


def test_a_rebuild_of_a_damaged_file_names_the_command_and_then_the_lost_rows(source: Path, tmp_path: Path) -> None:
    break_pages(source, "attributions_attribution", 1)
    new = tmp_path / "new" / "new.sqlite3"
    new.parent.mkdir()
    wanted = Options(source=str(source), target=str(new), report=tmp_path / "report")
    stopped = rebuild(wanted)
    assert stopped.failure
    assert f"--rebuild {new} --salvage" in " ".join([*stopped.next_steps, stopped.continue_with])
    report = rebuild(replace(wanted, salvage=True))
    assert report.ok, report.failure
    (lost,) = [finding for finding in report.findings if finding.rule == "salvaged"]
    assert ask(new, "SELECT count(*) FROM attributions_attribution") == [(400 - lost.count,)]
    assert report.source
    assert report.source.path == str(source)
    assert [path.name for path in new.parent.iterdir()] == [new.name]
    assert not list((tmp_path / "report").glob("*unfinished*"))


def test_a_table_without_a_rowid_keeps_its_values_as_they_were_beside_those_repaired(
    make_source: MakeSource, tmp_path: Path
) -> None:
    old, new = Path(shutil.copy(make_source("none"), tmp_path / "db.sqlite3")), tmp_path / "new.sqlite3"
    ((sql,),) = ask(old, "SELECT sql FROM sqlite_master WHERE name = 'courses_fileimport'")
    values = "'courses', '', 'x.csv', '2026-09-01T08:00:00.5Z', 1, 0, 0"
    change(old, f"""
        DROP TABLE courses_fileimport;
        {sql.replace(" AUTOINCREMENT", "")} WITHOUT ROWID;
        INSERT INTO courses_fileimport
            (id, "table", academic_year, file_name, made_at, added, changed, same, changes)
        VALUES (9, {values}, CAST('{{"blob":  1}}' AS BLOB)), (7, {values}, '{{"long": 1, "a": [1.0,  2]}}');
    """)  # fmt: skip
    report = rebuild(Options(source=str(old), target=str(new), report=tmp_path / "report", fix=("text-as-blob",)))
    assert report.ok, report.failure
    assert [(cells.rule, cells.count) for cells in report.changed] == [("text-as-blob", 1)]
    assert ask(new, "SELECT changes, made_at FROM courses_fileimport WHERE id = 7") == [
        ('{"long": 1, "a": [1.0,  2]}', "2026-09-01T08:00:00.5Z")
    ]
    assert ask(new, "SELECT typeof(changes) FROM courses_fileimport WHERE id = 9") == [("text",)]
    assert [finding for finding in report.findings if finding.rule == "written-otherwise"] == []
