"""Edit, move, remove, undo, and the history of all of it. Runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from simple_history.utils import bulk_create_with_history

from attributions.models import Attribution, Teacher
from courses.models import Course
from tests.app.conftest import browser_of, change_course

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer


pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(staff: User, agv211: Course, teacher: Teacher) -> Client:
    return browser_of(staff)


@pytest.fixture
def attribution(browser: Client, attribution_request: dict[str, str]) -> Attribution:
    """The lectures of AGV211, attributed through the page."""
    browser.post("/attribution/", attribution_request, headers={"accept": "application/json"})
    return Attribution.objects.get()


@pytest.fixture
def colleague(teacher: Teacher) -> Teacher:
    return Teacher.objects.create(
        matricule="M00002",
        last_name="Ba",
        first_name="Fatou",
        grade_id="MCF",
        department=teacher.department,
        max_hours=40,
    )


def history(made: Attribution) -> list[tuple[str, str, str]]:
    """What happened, oldest first: kind, user, hours."""
    records = Attribution.history.filter(id=made.pk).order_by("history_id")
    return [(one.history_type, one.history_user.username, str(one.hours)) for one in records]


def change(browser: Client, made: Attribution, action: str, sent: dict[str, str] | None = None, **more: Any) -> Answer:
    """Send a form as it is shown now."""
    version = browser.get(f"/attribution/{made.pk}/{action}/").context["version"]
    return browser.post(f"/attribution/{made.pk}/{action}/", {"version": version} | (sent or {}), **more)


def undo(browser: Client, made: Attribution, **sent: str) -> Answer:
    return browser.post(f"/attribution/{made.pk}/annuler/", sent, follow=True)


def test_an_edit_is_stored_and_remembered(browser: Client, attribution: Attribution) -> None:
    sent = {"hours": "20,5", "load": "SUPP", "note": "moitié"}
    page = change(browser, attribution, "modifier", sent, follow=True)
    attribution.refresh_from_db()
    assert (str(attribution.hours), attribution.load, attribution.note) == ("20.50", "SUPP", "moitié")
    assert history(attribution) == [("+", "secretaire", "36.50"), ("~", "secretaire", "20.50")]
    assert "est modifié" in page.content.decode()
    assert "Qui a fait quoi" in page.content.decode()


@pytest.mark.parametrize("sent", [{"hours": "0"}, {"hours": ""}, {"hours": "12", "load": "X"}, {"hours": "x"}])
def test_a_bad_edit_changes_nothing(browser: Client, attribution: Attribution, sent: dict[str, str]) -> None:
    page = change(browser, attribution, "modifier", {"load": "STAT", "note": ""} | sent)
    assert page.status_code == 400
    assert 'aria-invalid="true"' in page.content.decode()
    assert len(history(attribution)) == 1


def test_an_edit_over_the_maximum_is_confirmed(browser: Client, attribution: Attribution) -> None:
    change_course(attribution.course, hours_cm=300)
    sent = {"hours": "200", "load": "STAT", "note": ""}
    page = change(browser, attribution, "modifier", sent)
    assert page.status_code == 409
    assert 'name="confirm"' in page.content.decode()
    assert change(browser, attribution, "modifier", sent | {"confirm": "yes"}).status_code == 302
    attribution.refresh_from_db()
    assert attribution.hours == 200


def test_an_edit_over_the_hours_of_the_part_is_refused_with_the_sum(browser: Client, attribution: Attribution) -> None:
    page = change(browser, attribution, "modifier", {"hours": "150", "load": "STAT", "confirm": "yes"})
    assert page.status_code == 409
    assert "150 h sont demandées, mais il reste 36,50 h sur 36,50 h" in page.content.decode()
    attribution.refresh_from_db()
    assert str(attribution.hours) == "36.50"


def test_a_move_gives_the_part_to_somebody_else(browser: Client, attribution: Attribution, colleague: Teacher) -> None:
    found = browser.get(f"/attribution/{attribution.pk}/deplacer/", {"who": "fatou"}).content.decode()
    assert 'value="M00002"' in found
    assert 'value="M00001"' not in found
    assert change(browser, attribution, "deplacer", {"teacher": "M00002"}).status_code == 302
    attribution.refresh_from_db()
    assert attribution.teacher == colleague


def test_a_move_over_the_maximum_or_to_nobody_is_refused(
    browser: Client, attribution: Attribution, colleague: Teacher
) -> None:
    colleague.max_hours = 10
    colleague.save()
    assert change(browser, attribution, "deplacer", {"teacher": "M00002"}).status_code == 409
    assert change(browser, attribution, "deplacer", {"teacher": "M9"}).status_code == 400
    assert change(browser, attribution, "deplacer", {"teacher": "M00002\x00"}).status_code == 400
    assert change(browser, attribution, "deplacer", {}).status_code == 400
    attribution.refresh_from_db()
    assert attribution.teacher.matricule == "M00001"


def test_a_removal_asks_first_and_can_be_undone_as_it_was(browser: Client, attribution: Attribution) -> None:
    assert "Retirer cette partie" in browser.get(f"/attribution/{attribution.pk}/retirer/").content.decode()
    assert Attribution.objects.exists()
    page = change(browser, attribution, "retirer", follow=True)
    assert not Attribution.objects.exists()
    assert f'action="/attribution/{attribution.pk}/annuler/"' in page.content.decode()
    assert "a été retirée" in browser.get(f"/attribution/{attribution.pk}/").content.decode()
    undo(browser, attribution)
    again = Attribution.objects.get()
    assert (again.pk, again.hours, again.created_at, again.created_by) == (
        attribution.pk, attribution.hours, attribution.created_at, attribution.created_by,
    )  # fmt: skip
    assert [kind for kind, _user, _hours in history(attribution)] == ["+", "-", "+"]


def test_undo_takes_back_an_edit_and_then_a_creation(browser: Client, attribution: Attribution) -> None:
    change(browser, attribution, "modifier", {"hours": "20", "load": "STAT", "note": ""})
    undo(browser, attribution)
    attribution.refresh_from_db()
    assert str(attribution.hours) == "36.50"


def test_undo_of_a_creation_gives_the_part_free(browser: Client, attribution: Attribution) -> None:
    undo(browser, attribution)
    assert not Attribution.objects.exists()


def test_a_removal_cannot_be_undone_once_somebody_else_holds_the_part(
    browser: Client, attribution: Attribution, colleague: Teacher, attribution_request: dict[str, str]
) -> None:
    change(browser, attribution, "retirer")
    browser.post("/attribution/", attribution_request | {"teacher": "M00002"}, headers={"accept": "application/json"})
    page = undo(browser, attribution)
    assert "est déjà attribué à BA Fatou" in page.content.decode()
    assert Attribution.objects.get().teacher == colleague


def test_only_the_latest_change_is_undone_by_its_author_within_half_an_hour(
    browser: Client, attribution: Attribution, account: Callable[..., User]
) -> None:
    record = Attribution.history.get()
    change(browser, attribution, "modifier", {"hours": "20", "load": "STAT", "note": ""})
    assert "Quelque chose a changé" in undo(browser, attribution, change=record.history_id).content.decode()
    other = browser_of(account("secretariat", "autre"))
    assert "ou pas par vous" in undo(other, attribution).content.decode()
    latest = Attribution.history.latest("history_id")
    latest.history_date -= timedelta(minutes=31)
    latest.save()
    assert "ne peut plus être annulé" in undo(browser, attribution).content.decode()
    attribution.refresh_from_db()
    assert str(attribution.hours) == "20.00"


def test_several_at_once_leave_alone_what_was_changed_since(browser: Client, attribution: Attribution) -> None:
    change(browser, attribution, "modifier", {"hours": "20", "load": "STAT", "note": ""})
    page = browser.post(f"/attribution/annuler/?attributions={attribution.pk},x,999", follow=True)
    assert "Quelque chose a changé" in page.content.decode()
    assert Attribution.objects.exists()


@pytest.mark.parametrize("action", ["", "modifier/", "deplacer/", "retirer/", "annuler/"])
@pytest.mark.parametrize("key", [404, 10**30])
def test_what_was_never_there_is_404(browser: Client, action: str, key: int) -> None:
    address = f"/attribution/{key}/{action}"
    assert (browser.post(address) if action == "annuler/" else browser.get(address)).status_code == 404


def test_changes_of_courses_and_teachers_are_audited_too(
    admin_client: Client, agv211: Course, teacher: Teacher
) -> None:
    fields = {"code": "AGV212", "department": agv211.department, "active": "on"}
    assert admin_client.post(f"/admin/courses/course/{agv211.pk}/change/", fields).status_code == 302
    latest = Course.history.latest()
    assert (latest.code, latest.history_user.username) == ("AGV212", "admin")


class TestCopyYear:
    """Next year's attributions from last year's."""

    URL = "/attribution/reconduction/"

    @pytest.fixture
    def attributions_of_last_year(self, agv211: Course, teacher: Teacher) -> list[Attribution]:
        """Two parts of AGV211 in 2025-2026; the course has become longer since."""
        change_course(agv211, hours_td=20)
        agv211.years.filter(academic_year__label="2025-2026").update(hours_cm=15, hours_td=15)
        return [
            Attribution.objects.create(
                course=agv211, teacher=teacher, component=component, academic_year_id="2025-2026", hours=15, note="x"
            )
            for component in ("CM", "TD")
        ]

    def sent(self, **more: str | list[str]) -> dict[str, str | list[str]]:
        return {"year": "2026-2027", "department": "", "expected": "2", "accept": "yes"} | more

    def test_all_is_made_in_one_go_with_the_hours_of_now(
        self, browser: Client, attributions_of_last_year: list[Attribution], staff: User
    ) -> None:
        page = browser.get(self.URL, {"year": "2026-2027"})
        assert page.context["total"] == 2
        page = browser.post(self.URL, self.sent(), follow=True)
        assert "2 parts sont attribuées pour 2026-2027." in page.content.decode()
        made = Attribution.objects.filter(academic_year__label="2026-2027").order_by("component")
        assert [(str(one.hours), one.created_by) for one in made] == [("36.50", staff), ("20.00", staff)]
        assert Attribution.history.filter(academic_year__label="2026-2027", history_user=staff).count() == 2
        assert browser.get(self.URL, {"year": "2026-2027"}).context["total"] == 0

    def test_what_is_left_out_is_not_made_and_stays_ticked_on_other_pages(
        self, browser: Client, attributions_of_last_year: list[Attribution]
    ) -> None:
        key = str(attributions_of_last_year[0].pk)
        page = browser.post(self.URL, {"year": "2026-2027", "without": [key, "999"], "page": "1"})
        assert page.context["without"] == sorted([int(key), 999])
        assert 'name="without" value="999"' in page.content.decode()
        assert not Attribution.objects.filter(academic_year__label="2026-2027").exists()
        browser.post(self.URL, self.sent(without=[key]))
        assert [one.component for one in Attribution.objects.filter(academic_year__label="2026-2027")] == ["TD"]

    def test_more_than_the_maximum_is_named_and_confirmed(
        self, browser: Client, attributions_of_last_year: list[Attribution], teacher: Teacher
    ) -> None:
        teacher.max_hours = 40
        teacher.save()
        assert "aurait 56,50 h sur 40 h" in browser.get(self.URL, {"year": "2026-2027"}).content.decode()
        page = browser.post(self.URL, self.sent())
        assert page.status_code == 409
        reason, _table, rows = page.content.decode().partition("<table")
        assert "GUÉRIN Thérèse (M00001, 56,50 h / 40 h)." in reason.split('role="alert"')[1]
        # It is confirmed beside the reason, however long the list is, and namesakes are told apart.
        assert 'name="confirm"' in reason
        assert 'name="accept"' in reason
        assert "M00001" in rows
        assert not Attribution.objects.filter(academic_year__label="2026-2027").exists()
        assert browser.post(self.URL, self.sent(confirm="yes")).status_code == 302

    def test_a_list_that_changed_since_is_reviewed_again(
        self, browser: Client, attributions_of_last_year: list[Attribution], agv211: Course, teacher: Teacher
    ) -> None:
        Attribution.objects.create(
            course=agv211, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=1
        )
        assert browser.post(self.URL, self.sent()).status_code == 409
        assert Attribution.objects.filter(academic_year__label="2026-2027").count() == 1

    def test_it_is_all_or_nothing(
        self, browser: Client, attributions_of_last_year: list[Attribution], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from django.db import DataError

        from attributions.services import copy_year

        def fail(rows: list[Attribution], model: type[Attribution], **more: object) -> NoReturn:
            bulk_create_with_history(rows[:1], model, **more)
            raise DataError("numeric field overflow")

        monkeypatch.setattr(copy_year, "bulk_create_with_history", fail)
        assert "numeric field overflow" in browser.post(self.URL, self.sent()).content.decode()
        assert not Attribution.objects.filter(academic_year__label="2026-2027").exists()


def test_a_teacher_reads_the_remark_for_them_and_never_the_internal_one(
    browser: Client, attribution: Attribution, account: Callable[..., User]
) -> None:
    user = account("enseignant", "elle")
    Teacher.objects.filter(pk=attribution.teacher_id).update(user=user)
    sent = {"hours": "20", "load": "STAT", "note": "souvent absente", "teacher_note": "salle 12"}
    change(browser, attribution, "modifier", sent)
    own = browser_of(user)
    for address in ("/enseignants/moi/", "/enseignants/moi/decision/"):
        page = own.get(address, {"year": attribution.academic_year_id}).content.decode()
        assert ("salle 12" in page, "souvent absente" in page) == (True, False)
    for address in (
        f"/attribution/{attribution.pk}/",
        "/attribution/liste/",
        f"/enseignants/{attribution.teacher_id}/",
    ):
        page = browser.get(address, {"year": attribution.academic_year_id}).content.decode()
        assert ("salle 12" in page, "souvent absente" in page) == (True, True)
    letter = browser.get(f"/enseignants/{attribution.teacher_id}/decision/", {"year": attribution.academic_year_id})
    assert "souvent absente" not in letter.content.decode()


@pytest.mark.full
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_what_was_there_before_is_a_whole_share_with_an_internal_remark(attribution: Attribution) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate([("attributions", "0003_roles")])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE attributions_attribution SET note = %s", ["souvent absente"])
        cursor.execute("UPDATE attributions_historicalattribution SET note = %s", ["souvent absente"])
    executor.loader.build_graph()
    executor.migrate(executor.loader.graph.leaf_nodes())
    for model in (Attribution, Attribution.history.model):
        assert set(model._default_manager.values_list("note", "teacher_note")) == {("souvent absente", "")}
        shares = model._default_manager.values_list("hours", "role", "group", "starts_on", "ends_on")
        assert set(shares) == {(attribution.hours, "HOLDER", 0, None, None)}


@pytest.mark.parametrize("action", ["modifier", "deplacer", "retirer"])
def test_a_form_of_another_version_changes_nothing_and_shows_both(
    browser: Client, attribution: Attribution, colleague: Teacher, account: Callable[..., User], action: str
) -> None:
    seen = browser.get(f"/attribution/{attribution.pk}/{action}/").context["version"]
    other = browser_of(account("secretariat", "marie"))
    change(other, attribution, "modifier", {"hours": "12,25", "load": "STAT", "note": "vu"})
    typed = {"hours": "20", "load": "SUPP", "note": "mon long texte", "teacher": "M00002"}
    for version in (seen, "", None):
        sent = typed if version is None else typed | {"version": version}
        page = browser.post(f"/attribution/{attribution.pk}/{action}/", sent)
        assert page.status_code == 409
        text = page.content.decode()
        assert "marie" in text
        assert "12,25" in text
        assert {"modifier": "mon long texte", "deplacer": "BA Fatou", "retirer": "Retirer"}[action] in text
        told = browser.post(
            f"/attribution/{attribution.pk}/{action}/", sent, headers={"accept": "application/json"}
        ).json()
        assert (told["success"], "marie" in told["message"]) == (False, True)
    attribution.refresh_from_db()
    assert (str(attribution.hours), attribution.note, attribution.teacher_id != colleague.pk) == ("12.25", "vu", True)
    sent = typed | {"version": page.context["version"]}
    assert browser.post(f"/attribution/{attribution.pk}/{action}/", sent).status_code == 302


def test_a_program_reads_the_version_that_it_brings_along(browser: Client, attribution: Attribution) -> None:
    address = f"/attribution/{attribution.pk}/"
    read = browser.get(address, headers={"accept": "application/json"}).json()
    assert (read["course"], read["hours"]) == ("AGV211", "36.50")
    sent = {"hours": "1", "load": "STAT", "version": read["version"]}
    assert browser.post(f"{address}modifier/", sent, headers={"accept": "application/json"}).json()["success"]
    assert browser.post(f"{address}modifier/", sent, headers={"accept": "application/json"}).status_code == 409
    wrong = browser.post(f"{address}modifier/", {"hours": "x"}, headers={"accept": "application/json"})
    assert (wrong.status_code, wrong.json()["success"]) == (400, False)


def test_what_was_removed_meanwhile_says_so_and_keeps_what_was_typed(
    browser: Client, attribution: Attribution, account: Callable[..., User]
) -> None:
    change(browser_of(account("secretariat", "marie")), attribution, "retirer")
    for action in ("modifier", "deplacer", "retirer"):
        page = browser.post(f"/attribution/{attribution.pk}/{action}/", {"hours": "20", "note": "mon long texte"})
        assert page.status_code == 409
        assert "retiré par marie" in page.content.decode()
        assert "mon long texte" in page.content.decode()
        assert "retirée" in browser.get(f"/attribution/{attribution.pk}/{action}/", follow=True).content.decode()
    assert browser.post("/attribution/9999/modifier/").status_code == 404


def test_the_admin_does_not_overwrite_what_somebody_saved_meanwhile(
    admin_client: Client, agv211: Course, teacher: Teacher
) -> None:
    made = Attribution.objects.create(
        course=agv211, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=12
    )
    for row, address in (
        (agv211, "courses/course"),
        (teacher, "attributions/teacher"),
        (made, "attributions/attribution"),
    ):
        form = admin_client.get(f"/admin/{address}/{row.pk}/change/").context["adminform"].form
        sent = {name: form[name].value() for name in form.fields if form[name].value() is not None}
        field = "note" if row is made else "department"
        type(row)._default_manager.filter(pk=row.pk).update(**{field: "Génie rural"})
        page = admin_client.post(f"/admin/{address}/{row.pk}/change/", sent)
        assert "Quelqu’un d’autre a modifié" in str(page.context["errors"])
        row.refresh_from_db()
        assert getattr(row, field) == "Génie rural"


@pytest.mark.parametrize("action", ["modifier", "deplacer", "remplacer"])
def test_a_program_that_sends_no_form_is_answered_in_json(
    browser: Client, attribution: Attribution, action: str
) -> None:
    answer = browser.post(
        f"/attribution/{attribution.pk}/{action}/",
        "[" * 9_000,
        content_type="application/json",
        headers={"accept": "application/json"},
    )
    assert (answer.status_code, answer.json()["success"]) == (400, False)
