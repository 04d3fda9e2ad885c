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
from tests.app.conftest import browser_of, change_course

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

pytestmark = pytest.mark.django_db
YEAR = "2026-2027"


@pytest.fixture
def browser(staff: User, agv211: Course, teacher: Teacher, colleague: Teacher) -> Client:
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


def test_thirds_that_a_computer_cannot_write_leave_nothing(browser: Client, agv211: Course) -> None:
    """0.1 + 0.2 is 0.30000000000000004 where SQLite computes."""
    change_course(agv211, hours_cm=Decimal("0.30"))
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
    change_course(agv211, hours_cm=20)
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
