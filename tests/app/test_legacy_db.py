"""make_legacy_db: each damage is really there, made without touching any other database."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password, is_password_usable

from tests.conftest import Run


def ask_sql(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(statement).fetchall()


def one(path: Path, statement: str) -> Any:
    return ask_sql(path, statement)[0][0]


@pytest.fixture
def sound(healthy_source: Path, tmp_path: Path) -> Path:
    """Return a copy of the sound database: whoever reads the shared one puts files beside it for that time."""
    return Path(shutil.copy(healthy_source, tmp_path / "sound.sqlite3"))


def test_without_damage_it_is_sound_and_private(healthy_source: Path, sound: Path) -> None:
    assert healthy_source.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in healthy_source.parent.iterdir()] == [healthy_source.name]
    assert ask_sql(sound, "PRAGMA foreign_key_check") == []
    assert one(sound, "SELECT title FROM courses_course WHERE code = 'AGV211'") == "Agrostologie"
    assert one(sound, "SELECT count(*) FROM attributions_attribution") == 400
    assert one(sound, "SELECT count(*) FROM django_migrations WHERE app = 'attributions'") >= 1


def test_the_password_given_lets_the_secretary_in(sound: Path) -> None:
    assert check_password("demo", one(sound, "SELECT password FROM auth_user WHERE username = 'secretaire'"))


@pytest.mark.full
def test_without_a_password_nobody_gets_in(manage: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    manage("make_legacy_db", path, "--damage", "none")
    assert all(not is_password_usable(row[0]) for row in ask_sql(path, "SELECT password FROM auth_user"))


def test_dangling_fk_is_the_default_and_names_the_backup(manage: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    manage("make_legacy_db", path)
    keys = ask_sql(path, "PRAGMA foreign_key_list(attributions_attribution)")
    assert "courses_course_backup" in [key[2] for key in keys]
    assert ask_sql(path, "SELECT 1 FROM sqlite_master WHERE name = 'courses_course_backup'") == []
    assert one(path, "SELECT count(*) FROM courses_course") == 80
    # What the rebuild kept: its own indexes, and the next id.
    assert len(ask_sql(path, "PRAGMA index_list(courses_course)")) == 3
    assert one(path, "SELECT seq FROM sqlite_sequence WHERE name = 'courses_course'") == 80


def test_duplicates_lose_the_unique_index_and_one_code_is_there_18_times(make_legacy: Callable[[str], Path]) -> None:
    path = make_legacy("duplicates")
    assert [index[2] for index in ask_sql(path, "PRAGMA index_list(courses_course)")] == [0]
    counts = [row[0] for row in ask_sql(path, "SELECT count(*) FROM courses_course GROUP BY code")]
    assert (max(counts), sum(counts) - len(counts)) == (18, 154)
    assert one(path, "SELECT count(*) FROM attributions_attribution WHERE course_id > 80") > 10
    assert ask_sql(path, "PRAGMA foreign_key_check") == []
    assert one(path, "SELECT count(*) FROM courses_course WHERE code = 'AGV211'") == 1


def test_code_in_fk_has_a_text_column_with_codes_in_it(make_legacy: Callable[[str], Path]) -> None:
    path = make_legacy("code-in-fk")
    columns = {row[1]: row[2] for row in ask_sql(path, "PRAGMA table_info(attributions_attribution)")}
    assert columns["course_id"] == "varchar(20)"
    codes = "SELECT count(*) FROM attributions_attribution WHERE course_id IN (SELECT code FROM courses_course)"
    assert one(path, codes) == 100
    assert len(ask_sql(path, "PRAGMA foreign_key_check")) == 100


def test_null_in_not_null_holds_nulls(make_legacy: Callable[[str], Path]) -> None:
    path = make_legacy("null-in-not-null")
    assert one(path, "SELECT count(*) FROM attributions_attribution WHERE note IS NULL") == 16


def test_too_long_texts_are_longer_than_the_column_says(make_legacy: Callable[[str], Path]) -> None:
    path = make_legacy("too-long")
    assert one(path, "SELECT count(*) FROM courses_course WHERE length(title) > 200") == 3
    assert one(path, "SELECT count(*) FROM attributions_teacher WHERE length(matricule) > 20") == 3


def test_wrong_type_holds_text_in_a_decimal_column(make_legacy: Callable[[str], Path]) -> None:
    path = make_legacy("wrong-type")
    assert one(path, "SELECT count(*) FROM attributions_attribution WHERE typeof(hours) = 'text'") == 10


def test_orphans_point_to_rows_that_are_gone(make_legacy: Callable[[str], Path]) -> None:
    path = make_legacy("orphans")
    parents = {row[2] for row in ask_sql(path, "PRAGMA foreign_key_check")}
    assert parents == {"attributions_teacher", "auth_user"}


@pytest.mark.full
def test_all_damages_go_together_and_each_says_what_it_did(manage: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    lines = manage("make_legacy_db", path, "--damage", "all").stdout.splitlines()
    said = {line.partition(":")[0] for line in lines[1:]}
    assert said == {
        "duplicates", "dangling-fk", "code-in-fk", "null-in-not-null", "too-long", "wrong-type", "orphans",
    }  # fmt: skip
    assert sum(bool(re.search(r"\b154 duplicate rows, one code 18 times", line)) for line in lines) == 1
    schema = one(path, "SELECT sql FROM sqlite_master WHERE name = 'attributions_attribution'")
    assert '"course_id" varchar(20) NOT NULL REFERENCES "courses_course_backup"' in schema
    assert one(path, "SELECT count(*) FROM attributions_attribution") == 400


@pytest.mark.full
def test_an_existing_file_is_left_as_it_is(manage: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    path.write_bytes(b"precious")
    result = manage("make_legacy_db", path, ok=False)
    assert result.returncode == 1
    assert "exists already" in result.stderr
    assert path.read_bytes() == b"precious"


def test_an_unknown_damage_is_refused_with_those_there_are(manage: Run, tmp_path: Path) -> None:
    result = manage("make_legacy_db", tmp_path / "x.sqlite3", "--damage", "rust,orphans", ok=False)
    assert "--damage rust: allowed are duplicates, dangling-fk" in result.stderr
    assert not (tmp_path / "x.sqlite3").exists()
