"""pg_behaviour --tests: a suite that passes on SQLite, run on both databases, by each kind of test there is."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.projects.styles import Styled
from tests.tiers import first_in_ci

#: Code of the project. What differs is marked.
CODE = """
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse
from .models import Note

def rows(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()

def titles():
    return rows("SELECT ifnull(title, '') FROM notes_note")  # differs

def quoted():
    return rows('SELECT count(*) FROM notes_note WHERE title = "Martin"')  # differs too

def insert_twice():
    with transaction.atomic():
        rows("INSERT INTO notes_note (id, title) VALUES (900, 'a') RETURNING id")
        try:
            rows("INSERT INTO notes_note (id, title) VALUES (900, 'b') RETURNING id")  # aborts
        except DatabaseError:
            pass
        return Note.objects.count()

def hidden(request):
    try:
        return HttpResponse(rows("SELECT group_concat(title) FROM notes_note")[0][0])  # hidden
    except DatabaseError:
        return HttpResponse(status=503)

def shown(request):
    return HttpResponse(rows("SELECT total(id) FROM notes_note")[0][0])  # shown
"""
URLS = """
from django.urls import path
from . import code
urlpatterns = [path("hidden", code.hidden), path("shown", code.shown)]
"""
TESTS = """
import unittest, urllib.request
from django.db import connection
from django.test import LiveServerTestCase, SimpleTestCase, TestCase
from . import code
from .models import Note

class NoteTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        Note.objects.create(title="Martin")

    def test_equal(self):
        self.assertEqual(Note.objects.filter(title="Martin").count(), 1)

    def test_titles(self):
        self.assertEqual(code.titles(), [("Martin",)])

    def test_titles_again(self):
        self.assertEqual(len(code.titles()), 1)

    def test_subtests(self):
        for text, count in (("Mart", 1), ("mart", 1), ("MART", 1), ("x", 0)):
            with self.subTest(text=text):
                self.assertEqual(Note.objects.filter(title__contains=text).count(), count)

    def test_quoted(self):
        self.assertEqual(code.quoted(), [(0 if connection.vendor == "mysql" else 1,)])

    def test_aborted(self):
        self.assertEqual(code.insert_twice(), 2)

    def test_hidden(self):
        self.assertEqual(self.client.get("/hidden").status_code, 200)

    @unittest.expectedFailure
    def test_expected(self):
        self.assertEqual(Note.objects.filter(title__contains="mart").count(), 0)

    def test_never(self):
        self.fail("on both")

    @unittest.skipIf(connection.vendor == "sqlite", "of PostgreSQL")
    def test_of_postgresql(self):
        self.assertEqual(connection.vendor, "postgresql")

class BrokenTests(TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        code.rows("PRAGMA user_version")

    def test_first(self):
        pass

class ServerTests(LiveServerTestCase):
    def test_shown(self):
        with urllib.request.urlopen(self.live_server_url + "/shown") as answer:
            self.assertEqual(answer.status, 200)
"""
COMMANDS = ("manage.py test --parallel 2", "pytest -q", "python manage.py test", "pytest -q -n 2")


@pytest.fixture(scope="module", params=first_in_ci(*COMMANDS), ids=lambda command: command.replace(" ", "_"))
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    project = Styled("url", tmp_path_factory.mktemp("suite"))
    for name, text in (("code", CODE), ("views", URLS), ("tests", TESTS)):
        (project.folder / "notes" / f"{name}.py").write_text(text)
    done = project.run("pg_behaviour", "--tests", request.param, "--json", status=1)
    return {"findings": json.loads(done.stdout)["findings"], "notes": json.loads(done.stdout)["notes"]}


def line_of(text: str, mark: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), start=1) if line.endswith(mark))


def test_errors_are_found_at_the_line_of_the_project_that_is_at_fault(report: dict[str, Any]) -> None:
    found = {(one["rule"], one["file"], one["line"]): one for one in report["findings"]}
    code = str(Path("notes", "code.py"))
    twice = found.pop(("unknown-function", code, line_of(CODE, "# differs")))
    assert twice["count"] == 2
    assert "test_titles" in twice["explanation"]
    assert "test_titles_again" in twice["explanation"]
    assert found.pop(("double-quoted-text", code, line_of(CODE, "# differs too")))["sqlstate"] == "42703"
    assert found.pop(("caught-in-transaction", code, line_of(CODE, "# aborts")))
    # What the code or a server's thread made of them does not matter.
    assert found.pop(("unknown-function", code, line_of(CODE, "# hidden")))
    assert found.pop(("unknown-function", code, line_of(CODE, "# shown")))
    assert found.pop(
        ("sqlite-catalogue", str(Path("notes", "tests.py")), line_of(TESTS, 'code.rows("PRAGMA user_version")'))
    )
    assert {rule for rule, *_ in found} == {"test-fails"}


@pytest.mark.full
def test_assertions_are_found_by_test_and_subtest_and_nothing_else_is(report: dict[str, Any]) -> None:
    found = [one for one in report["findings"] if one["rule"] == "test-fails"]
    names = " ".join(one["explanation"] for one in found)
    assert len(found) == 2
    assert "test_subtests" in names
    assert "test_expected" in names
    assert all(one["effect"] == "different" for one in found)
    assert not {"test_equal", "test_never", "test_of_postgresql", "test_first"} & {
        word.strip(".,") for word in names.replace("::", ".").replace(".", " ").split()
    }


def test_what_fails_on_both_is_said_apart(report: dict[str, Any]) -> None:
    (both,) = [note for note in report["notes"] if "both" in note]
    assert "test_never" in both
