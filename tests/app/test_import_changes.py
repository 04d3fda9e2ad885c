"""What an import changes is shown, confirmed where it would surprise, and taken back whole. SQLite and PostgreSQL."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attributions.models import Attribution, Teacher
from courses.models import Course, FileImport
from tests.app.conftest import browser_of, change_course, make_course
from tests.app.test_imports import COURSES, HEAD, NEW, TEACHERS, accept, send, token_of

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

pytestmark = pytest.mark.django_db
OTHER = "AGV211;Comptabilité des exploitations;6;30;0;0;M2;1;Économie rurale\n"


@pytest.fixture
def browser(staff: User, agv211: Course) -> Client:
    make_course(
        code="ECO111", title="Micro", credits=1, hours_cm=1, level_id="L1", semester=1, department="Économie rurale"
    )
    return browser_of(staff)


def cells(page: Answer, number: int = 0) -> dict[str, tuple[str | None, bool]]:
    """Heading -> old value and whether it has to be confirmed, of what changes in a row."""
    preview = page.context["preview"]
    pairs = zip(preview.headings, preview.lines[number].cells, strict=True)
    return {heading: (cell.old, cell.flagged) for heading, cell in pairs if cell.old is not None}


def test_each_cell_shows_old_and_new_and_another_course_is_flagged(browser: Client, agv211: Course) -> None:
    page = send(browser, (HEAD.replace(",", ";") + OTHER))
    assert cells(page) == {
        "intitule": ("Agrostologie", True),
        "credits": ("4", False),
        "heures_cm": ("36,50", False),
        "niveau": ("L2", False),
        "departement": ("Productions végétales", True),
    }
    text = page.content.decode()
    assert "<del>Agrostologie</del>" in text
    assert "<ins>Comptabilité des exploitations</ins>" in text
    answer = accept(browser, page)
    assert (answer.status_code, "Confirmez d’abord" in answer.content.decode()) == (400, True)
    agv211.refresh_from_db()
    assert agv211.title == "Agrostologie"
    assert accept(browser, answer, confirm="yes").status_code == 200
    agv211.refresh_from_db()
    assert (agv211.title, agv211.department) == ("Comptabilité des exploitations", "Économie rurale")


@pytest.mark.parametrize("emptied", ["", "0"])
def test_a_value_that_is_erased_has_to_be_confirmed(
    browser: Client, agv211: Course, teacher: Teacher, emptied: str
) -> None:
    page = send(browser, f"code;heures_cm\nAGV211;{emptied}\n")
    assert cells(page) == {"heures_cm": ("36,50", True)}
    Teacher.objects.update(email="a@b.example")
    assert cells(send(browser, "matricule;courriel\nM00001;\n", TEACHERS)) == {"courriel": ("a@b.example", True)}
    page = send(browser, "code;heures_cm\nAGV211;40\n")
    assert cells(page) == {"heures_cm": ("36,50", False)}
    assert accept(browser, page).status_code == 200  # nothing to confirm


def test_an_unknown_department_is_asked_about_and_never_made_unasked(browser: Client) -> None:
    page = send(browser, HEAD + NEW.replace("Sciences du sol", " economie Rurale ").replace("20,0", "20, 0"))
    [name] = page.context["preview"].unknown
    assert (name.heading, name.text, name.rows, name.proposals[0]) == (
        "departement",
        "economie Rurale",
        1,
        "Économie rurale",
    )
    token = str(token_of(page))
    answer = browser.post(COURSES, {"token": token})
    assert (answer.status_code, Course.objects.filter(code="SOL411").exists()) == (400, False)
    assert "Dites quel département" in answer.content.decode()
    browser.post(COURSES, {"token": token, "name:economie Rurale": "Économie rurale"})
    assert Course.objects.get(code="SOL411").department == "Économie rurale"
    page = send(browser, HEAD + NEW.replace("SOL411", "SOL412"))
    assert page.context["preview"].unknown[0].proposals == []
    accept(browser, page)
    assert Course.objects.get(code="SOL412").department == "Sciences du sol"


def test_a_fault_names_row_heading_value_and_what_is_allowed(browser: Client) -> None:
    page = send(browser, "code;niveau;semestre\nAGV211;Z9;3\n")
    [line] = page.context["preview"].lines
    assert line.number == 2
    told = {name: message.replace("\u00a0", " ") for name, message in line.faults}
    assert (
        told["niveau"]
        == "« Z9 » n’est pas permis. Valeurs permises : L1, L2, L3, M1, M2, BUT1, BUT2, BUT3, DU, D1, D2, D3."
    )
    assert told["semestre"].startswith("« 3 » n’est pas permis. Valeurs permises : 1 (Semestre 1), 2")
    teachers = send(browser, "matricule;grade\nM1;doyen\n", TEACHERS).context["preview"].lines[0]
    assert "PR (professeur)" in dict(teachers.faults)["grade"]


def test_codes_and_labels_are_read_in_both_languages_and_headings(browser: Client, teacher: Teacher) -> None:
    for grade in ("MCF", "Maître de conférences", "Maîtresse de conférences"):
        page = send(browser, f"Matricule;GRADE;Heures max;;\nM00001;{grade};100;;\n", TEACHERS)
        [line] = page.context["preview"].lines
        assert (line.row.grade_id, line.faults) == ("MCF", [])


def test_blank_and_total_lines_are_skipped_with_a_note_and_rows_keep_their_numbers(browser: Client) -> None:
    text = f"sep=;\n{HEAD.replace(',', ';')}\n{NEW.replace(',', ';')};;;;\nTotal;;;20;0;0;;;\nSOL_9;x;1;1;1;1;L1;1;X\n"
    preview = send(browser, text).context["preview"]
    assert [(line.number, line.kind) for line in preview.lines] == [(4, "new"), (7, "invalid")]
    assert [note.replace("\u00a0", " ") for note in preview.sheet.notes] == [
        "La ligne 6 est ignorée : c’est un total.",
        "2 lignes vides sont ignorées.",
    ]


@pytest.mark.parametrize(
    ("codec", "name"),
    [
        ("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"),
        ("cp1252", "Windows-1252"), ("mac-roman", "Mac Roman"),
    ],
)  # fmt: skip
def test_an_encoding_is_told_by_its_content_and_shown(browser: Client, codec: str, name: str) -> None:
    page = send(browser, (HEAD + NEW.replace("Pédologie", "L’évolution des forêts à Nîmes")).encode(codec))
    assert page.context["preview"].sheet.encoding == name
    assert page.context["preview"].lines[0].row.title == "L’évolution des forêts à Nîmes"
    assert name in page.content.decode()


def test_a_preview_reads_alone_and_takes_few_queries(browser: Client) -> None:
    rows = "".join(f"SOL{number};Sols;1;1;1;1;L1;1;Économie rurale\n" for number in range(1000, 1300))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        page = send(browser, HEAD.replace(",", ";") + rows)
    statements = [query["sql"] for query in asked]
    assert len([sql for sql in statements if '"courses_course"' in sql and " IN (" in sql]) == 1
    assert len(statements) <= 10
    assert not [sql for sql in statements if sql.startswith(("BEGIN", "SAVEPOINT", "INSERT", "UPDATE"))]
    with CaptureQueriesContext(connection) as asked:
        accept(browser, page)
    assert len(asked) < 80  # SQLite takes 999 values in a statement
    assert Course.objects.filter(title="Sols").count() == 300


def test_an_import_is_taken_back_whole_and_its_history_has_pages(
    browser: Client, agv211: Course, account: Callable[..., User]
) -> None:
    accept(browser, send(browser, HEAD.replace(",", ";") + OTHER + NEW.replace(",", ";")), confirm="yes")
    record = FileImport.objects.get()
    assert (record.added, record.changed, record.same, str(record.made_by)) == (1, 1, 0, "secretaire")
    assert "cours.csv" in browser.get("/imports/").content.decode()
    page = browser.get(f"/imports/{record.pk}/").content.decode()
    assert "<del>36,50</del>" in page
    assert "<ins>Comptabilité des exploitations</ins>" in page
    assert browser_of(account("lecteur")).get("/imports/").status_code == 403
    assert browser_of(account("lecteur", "l2")).post(f"/imports/{record.pk}/annuler/").status_code == 403
    page = browser.post(f"/imports/{record.pk}/annuler/", follow=True).content.decode()
    assert "L’import de cours.csv est annulé" in page
    agv211.refresh_from_db()
    assert (agv211.title, str(agv211.hours_cm), agv211.department) == ("Agrostologie", "36.50", "Productions végétales")
    assert not Course.objects.filter(code="SOL411").exists()
    kinds = Course.history.filter(id=agv211.pk).order_by("history_id").values_list("history_type", "title")
    assert [kind for kind, _title in kinds][-2:] == ["~", "~"]
    assert "déjà annulé" in browser.post(f"/imports/{record.pk}/annuler/", follow=True).content.decode()


@pytest.mark.parametrize("since", ["changed", "removed", "used"])
def test_nothing_is_taken_back_where_something_was_done_since(
    browser: Client, agv211: Course, teacher: Teacher, since: str
) -> None:
    accept(browser, send(browser, HEAD + NEW + "AGV211,Agrostologie,5,36.50,0,0,L2,1,Productions végétales\n"))
    made = Course.objects.get(code="SOL411")
    if since == "changed":
        change_course(agv211, credits=6)
    elif since == "removed":
        made.delete()
    else:
        Attribution.objects.create(course=made, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=1)
    page = browser.post(f"/imports/{FileImport.objects.get().pk}/annuler/", follow=True).content.decode()
    assert {"changed": "AGV211", "removed": "SOL411", "used": "SOL411"}[since] in page
    assert "rien n’est annulé" in page
    agv211.refresh_from_db()
    assert agv211.credits != 4
    assert FileImport.objects.get().taken_back_at is None


def test_the_admin_chooses_departments_from_what_is_there(browser: Client, staff: User, agv211: Course) -> None:
    staff.is_superuser = True
    staff.save()
    address = f"/admin/courses/course/{agv211.pk}/change/"
    sent = {"code": "AGV211", "active": "on"}
    refused = browser.post(address, sent | {"department": "Economie rurale"})
    assert "department" in refused.context["adminform"].form.errors
    browser.post(address, sent | {"department": "Économie rurale"})
    agv211.refresh_from_db()
    assert agv211.department == "Économie rurale"
    browser.post(address, sent | {"new_department": "Sciences du sol"})
    agv211.refresh_from_db()
    assert agv211.department == "Sciences du sol"


def test_the_rows_of_a_sheet_are_the_same_text_as_those_of_a_csv(browser: Client) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["code", "credits", "heures_cm"], ["AGV211", 4, 36.5], [], ["Total", None, 36.5]):
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    preview = send(browser, file.getvalue(), name="x.xlsx").context["preview"]
    assert (preview.sheet.encoding, preview.counts["skip"], len(preview.sheet.notes)) == ("XLSX", 1, 2)
