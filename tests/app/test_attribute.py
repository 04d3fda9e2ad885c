"""POST /attribution/: who may, what is answered, and what the database decides. Runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.db import DataError, IntegrityError, ProgrammingError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attributions.models import Attribution, Teacher
from courses.models import Course
from tests.app.conftest import change_course
from tests.conftest import captured

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer


URL = "/attribution/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def client(staff: User, agv211: Course, teacher: Teacher) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def clerk_client(clerk: User, agv211: Course, teacher: Teacher) -> Client:
    client = Client()
    client.force_login(clerk)
    return client


def check_answers(response: Answer, status: int, *told: str, success: bool = False) -> None:
    """One answer: its status, its keys, and what the message says."""
    answer = response.json()
    assert (response.status_code, answer["success"]) == (status, success), answer
    assert set(answer) == {"success", "message", "results"}
    for words in told:
        assert words in answer["message"]


def test_a_free_part_is_attributed_by_the_user_who_asks(
    client: Client, attribution_request: dict[str, str], staff: User
) -> None:
    check_answers(client.post(URL, attribution_request), 201, "AGV211 CM est attribué à GUÉRIN Thérèse", success=True)
    attribution = Attribution.objects.get()
    assert (attribution.course.code, str(attribution.hours), attribution.created_by) == ("AGV211", "36.50", staff)


def test_a_json_body_is_as_good_as_a_form(client: Client, attribution_request: dict[str, str]) -> None:
    response = client.post(URL, {**attribution_request, "hours": 36.5, "note": None}, content_type="application/json")
    check_answers(response, 201, success=True)


def test_hours_may_have_a_french_comma(client: Client, attribution_request: dict[str, str]) -> None:
    check_answers(client.post(URL, {**attribution_request, "hours": "12,25"}), 201, success=True)
    assert str(Attribution.objects.get().hours) == "12.25"


def test_a_part_that_is_taken_answers_409_with_its_holder(client: Client, attribution_request: dict[str, str]) -> None:
    client.post(URL, attribution_request)
    check_answers(
        client.post(URL, attribution_request), 409, "AGV211 CM est déjà attribué à GUÉRIN Thérèse pour 2026-2027"
    )
    assert Attribution.objects.count() == 1


def test_the_hours_left_are_read_under_the_locks_of_the_transaction(
    client: Client, attribution_request: dict[str, str]
) -> None:
    """What is read before the locks may be old by the time that the share is stored."""
    with CaptureQueriesContext(connection) as queries:
        check_answers(client.post(URL, attribution_request), 201, success=True)
    statements = [query["sql"] for query in queries]
    summed = next(number for number, sql in enumerate(statements) if 'FROM "attributions_attribution"' in sql)
    inserted = next(number for number, sql in enumerate(statements) if 'INTO "attributions_attribution"' in sql)
    begun = max(number for number, sql in enumerate(statements[:inserted]) if sql.startswith(("SAVEPOINT", "BEGIN")))
    assert begun < summed < inserted
    if connection.vendor == "postgresql":
        locked = [number for number, sql in enumerate(statements) if "FOR NO KEY UPDATE" in sql]
        assert len(locked) == 2
        assert begun < min(locked) < max(locked) < summed


def test_the_same_part_of_another_year_or_component_is_free(
    client: Client, whole_agv211: Course, attribution_request: dict[str, str]
) -> None:
    for change in ({}, {"component": "TD", "hours": "24"}, {"academic_year": "2025-2026"}):
        check_answers(client.post(URL, attribution_request | change), 201, success=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"course": "AGV999"}, "Cours\N{NO-BREAK SPACE}: aucun cours n’a le code AGV999."),
        ({"teacher": "M9"}, "Enseignant\N{NO-BREAK SPACE}: aucun enseignant n’a le matricule M9."),
        ({"course": "AGV211\x00"}, "Cours\N{NO-BREAK SPACE}: aucun cours n’a le code AGV211"),
        ({"teacher": "\x00"}, "Enseignant\N{NO-BREAK SPACE}: aucun enseignant n’a le matricule"),
        ({"hours": "0"}, "Le nombre d’heures doit être supérieur à 0."),
        ({"hours": "NaN"}, "Heures\N{NO-BREAK SPACE}:"),
        ({"hours": "1e400"}, "Heures\N{NO-BREAK SPACE}:"),
        ({"hours": "10000"}, "Heures\N{NO-BREAK SPACE}:"),
        ({"hours": "1.005"}, "Heures\N{NO-BREAK SPACE}:"),
        ({"academic_year": "2026-2028"}, "n’est pas dans la liste des années"),
        ({"academic_year": "２０２６-２０２７"}, "n’est pas dans la liste des années"),
        ({"component": "XX"}, "Composante\N{NO-BREAK SPACE}:"),
        ({"note": "nul \x00"}, "Remarque interne\N{NO-BREAK SPACE}:"),
        ({"course": ""}, "Cours\N{NO-BREAK SPACE}:"),
    ],
)
def test_a_bad_field_answers_400_and_names_it(
    client: Client, attribution_request: dict[str, str], change: dict[str, str], told: str
) -> None:
    check_answers(client.post(URL, attribution_request | change, content_type="application/json"), 400, told)
    assert not Attribution.objects.exists()


def repr_of(body: str | bytes) -> str:
    return repr(body[:12])


NESTED = ["[" * 100_000, '{"parts":' * 20_000, '{"note": ' + "[" * 50_000 + "]" * 50_000 + "}"]


@pytest.mark.parametrize("body", [" ", "[]", "{", '"x"', '{"note": "\\ud800"}', b"\xff", *NESTED], ids=repr_of)
def test_a_body_that_is_no_json_object_answers_400(client: Client, body: str | bytes) -> None:
    check_answers(client.post(URL, body, content_type="application/json"), 400, "JSON")


@pytest.mark.parametrize("kind", [ProgrammingError, IntegrityError, DataError])
def test_any_other_database_error_answers_400_with_its_first_line_to_staff(
    client: Client, attribution_request: dict[str, str], monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    monkeypatch.setattr(Attribution, "save", raising(kind("no such column\nDETAIL: page 12")))
    told = "Erreur lors de la création de l'attribution pour le cours AGV211 : no such column"
    check_answers(client.post(URL, attribution_request), 400, told)
    assert "DETAIL" not in client.post(URL, attribution_request).json()["message"]


def test_an_error_while_the_form_is_checked_is_told_in_the_same_way(
    client: Client, attribution_request: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from attributions.forms import KeyChoiceField

    monkeypatch.setattr(KeyChoiceField, "to_python", raising(ProgrammingError("permission denied")))
    check_answers(client.post(URL, attribution_request), 400, "pour le cours AGV211 : permission denied")


def test_others_get_a_reference_that_the_log_carries(
    clerk_client: Client,
    attribution_request: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Attribution, "save", raising(ProgrammingError("secret detail")))
    with caplog.at_level(logging.ERROR, "attributions"):
        response = clerk_client.post(URL, attribution_request)
    check_answers(response, 400, "pour le cours AGV211 : merci de donner la référence ")
    message = response.json()["message"]
    assert "secret detail" not in message
    reference = captured(r"référence ([0-9A-F]{8}) ", message)
    assert f"Reference {reference}" in caplog.text
    assert "secret detail" in caplog.text


def raising(error: Exception) -> Callable[..., None]:
    def save(*args: object, **kwargs: object) -> None:
        raise error

    return save


def test_nobody_attributes_without_logging_in(db: None, attribution_request: dict[str, str]) -> None:
    assert Client().get(URL).status_code == 302
    response = Client().post(URL, attribution_request, headers={"accept": "text/html"})
    assert (response.status_code, response.headers["Location"]) == (302, "/login/?next=/attribution/")
    check_answers(Client().post(URL, json.dumps(attribution_request), content_type="application/json"), 401)
    assert not Attribution.objects.exists()


def test_a_form_of_another_site_is_refused(
    staff: User, agv211: Course, teacher: Teacher, attribution_request: dict[str, str]
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    assert client.post(URL, attribution_request).status_code == 403
    assert client.post(URL, attribution_request, content_type="application/json").status_code == 403
    assert not Attribution.objects.exists()


def test_other_methods_are_refused(client: Client) -> None:
    assert client.put(URL).status_code == 405
    assert client.delete(URL).status_code == 405


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({}, "application/json"),
        ({"accept": "*/*"}, "application/json"),
        ({"accept": "application/json"}, "application/json"),
        ({"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "text/html"),
        ({"accept": "text/html,*/*;q=0.8", "x-requested-with": "XMLHttpRequest"}, "application/json"),
    ],
)
def test_programs_get_json_and_browsers_a_page(
    client: Client, attribution_request: dict[str, str], headers: dict[str, str], kind: str
) -> None:
    response = client.post(URL, {**attribution_request, "course": "AGV999"}, headers=headers)
    assert response.status_code == 400
    assert response.headers["Content-Type"].startswith(kind)


SEVERAL = {"teacher": "M00001", "academic_year": "2026-2027"}


def several(client: Client, *components: str, **more: object) -> Answer:
    body = SEVERAL | {"parts": [{"course": "AGV211", "component": one} for one in components]} | more
    return client.post(URL, body, content_type="application/json")


@pytest.fixture
def whole_agv211(agv211: Course) -> Course:
    """AGV211 with 36.50 h of lectures, 24 h of tutorials and 12 h in the laboratory."""
    change_course(agv211, hours_td=24, hours_tp=12)
    return agv211


def test_several_parts_are_attributed_with_the_hours_of_the_course(client: Client, whole_agv211: Course) -> None:
    response = several(client, "CM", "TD", "TP")
    check_answers(response, 201, "3 parties attribuées sur 3", success=True)
    made = dict(Attribution.objects.values_list("component", "hours"))
    assert {key: str(hours) for key, hours in made.items()} == {"CM": "36.50", "TD": "24.00", "TP": "12.00"}
    assert {result["attribution"] for result in response.json()["results"]} == set(
        Attribution.objects.values_list("pk", flat=True)
    )


def test_one_that_is_taken_takes_none_of_the_others_along(
    client: Client, whole_agv211: Course, attribution_request: dict[str, str]
) -> None:
    client.post(URL, {**attribution_request, "component": "TD", "hours": "24"})
    response = several(client, "CM", "TD", "TP")
    check_answers(response, 207, "2 parties attribuées sur 3")
    assert [result["status"] for result in response.json()["results"]] == ["done", "taken", "done"]
    assert "GUÉRIN Thérèse" in response.json()["results"][1]["message"]


def test_what_would_exceed_the_maximum_is_asked_back_and_done_when_confirmed(
    client: Client, whole_agv211: Course, teacher: Teacher
) -> None:
    teacher.max_hours = 50
    teacher.save()
    response = several(client, "CM", "TD", "TP")
    check_answers(response, 207)
    assert [result["status"] for result in response.json()["results"]] == ["done", "over_maximum", "done"]
    assert "60,50\u00a0h".replace("\u00a0", " ") in response.json()["results"][1]["message"].replace("\u00a0", " ")
    check_answers(several(client, "TD"), 409, "pour un maximum de 50")
    check_answers(several(client, "TD", confirm=True), 201, success=True)


def test_a_part_that_the_course_does_not_have_is_refused(client: Client, agv211: Course) -> None:
    check_answers(several(client, "TD"), 400, "AGV211 n’a pas d’heures de TD en 2026-2027")


@pytest.mark.parametrize("parts", [[], "AGV211:CM", [None], [{"course": "AGV211", "component": "CM"}] * 201])
def test_parts_that_are_no_list_of_parts_answer_400(client: Client, parts: list[dict[str, str] | None] | str) -> None:
    body = SEVERAL | {"parts": parts}
    assert client.post(URL, body, content_type="application/json").status_code == 400
    assert not Attribution.objects.exists()


def test_free_parts_are_told_as_json_until_somebody_holds_them(
    client: Client, whole_agv211: Course, attribution_request: dict[str, str]
) -> None:
    parts = client.get(f"{URL}parts/", {"year": "2026-2027"}).json()
    assert [part["component"] for part in parts["parts"]] == ["CM", "TD", "TP"]
    client.post(URL, attribution_request)
    parts = client.get(f"{URL}parts/", {"year": "2026-2027", "level": "L2", "q": "agrost"}).json()
    assert [(part["component"], part["hours"]) for part in parts["parts"]] == [("TD", "24.00"), ("TP", "12.00")]
    assert client.get(f"{URL}parts/", {"year": "2026-2028"}).status_code == 400
    assert client.get(f"{URL}parts/", {"year": "2026-2027", "q": "a\x00b", "department": "\x00"}).status_code == 200
