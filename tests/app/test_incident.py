"""The incident: every attribution answered 400, "no such table: main.courses_course_backup"."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import captured


@pytest.fixture
def damaged_copy(make_legacy: Callable[[str], Path]) -> Path:
    return make_legacy("dangling-fk")


def test_staff_read_the_database_s_own_words_and_the_course(
    damaged_copy: Path,
    post_attributions: Callable[..., tuple[list[list[Any]], str]],
    attribution_request: dict[str, str],
) -> None:
    answers, log = post_attributions(damaged_copy, "secretaire", attribution_request)
    message = (
        "Erreur lors de la création de l'attribution pour le cours AGV211 : no such table: main.courses_course_backup"
    )
    result = {"course": "AGV211", "component": "CM", "status": "failed", "message": message, "attribution": None}
    assert answers == [[400, {"success": False, "message": message, "results": [result]}]]
    assert "Traceback" in log


def test_others_read_a_reference_that_the_log_carries(
    damaged_copy: Path,
    post_attributions: Callable[..., tuple[list[list[Any]], str]],
    attribution_request: dict[str, str],
) -> None:
    [[status, answer]], log = post_attributions(damaged_copy, "gestionnaire", attribution_request)
    assert status == 400
    assert "AGV211" in answer["message"]
    assert "courses_course_backup" not in answer["message"]
    reference = captured(r"référence ([0-9A-F]{8}) ", answer["message"])
    assert f"Reference {reference}: attribution of course 'AGV211' failed" in log
    assert "no such table: main.courses_course_backup" in log


def test_what_was_checked_then_finds_nothing(damaged_copy: Path) -> None:
    """No trigger, no backup table, integrity ok, and outside Django (foreign keys off) the INSERT works."""
    with closing(sqlite3.connect(damaged_copy)) as connection:
        connection.create_function("regexp", 2, lambda pattern, text: bool(re.search(pattern, text)))
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone() == (0,)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        columns = "teacher_id, course_id, component, academic_year, load, hours, note, created_at, updated_at"
        connection.execute(
            f"INSERT INTO attributions_attribution ({columns}) VALUES (1, 1, 'CM', '2026-2027', 'STAT', 1, '', '', '')"
        )


def test_a_code_that_is_there_twice_is_said_and_does_not_end_in_500(
    make_legacy: Callable[[str], Path],
    post_attributions: Callable[..., tuple[list[list[Any]], str]],
    attribution_request: dict[str, str],
) -> None:
    answers, _log = post_attributions(
        make_legacy("duplicates"), "secretaire", {**attribution_request, "course": "ZOO211"}, attribution_request
    )
    assert answers[0][0] == 400
    assert "ZOO211 désigne plusieurs lignes de la base" in answers[0][1]["message"]
    assert answers[1][0] == 201


def test_without_the_damage_the_same_request_succeeds(
    healthy_source: Path,
    tmp_path: Path,
    post_attributions: Callable[..., tuple[list[list[Any]], str]],
    attribution_request: dict[str, str],
) -> None:
    path = shutil.copy(healthy_source, tmp_path / "sound.sqlite3")
    answers, _log = post_attributions(path, "gestionnaire", attribution_request, attribution_request)
    assert [status for status, _answer in answers] == [201, 409]
