"""Several teachers share the hours of a part: by hours, by group, by period. Runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from attributions.free_parts import FreeParts, PartFilter
from attributions.models import Attribution, Teacher
from courses.models import Course
from office.models import OfficeSettings
from tests.app.conftest import browser_of, change_course, open_years
from tests.conftest import captured

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

pytestmark = pytest.mark.django_db
YEAR = "2026-2027"


@pytest.fixture
def browser(staff: User, agv211: Course, teacher: Teacher, colleague: Teacher) -> Client:
    """A browser, and 36.50 h of lectures for two groups."""
    change_course(agv211, hours_cm=Decimal("18.25"), groups_cm=2)
    return browser_of(staff)


@pytest.fixture
def colleague(teacher: Teacher) -> Teacher:
    return Teacher.objects.create(
        matricule="M00002",
        last_name="Ba",
        first_name="Fatou",
        grade_id="MCF",
        department="Sciences du sol",
        max_hours=99,
    )


def ask(browser: Client, **fields: Any) -> Answer:
    """Ask for a share of the lectures of AGV211 as a program does."""
    asked = {"course": "AGV211", "component": "CM", "teacher": "M00001", "academic_year": YEAR} | fields
    return browser.post("/attribution/", asked, content_type="application/json", headers={"accept": "application/json"})


def left() -> dict[str, str]:
    parts = [part for course in FreeParts(YEAR, PartFilter()) for part in course]
    return {part.key: str(part.hours.left) for part in parts}


def test_a_part_is_shared_by_hours_until_nothing_is_left(browser: Client) -> None:
    assert ask(browser, hours="10,25").status_code == 201
    assert left() == {"AGV211:CM": "26.25"}
    refused = ask(browser, teacher="M00002", hours=30, role="CO", confirm=True)
    assert (refused.status_code, refused.json()["results"][0]["status"]) == (409, "over_hours")
    assert "30 h sont demandées, mais il reste 26,25 h sur 36,50 h" in refused.json()["message"]
    assert ask(browser, teacher="M00002", role="CO").status_code == 201
    assert [(str(one.hours), one.role) for one in Attribution.objects.order_by("pk")] == [
        ("10.25", "HOLDER"),
        ("26.25", "CO"),
    ]
    assert left() == {}
    taken = ask(browser, teacher="M00002", group=2)
    assert (taken.status_code, taken.json()["results"][0]["status"]) == (409, "taken")
    assert "est déjà attribué à GUÉRIN Thérèse, BA Fatou pour 2026-2027" in taken.json()["message"]


def test_the_same_share_is_not_made_twice_but_one_of_another_group_or_period_is(browser: Client) -> None:
    assert ask(browser, hours=4).status_code == 201
    again = ask(browser, hours=5)
    assert (again.status_code, again.json()["results"][0]["status"]) == (409, "taken")
    assert "GUÉRIN Thérèse a déjà cette part de AGV211 CM" in again.json()["message"]
    assert ask(browser, hours=4, group=2).status_code == 201
    assert ask(browser, hours=4, starts_on="2027-03-01", ends_on="2027-04-30").status_code == 201
    assert ask(browser, hours=4, starts_on="2027-03-01", ends_on="2027-02-01").status_code == 400
    assert Attribution.objects.count() == 3


@pytest.mark.parametrize(
    "field", [{"role": "X"}, {"group": -1}, {"group": "x"}, {"group": 100}, {"starts_on": "31/02/2027"}]
)
def test_a_bad_role_group_or_date_is_refused_by_name(browser: Client, field: dict[str, Any]) -> None:
    answer = ask(browser, **field)
    assert answer.status_code == 400
    assert {"role": "Rôle", "group": "Groupe", "starts_on": "Du"}[next(iter(field))] in answer.json()["message"]


def test_a_group_is_one_of_those_that_the_course_has(browser: Client) -> None:
    refused = ask(browser, group=3)
    assert (refused.status_code, "Il y a 2 groupes de CM" in refused.json()["message"]) == (400, True)
    ask(browser, group=2)
    share = Attribution.objects.get()
    address = f"/attribution/{share.pk}/modifier/"
    form = {"version": browser.get(address).context["version"], "hours": "4", "load": "STAT", "group": "3"}
    assert "Il y a 2 groupes de CM" in browser.post(address, form).content.decode()
    assert browser.post(address, form | {"group": "1"}).status_code == 302


def test_thirds_that_a_computer_cannot_write_leave_nothing(browser: Client, agv211: Course) -> None:
    """0.1 + 0.2 is 0.30000000000000004 where SQLite computes."""
    change_course(agv211, hours_cm=Decimal("0.10"), groups_cm=3)
    for hours, group in (("0.1", 1), ("0.1", 2), ("0.1", 3)):
        assert ask(browser, hours=hours, group=group).status_code == 201
    assert left() == {}


def test_the_page_gives_the_hours_that_are_typed_for_each_part(browser: Client) -> None:
    form = {
        "teacher": "M00001", "academic_year": YEAR, "parts": "AGV211:CM", "hours:AGV211:CM": "10,25", "role": "CO",
        "starts_on": "2026-09-01", "load": "STAT",
    }  # fmt: skip
    assert browser.post("/attribution/", form).status_code == 302
    share = Attribution.objects.get()
    assert (str(share.hours), share.role, str(share.starts_on)) == ("10.25", "CO", "2026-09-01")
    page = browser.get("/attribution/", {"year": YEAR, "teacher": "M00002"}).content.decode()
    assert "26,25 h dans 1 partie" in page
    assert "26,25 h sur 36,50 h restent" in page


def test_an_edit_that_asks_for_no_more_is_stored_where_the_course_became_shorter(
    browser: Client, agv211: Course
) -> None:
    ask(browser)
    change_course(agv211, hours_cm=10)
    share = Attribution.objects.get()
    address = f"/attribution/{share.pk}/modifier/"
    version = browser.get(address).context["version"]
    for hours, status in (("36,50", 302), ("37", 409), ("30", 302)):
        assert browser.post(address, {"version": version, "hours": hours, "load": "STAT"}).status_code == status
        version = browser.get(address).context["version"]


def test_the_admin_refuses_more_than_is_left(
    browser: Client, admin_client: Client, agv211: Course, teacher: Teacher
) -> None:
    fields = {
        "course": agv211.pk, "teacher": teacher.pk, "component": "CM", "academic_year": YEAR, "role": "HOLDER",
        "group": "0", "load": "STAT", "hours": "36.51",
    }  # fmt: skip
    page = admin_client.post("/admin/attributions/attribution/add/", fields)
    assert "36,51 h sont demandées, mais il reste 36,50 h sur 36,50 h" in page.content.decode()
    assert admin_client.post("/admin/attributions/attribution/add/", fields | {"hours": "36.5"}).status_code == 302


def test_more_than_is_left_is_confirmed_where_the_office_allows_it(browser: Client) -> None:
    OfficeSettings(pk=1, may_exceed_hours=True).save()
    assert ask(browser, hours=40).status_code == 409
    form = {"teacher": "M00001", "academic_year": YEAR, "parts": "AGV211:CM", "hours:AGV211:CM": "40"}
    page = browser.post("/attribution/", form)
    assert page.status_code == 409
    assert 'name="hours:AGV211:CM" value="40"' in page.content.decode()
    assert browser.post("/attribution/", form | {"confirm": "yes"}).status_code == 302
    assert ask(browser, teacher="M00002", hours=1, confirm=True).status_code == 201
    assert Attribution.objects.count() == 2


def replace(browser: Client, share: Attribution, **fields: Any) -> Answer:
    """Send the form of a replacement as it is shown now."""
    address = f"/attribution/{share.pk}/remplacer/"
    form = {"teacher": "M00002", "first_day": "2027-03-01", "hours_done": "20,25"} | fields
    version = browser.get(address).context["version"]
    return browser.post(address, {"version": version} | form, follow=True)


def periods() -> list[tuple[str, str, str, str, str]]:
    shares = Attribution.objects.order_by("pk").values_list(
        "teacher__last_name", "role", "hours", "starts_on", "ends_on"
    )
    return [(name, role, str(hours), str(starts), str(ends)) for name, role, hours, starts, ends in shares]


def test_a_replacement_ends_a_share_and_opens_another_and_is_undone_as_one(browser: Client) -> None:
    ask(browser)
    [before] = periods()
    page = replace(browser, Attribution.objects.get())
    assert periods() == [
        ("Guérin", "HOLDER", "20.25", "None", "2027-02-28"),
        ("Ba", "SUBSTITUTE", "16.25", "2027-03-01", "None"),
    ]
    assert "BA Fatou a 16,25 h à partir du 01/03/2027" in page.content.decode()
    for teacher, told in (("M00001", "jusqu’au 28/02/2027"), ("M00002", "à partir du 01/03/2027")):
        pk = Teacher.objects.get(matricule=teacher).pk
        for address in (f"/enseignants/{pk}/", f"/enseignants/{pk}/decision/"):
            assert told in browser.get(address, {"year": YEAR}).content.decode()
    undo = captured(r'action="(/attribution/ensemble/\w+/annuler/)"', page.content.decode())
    browser.post(undo)
    assert periods() == [before]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"hours_done": "36,50"}, "supérieures à 0 et inférieures à 36,50 h"),
        ({"hours_done": "0"}, "supérieures à 0 et inférieures à 36,50 h"),
        ({"teacher": "M00001"}, "GUÉRIN Thérèse a déjà cette part"),
        ({"first_day": "2026-08-31"}, "Le remplacement commence après le début de la part"),
        ({"first_day": "x"}, "date valide"),
        ({"teacher": "M9"}, "aucun enseignant"),
    ],
)
def test_a_replacement_that_cannot_be_changes_nothing(browser: Client, change: dict[str, str], told: str) -> None:
    ask(browser, starts_on="2026-09-01")
    before = periods()
    page = replace(browser, Attribution.objects.get(), **change)
    assert (page.status_code, told in page.content.decode()) == (400, True)
    assert periods() == before


def test_a_substitute_over_the_maximum_is_confirmed(browser: Client, colleague: Teacher) -> None:
    Teacher.objects.filter(pk=colleague.pk).update(max_hours=10)
    ask(browser)
    page = replace(browser, Attribution.objects.get())
    assert (page.status_code, "16,25 h pour un maximum de 10 h" in page.content.decode()) == (409, True)
    assert replace(browser, Attribution.objects.get(), confirm="yes").status_code == 200
    assert len(periods()) == 2


def test_what_is_over_or_given_in_part_is_listed_for_review(browser: Client, agv211: Course) -> None:
    change_course(agv211, hours_td=20, hours_tp=10)
    for component in ("CM", "TD"):
        ask(browser, component=component)
    assert "À revoir" not in browser.get("/attribution/tableau-de-bord/", {"year": YEAR}).content.decode()
    change_course(agv211, hours_cm=15, hours_td=24)
    board = browser.get("/attribution/tableau-de-bord/", {"year": YEAR})
    assert (board.context["to_review"].over, board.context["to_review"].under) == (1, 1)
    assert "1 partie avec plus d’heures qu’il n’y en a" in board.content.decode()
    page = browser.get("/attribution/a-revoir/", {"year": YEAR}).content.decode()
    assert "36,50 h sur 30 h\xa0: 6,50 h de trop" in page
    assert "4 h sur 24 h restent" in page


def test_a_carry_over_copies_shares_and_is_undone_whole(browser: Client) -> None:
    open_years("2027-2028")
    ask(browser, hours="10,25", role="CO", group=2, starts_on="2027-03-01", academic_year="2026-2027")
    ask(browser, teacher="M00002", hours=20)
    sent = {"year": "2027-2028", "expected": "2", "accept": "yes"}
    page = browser.post("/attribution/reconduction/", sent, follow=True).content.decode()
    made = Attribution.objects.filter(academic_year__label="2027-2028").order_by("pk")
    assert [(str(one.hours), one.role, one.group, str(one.starts_on)) for one in made] == [
        ("10.25", "CO", 2, "2028-03-01"),
        ("20.00", "HOLDER", 0, "None"),
    ]
    undo = captured(r'action="(/attribution/ensemble/\w+/annuler/)"', page)
    changed = made[0]
    changed.note = "vu"
    changed.save()
    assert "AGV211 CM 2027-2028" in browser.post(undo, follow=True).content.decode()
    assert made.all().count() == 2
    changed.history.latest().delete()
    assert "2 parts sont comme avant" in browser.post(undo, follow=True).content.decode()
    assert made.all().count() == 0
    assert Attribution.history.filter(academic_year__label="2027-2028", history_type="-").count() == 2


def test_a_carry_over_of_more_than_is_left_names_every_part(browser: Client, agv211: Course) -> None:
    open_years("2027-2028")
    ask(browser, hours=20)
    ask(browser, teacher="M00002", hours=16)
    ask(browser, teacher="M00002", hours=6.5, academic_year="2027-2028", group=2)
    sent = {"year": "2027-2028", "expected": "2", "accept": "yes", "confirm": "yes"}
    page = browser.post("/attribution/reconduction/", sent)
    assert (page.status_code, "AGV211 CM (36 h / 30 h)" in page.content.decode()) == (409, True)
    assert Attribution.objects.filter(academic_year__label="2027-2028").count() == 1
