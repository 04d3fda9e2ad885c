"""The incident: every attribution answered 400, "no such table: main.courses_course_backup"."""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import ProgrammingError
from django.test import Client
from pytest_django import Settings

from attributions.models import Attribution, Teacher
from courses.models import Course
from tests.app.conftest import browser_of
from tests.conftest import Run, captured


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


def test_healthz_is_degraded_while_a_table_cannot_be_written_to(damaged_copy: Path, python: Run) -> None:
    ask = "import django; django.setup(); from django.test import Client; a = Client().get('/healthz'); "
    variables = {"DATABASE_URL": f"sqlite:///{damaged_copy}", "DJANGO_SETTINGS_MODULE": "attribution_project.settings"}
    told = python("-c", ask + "print(a.status_code, a.content.decode())", **variables)
    status, body = told.stdout.strip().splitlines()[-1].split(" ", 1)
    assert (status, json.loads(body)["status"], json.loads(body)["writes"]) == ("503", "degraded", "schema")


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that refuses every change of an attribution."""

    def refuse(*arguments: Any, **more: Any) -> None:
        raise ProgrammingError("no such table: main.courses_course_backup\nDETAIL: page 12")

    for name in ("save", "delete"):
        monkeypatch.setattr(Attribution, name, refuse)
    monkeypatch.setattr("attributions.services.copy_year.bulk_create_with_history", refuse)


@pytest.mark.django_db
def test_each_page_says_what_it_could_not_do_and_of_which_course(
    agv211: Course, teacher: Teacher, staff: User, clerk: User, refusing: None
) -> None:
    [made] = Attribution.objects.bulk_create(
        [Attribution(course=agv211, teacher=teacher, component="CM", academic_year_id="2025-2026", hours=12)]
    )
    pages: dict[str, tuple[dict[str, Any], str]] = {
        "/attribution/": ({"academic_year": "2026-2027", "teacher": "M00001", "parts": ["AGV211:CM"]}, "attribué"),
        f"/attribution/{made.pk}/modifier/": ({"hours": "1", "load": "STAT"}, "modifié"),
        f"/attribution/{made.pk}/deplacer/": ({"teacher": "M00001"}, "modifié"),
        f"/attribution/{made.pk}/retirer/": ({}, "retiré"),
        "/attribution/reconduction/": ({"year": "2026-2027", "accept": "yes", "expected": "1"}, "2026-2027"),
    }
    for address, (sent, done) in pages.items():
        for user in (staff, clerk):
            browser = browser_of(user)
            version = (browser.get(address).context or {}).get("version", "")
            page = browser.post(address, sent | {"version": version})
            text = page.content.decode().replace("\u00a0", " ")
            assert page.status_code == 400, address
            assert done in text
            assert "AGV211" in text or "reconduction" in address
            assert "la base de données l" in text
            assert ("<code>no such table: main.courses_course_backup</code>" in text) == user.is_staff
            assert ('href="/base-de-donnees/">' in text.split("<main", 1)[1]) == user.is_staff
            assert re.search("référence [0-9A-F]{8}", text)
            assert "page 12" not in text


@pytest.mark.django_db
def test_the_administration_explains_it_too(
    admin_client: Client, agv211: Course, teacher: Teacher, refusing: None, settings: Settings
) -> None:
    settings.DEBUG = True
    sent = {"course": agv211.pk, "teacher": teacher.pk, "component": "CM", "academic_year": "2026-2027"}
    answer = admin_client.post(
        "/admin/attributions/attribution/add/", sent | {"hours": "1", "load": "STAT", "role": "HOLDER", "group": 0}
    )
    text = answer.content.decode()
    assert (answer.status_code, "<p>Attribution n’a pas pu être enregistré" in text) == (500, True)
    assert "<code>no such table: main.courses_course_backup</code>" in text
    assert "style-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.django_db
def test_a_page_that_the_database_refuses_is_explained_to_staff(
    teacher: Teacher, staff: User, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **more: Any) -> None:
        raise ProgrammingError("no such table: attributions_discharge\nDETAIL: page 12")

    monkeypatch.setattr("attributions.views.teachers.service_of", refuse)
    for user in (staff, clerk):
        browser = browser_of(user)
        browser.raise_request_exception = False
        answer = browser.get(f"/enseignants/{teacher.pk}/")
        text = answer.content.decode()
        assert answer.status_code == 500
        assert re.search("référence [0-9A-F]{8}", text)
        assert ("<code>no such table: attributions_discharge</code>" in text) is user.is_staff
        assert ('href="/base-de-donnees/">' in text) is user.is_staff
        assert "page 12" not in text
