"""The legacy database to its end, both ways: made anew on SQLite, and mended on the way to PostgreSQL."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from migrate_to_pg.sqlite.checksums import file_sha256
from tests.conftest import MakeSource, Run, Server
from tests.tiers import these_in_ci

#: What a person types after reading the diagnosis, and what is set aside on the way where no repair knows a value.
CASES = {
    "dangling-fk,duplicates,code-in-fk": ("dangling-foreign-key,duplicate-key,code-in-key", ""),
    "all": (
        "all,code-in-key,duplicate-key,foreign-key-orphan,null-in-not-null,text-too-long,wrong-storage-class",
        "wrong-storage-class,foreign-key-orphan",
    ),
}


@pytest.fixture(params=these_in_ci(CASES, "all"))
def legacy_case(request: pytest.FixtureRequest, make_source: MakeSource, tmp_path: Path) -> tuple[Path, str, str]:
    """(the damaged database, its rules, what goes into quarantine)."""
    path = shutil.copy(make_source(request.param), tmp_path / "legacy.sqlite3")
    rules, aside = CASES[request.param]
    return Path(path), rules, aside


@pytest.fixture
def repaired_copy(legacy_case: tuple[Path, str, str], manage: Run, tmp_path: Path) -> Path:
    """A new file that one command has made of it."""
    damaged, rules, aside = legacy_case
    path = tmp_path / "repaired.sqlite3"
    quarantine = ("--quarantine", aside) if aside else ()
    manage("sqlite_doctor", damaged, "--rebuild", path, "--fix", rules, *quarantine, "--report", tmp_path / "rebuilt")
    return path


def rows(url: str) -> dict[str, list[str]]:
    """Every row of every table as PostgreSQL writes it, by its whole self."""
    with psycopg.connect(url) as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        tables = [name for (name,) in connection.execute(query)]
        everything = sql.SQL("SELECT t::text FROM public.{} AS t")
        return {t: sorted(r for (r,) in connection.execute(everything.format(sql.Identifier(t)))) for t in tables}


def test_the_doctor_names_what_is_wrong_with_cause_and_remedy(legacy_case: tuple[Path, str, str], python: Run) -> None:
    damaged, *_ = legacy_case
    document = json.loads(python("manage.py", "sqlite_doctor", damaged, "--json").stdout)
    found = {(f["rule"], f["table"], f["column"]): f for f in document["findings"]}
    dangling = found["dangling-foreign-key", "attributions_attribution", "course_id"]
    assert "RENAME TO" in dangling["explanation"]
    assert "--fix dangling-foreign-key" in dangling["remedy"]
    duplicates = found["duplicate-key", "courses_course", "code"]
    assert duplicates["count"] == 154
    assert "no unique index on these columns" in duplicates["explanation"]
    assert "make the lost unique index again" in duplicates["remedy"]
    codes = found["code-in-key", "attributions_attribution", "course_id"]
    assert "values of courses_course.code" in codes["explanation"]
    assert "courses_course.id of the row with that code" in codes["remedy"]


@pytest.mark.full
def test_in_the_new_file_the_course_can_be_attributed(
    legacy_case: tuple[Path, str, str],
    repaired_copy: Path,
    post_attributions: Callable[..., tuple[list[list[Any]], str]],
    attribution_request: dict[str, str],
) -> None:
    damaged, *_ = legacy_case
    [[status, answer]], _ = post_attributions(damaged, "secretaire", attribution_request)
    assert (status, "courses_course_backup" in answer["message"]) == (400, True)
    [[status, answer]], _ = post_attributions(repaired_copy, "secretaire", attribution_request)
    assert status == 201, answer
    with closing(sqlite3.connect(repaired_copy)) as database:
        written = database.execute(
            "SELECT c.code, t.matricule, a.component, a.hours, y.hours_cm FROM attributions_attribution AS a"
            " JOIN courses_course AS c ON c.id = a.course_id JOIN attributions_teacher AS t ON t.id = a.teacher_id"
            " JOIN courses_courseyear AS y ON y.course_id = c.id AND y.academic_year = a.academic_year"
            " WHERE a.academic_year = '2026-2027' AND c.code = 'AGV211' AND a.component = 'CM'"
        ).fetchall()
        [(*share, given, there_are)] = written
        assert (share, given) == (["AGV211", "M00001", "CM"], there_are)
        with pytest.raises(sqlite3.IntegrityError, match=r"courses_course\.code"):
            database.execute("UPDATE courses_course SET code = 'same'")


def test_both_ways_lead_to_the_same_data(
    legacy_case: tuple[Path, str, str], repaired_copy: Path, manage: Run, servers: dict[int, Server], tmp_path: Path
) -> None:
    damaged, rules, aside = legacy_case
    before = file_sha256(damaged)
    quarantine = ["--quarantine", aside] if aside else []
    mended, moved = (servers[18].database() for _ in range(2))
    for source, url, accepted in ((damaged, mended, ["--fix", rules, *quarantine]), (repaired_copy, moved, [])):
        options = ["--source", source, "--target", url, "--report", tmp_path / source.stem, "--verify"]
        manage("migrate_to_pg", *options, *accepted)
    assert file_sha256(damaged) == before
    there, here = rows(mended), rows(moved)
    assert there.keys() == here.keys()
    assert [table for table in there if there[table] != here[table]] == []
    assert len(there["attributions_attribution"]) > 300
    assert len(there["courses_course"]) > 50


@pytest.mark.full
def test_a_repaired_database_is_told_in_one_line(repaired_copy: Path, manage: Run) -> None:
    (line,) = manage("sqlite_doctor", repaired_copy).stdout.splitlines()
    assert line.startswith(f"Healthy: {repaired_copy}")
