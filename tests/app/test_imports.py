"""A file in, a preview out, and then all of it or nothing. Runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from attributions.models import Teacher
from courses.models import Course
from tests.app.conftest import browser_of, change_course, make_course

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer


COURSES = "/cours/import/"
TEACHERS = "/enseignants/import/"
HEAD = "code,intitule,credits,heures_cm,heures_td,heures_tp,niveau,semestre,departement\n"
NEW = "SOL411,Pédologie,3,20,0,0,M1,2,Sciences du sol\n"
SAME = "AGV211,Agrostologie,4,36.50,0,0,L2,1,Productions végétales\n"
pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(staff: User, agv211: Course) -> Client:
    return browser_of(staff)


def send(browser: Client, content: str | bytes, address: str = COURSES, name: str = "cours.csv") -> Answer:
    data = content if isinstance(content, bytes) else content.encode()
    return browser.post(address, {"file": SimpleUploadedFile(name, data)})


def token_of(page: Answer) -> str | None:
    found = re.search(r'name="token" value="([^"]+)"', page.content.decode())
    return found and found[1]


def accept(browser: Client, page: Answer, address: str = COURSES, **more: str) -> Answer:
    """Accept a preview, and create every department that is new."""
    created = {f"name:{name.text}": name.text for name in page.context["preview"].unknown}
    return browser.post(address, {"token": token_of(page)} | created | more, follow=True)


def sheet(*rows: Sequence[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_preview_stores_nothing_and_its_acceptance_stores_all_of_it(
    browser: Client, agv211: Course, staff: User
) -> None:
    page = send(browser, HEAD + NEW + SAME + 'ZOO111,Zoo,2,"10,5",1,2,L1,1,Productions animales\n')
    assert page.status_code == 200
    assert page.context["preview"].counts == {"new": 2, "update": 0, "skip": 1, "invalid": 0}
    assert "<strong>2</strong> nouvelles lignes" in page.content.decode()
    assert "<strong>1</strong> ligne inchangée" in page.content.decode()
    assert Course.objects.count() == 1
    answer = accept(browser, page)
    assert "2 lignes ajoutées, 0 modifiée, 1 inchangée." in answer.content.decode()
    assert str(Course.objects.get(code="ZOO111").hours_cm) == "10.50"
    assert Course.history.filter(code="SOL411", history_user=staff).count() == 1


def test_a_known_code_changes_that_course_and_leaves_what_the_file_does_not_say(
    browser: Client, agv211: Course
) -> None:
    page = send(browser, "code,intitule\nAGV211,Prairies\n")
    assert page.context["preview"].counts["update"] == 1
    accept(browser, page, confirm="yes")
    agv211.refresh_from_db()
    assert (agv211.title, str(agv211.hours_cm)) == ("Prairies", "36.50")


def test_one_bad_row_and_nothing_is_imported(browser: Client) -> None:
    page = send(browser, HEAD + NEW + "sol,Sols,-1,x,1e9,2.005,Z9,3,\n")
    assert page.status_code == 400
    assert token_of(page) is None
    [bad] = [line for line in page.context["preview"].lines if line.kind == "invalid"]
    assert bad.number == 3
    assert {name for name, _fault in bad.faults} >= {"heures_cm"}
    text = page.content.decode()
    assert "« x » n’est pas un nombre.".replace(" ", "\u00a0", 1).replace(" »", "\u00a0»") in text
    assert page.context["preview"].lines[0].kind == "new"
    assert Course.objects.count() == 1


@pytest.mark.parametrize(
    ("row", "heading", "told"),
    [
        ("sol_1,Sols,3,1,0,0,L1,1,X", "code", "lettres, de chiffres"),
        ("SOL411,,3,1,0,0,L1,1,X", "intitule", ""),
        ("SOL411,Sols,3.5,1,0,0,L1,1,X", "credits", "nombre entier"),
        ("SOL411,Sols,-3,1,0,0,L1,1,X", "credits", ""),
        ("SOL411,Sols,3,-1,0,0,L1,1,X", "heures_cm", ""),
        ("SOL411,Sols,3,1.005,0,0,L1,1,X", "heures_cm", ""),
        ("SOL411,Sols,3,NaN,0,0,L1,1,X", "heures_cm", "n’est pas un nombre"),
        ("SOL411,Sols,3,1e999999999,0,0,L1,1,X", "heures_cm", ""),
        ("SOL411,Sols,1e999999999,1,0,0,L1,1,X", "credits", "n’est pas un nombre"),
        ("SOL411,Sols,3,1,0,0,L9,1,X", "niveau", ""),
        ("SOL411,Sols,3,1,0,0,L1,7,X", "semestre", ""),
        ("SOL411,Sols,99999999999999999999999,1,0,0,L1,1,X", "credits", ""),
        (f"SOL411,{'x' * 201},3,1,0,0,L1,1,X", "intitule", ""),
        (",Sols,3,1,0,0,L1,1,X", "code", "ne doit pas être vide"),
    ],
)
def test_what_is_wrong_is_told_at_its_row_and_heading(browser: Client, row: str, heading: str, told: str) -> None:
    page = send(browser, HEAD + row + "\n")
    assert page.status_code == 400
    [line] = page.context["preview"].lines
    faults = dict(line.faults)
    assert heading in faults, line.faults
    assert told in faults[heading]


def test_a_code_that_stands_twice_is_refused_instead_of_winning(browser: Client) -> None:
    page = send(browser, HEAD + NEW + NEW.replace("Pédologie", "Sols"))
    assert page.context["preview"].counts["invalid"] == 2
    assert "figure deux fois dans le fichier" in page.content.decode()


@pytest.mark.parametrize(
    "content",
    [
        HEAD + NEW,
        (HEAD + NEW).replace(",", ";"),
        (HEAD + NEW).replace(",", "\t"),
        "\ufeff" + HEAD + NEW,
        (HEAD + NEW).replace("\n", "\r\n"),
        (HEAD + NEW).encode("cp1252"),
        HEAD + NEW + ",,,,,,,,\n\n",
        sheet(HEAD.strip().split(","), ["SOL411", "Pédologie", 3, 20, 0, 0.0, "M1", 2, "Sciences du sol"]),
    ],
    ids=["comma", "semicolon", "tab", "bom", "crlf", "cp1252", "empty rows", "xlsx"],
)
def test_every_usual_file_is_read_alike(browser: Client, content: str | bytes) -> None:
    page = send(browser, content)
    assert page.status_code == 200, page.context.get("failure") or page.context["preview"].lines
    accept(browser, page)
    made = Course.objects.get(code="SOL411")
    assert (made.title, str(made.hours_cm), made.credits) == ("Pédologie", "20.00", 3)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "aucune ligne"),
        (HEAD, "aucune ligne"),
        ("titre,code\nx,y\n", "En-têtes inconnus : titre."),
        ("intitule,niveau\nx,L1\n", "La colonne"),
        ("code,code\nx,y\n", "Un en-tête figure deux fois"),
        (HEAD + NEW.strip() + ",trop\n", "La ligne 2 a plus de cellules"),
        (b"\x00\x01\x02", "ni un XLSX ni du texte"),
        (b"\x01\x02", "ni un XLSX ni du texte"),
        (b"PK\x03\x04 broken", "XLSX lisible"),
        ('code\n"AGV', "CSV lisible"),
        (b"x" * 1_000_001, "dépasse 1"),
        ("code\n" + "AGV211\n" * 5001, "plus de 5\u202f000 lignes"),
    ],
)
def test_what_is_no_such_file_is_said(browser: Client, content: bytes | str, told: str) -> None:
    page = send(browser, content)
    assert page.status_code == 400
    assert told in page.context["failure"].replace("\u00a0", " ")


def test_no_file_at_all(browser: Client) -> None:
    assert browser.post(COURSES, {}).status_code == 400


def test_an_export_can_be_imported_again_and_changes_nothing(browser: Client, agv211: Course) -> None:
    change_course(agv211, title="=1+1")
    for extension in ("csv", "xlsx"):
        exported = browser.get(f"/cours/export.{extension}").getvalue()
        page = send(browser, exported, name=f"cours.{extension}")
        assert page.context["preview"].counts == {"new": 0, "update": 0, "skip": 1, "invalid": 0}


@pytest.mark.parametrize("change", ["changed", "added", "removed"])
def test_what_was_changed_since_the_preview_stores_nothing(browser: Client, agv211: Course, change: str) -> None:
    page = send(browser, HEAD + NEW + SAME.replace("36.50", "12"))
    if change == "changed":
        change_course(agv211, credits=5)
    elif change == "added":
        make_course(code="SOL411", title="x", credits=1, level_id="M1", semester=2, department="Sciences du sol")
    else:
        agv211.delete()
    answer = accept(browser, page)
    assert answer.status_code == 409
    assert "rien n’a été importé" in answer.content.decode()
    # What is there now is in the new preview, which can be accepted.
    assert accept(browser, answer, confirm="yes").status_code == 200
    assert str(Course.objects.get(code="AGV211").hours_cm) == "12.00"


def test_a_preview_belongs_to_its_user_its_table_and_its_hour(
    browser: Client, account: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_of(send(browser, HEAD + NEW))
    other = browser_of(account("secretariat", "autre"))
    assert token
    for asked in (
        other.post(COURSES, {"token": token}),
        browser.post(TEACHERS, {"token": token}),
        browser.post(COURSES, {"token": token[:-2] + "xx"}),
    ):
        assert asked.status_code == 400
    monkeypatch.setattr("attribution_project.spreadsheets.preview.ACCEPT_WITHIN_SECONDS", -1)
    assert browser.post(COURSES, {"token": token}).status_code == 400
    assert Course.objects.count() == 1


def test_teachers_too(browser: Client, teacher: Teacher) -> None:
    head = "matricule,nom,prenom,grade,departement,courriel,heures_max\n"
    good = "M00002,Ba,Fatou,MCF,Génie rural,fatou@univ.example,192\n"
    page = send(browser, head + good + "M00001,Guérin,Anne,PR,,x,192\n", TEACHERS)
    [line] = [line for line in page.context["preview"].lines if line.faults]
    assert {name for name, _fault in line.faults} == {"departement", "courriel"}
    page = send(browser, head + good, TEACHERS)
    accept(browser, page, TEACHERS)
    assert Teacher.objects.get(matricule="M00002").max_hours == 192
