"""Every address by every role, and what no role may be without: CSRF, headers, a throttle. On both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import Settings

from attributions.models import Attribution, Discharge, Teacher
from courses.models import AcademicYear, Course, FileImport
from tests.app.conftest import BROWSER, browser_of
from tests.conftest import Run

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer


pytestmark = pytest.mark.django_db

ROLES = ("nobody", "without", "enseignant", "lecteur", "secretariat", "administrateur", "staff")
#: What each kind of address answers to each role, in the order of ROLES: the login, a refusal, or the page.
EVERYBODY = "AAAAAAA"
USERS = ".AAAAAA"
LOOK = ".--AAA-"
CHANGE = ".---AA-"
MANAGE = ".----A-"
STAFF = ".-----A"

#: (name, arguments) -> (who may GET, who may POST); None where there is no such method.
MATRIX = {
    ("home", ()): (USERS, USERS),
    ("accounts:list", ()): (MANAGE, None),
    ("accounts:own_password", ()): (USERS, USERS),
    ("accounts:release_address", ()): (None, MANAGE),
    ("accounts:set_password", ("account",)): (MANAGE, MANAGE),
    ("accounts:unlock", ("account",)): (None, MANAGE),
    ("office:settings", ()): (MANAGE, MANAGE),
    ("imports:list", ()): (CHANGE, None),
    ("imports:detail", ("file_import",)): (CHANGE, None),
    ("imports:take_back", ("file_import",)): (None, CHANGE),
    ("database", ()): (STAFF, STAFF),
    ("healthz", ()): (EVERYBODY, None),
    ("livez", ()): (EVERYBODY, None),
    ("login", ()): (EVERYBODY, EVERYBODY),
    ("logout", ()): (None, EVERYBODY),
    ("set_language", ()): (EVERYBODY, EVERYBODY),
    ("attributions:attribute", ()): (LOOK, CHANGE),
    ("attributions:parts", ()): (LOOK, None),
    ("attributions:openapi", ()): (LOOK, None),
    ("attributions:list", ()): (LOOK, None),
    ("attributions:export", ("csv",)): (LOOK, None),
    ("attributions:export", ("xlsx",)): (LOOK, None),
    ("attributions:import", ()): (CHANGE, CHANGE),
    ("attributions:copy_year", ()): (CHANGE, CHANGE),
    ("attributions:undo_together", ("0123456789abcdef",)): (None, CHANGE),
    ("attributions:dashboard", ()): (LOOK, None),
    ("attributions:export_loads", ("csv",)): (LOOK, None),
    ("attributions:export_loads", ("xlsx",)): (LOOK, None),
    ("attributions:department", ()): (LOOK, None),
    ("attributions:detail", ("attribution",)): (LOOK, None),
    ("attributions:edit", ("attribution",)): (CHANGE, CHANGE),
    ("attributions:move", ("attribution",)): (CHANGE, CHANGE),
    ("attributions:replace", ("attribution",)): (CHANGE, CHANGE),
    ("attributions:review", ()): (LOOK, None),
    ("attributions:remove", ("attribution",)): (CHANGE, CHANGE),
    ("attributions:undo", ("attribution",)): (None, CHANGE),
    ("attributions:undo_several", ()): (None, CHANGE),
    ("teachers:list", ()): (LOOK, None),
    ("teachers:export", ("csv",)): (LOOK, None),
    ("teachers:export", ("xlsx",)): (LOOK, None),
    ("teachers:import", ()): (CHANGE, CHANGE),
    ("teachers:own", ()): (USERS, None),
    ("teachers:own_decision", ()): (USERS, None),
    ("teachers:letters", ()): (LOOK, None),
    ("teachers:discharges", ("teacher",)): (LOOK, CHANGE),
    ("teachers:remove_discharge", ("discharge",)): (None, CHANGE),
    ("teachers:add", ()): (CHANGE, CHANGE),
    ("teachers:detail", ("teacher",)): (LOOK, None),
    ("teachers:edit", ("teacher",)): (CHANGE, CHANGE),
    ("teachers:deactivate", ("teacher",)): (None, CHANGE),
    ("teachers:reactivate", ("teacher",)): (None, CHANGE),
    ("teachers:decision", ("teacher",)): (LOOK, None),
    ("courses:list", ()): (LOOK, None),
    ("courses:export", ("csv",)): (LOOK, None),
    ("courses:export", ("xlsx",)): (LOOK, None),
    ("courses:import", ()): (CHANGE, CHANGE),
    ("courses:add", ()): (CHANGE, CHANGE),
    ("courses:detail", ("course",)): (LOOK, None),
    ("courses:edit", ("course",)): (CHANGE, CHANGE),
    ("courses:give", ("course",)): (None, CHANGE),
    ("courses:deactivate", ("course",)): (None, CHANGE),
    ("courses:reactivate", ("course",)): (None, CHANGE),
    ("years:list", ()): (MANAGE, None),
    ("years:open_next", ()): (None, MANAGE),
    ("years:change", ("year", "close")): (None, MANAGE),
    ("attributions:attribute_course", ("course",)): (CHANGE, CHANGE),
}  # fmt: skip


@pytest.fixture
def rows(agv211: Course, teacher: Teacher, staff: User) -> dict[str, int]:
    made = Attribution.objects.create(
        course=agv211, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=12, created_by=staff
    )
    imported = FileImport.objects.create(table="courses.course", added=0, changed=0, same=0, changes={})
    discharge = Discharge.objects.create(teacher=teacher, academic_year_id="2026-2027", hours=24, reason="direction")
    return {
        "discharge": discharge.pk,
        "account": staff.pk,
        "file_import": imported.pk,
        "attribution": made.pk,
        "teacher": teacher.pk,
        "course": agv211.pk,
        "year": AcademicYear.objects.get(label="2025-2026").pk,
    }


@pytest.fixture
def browsers(account: Callable[..., User], rows: dict[str, int]) -> dict[str, Client]:
    """Role -> a browser in which somebody with that role is logged in."""
    users = {role: account(role) for role in ROLES if role not in ("nobody", "without", "staff")}
    users |= {"without": account(None, "sans-role"), "staff": account(None, "intendant", is_staff=True)}
    found = {role: browser_of(user, raise_request_exception=False) for role, user in users.items()}
    return found | {"nobody": Client(headers=BROWSER)}


def addresses(patterns: list[URLPattern | URLResolver], namespace: str = "") -> Iterator[str]:
    """Every named address of the project, but for the administration's own."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from addresses(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else namespace)
        elif isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}"


def test_every_address_is_in_the_matrix() -> None:
    assert set(addresses(get_resolver().url_patterns)) == {name for name, _arguments in MATRIX}


def judged(answer: Answer) -> str:
    """ "." led to the login, "-" refused, "A" answered: with a page, or because what was sent was wrong."""
    if answer.status_code == 302 and answer.headers["Location"].startswith("/login/?next="):
        return "."
    assert answer.status_code < 500
    return "-" if answer.status_code == 403 else "A"


@pytest.mark.parametrize(("address", "expected"), MATRIX.items(), ids=lambda value: str(value[0]))
def test_each_role_gets_what_it_may_and_nothing_else(
    browsers: dict[str, Client],
    rows: dict[str, int],
    address: tuple[str, tuple[str, ...]],
    expected: tuple[str | None, str | None],
) -> None:
    name, arguments = address
    url = reverse(name, args=[rows.get(argument, argument) for argument in arguments])
    for method, allowed in zip(("get", "post"), expected, strict=True):
        answers = {role: getattr(browsers[role], method)(url) for role in ROLES}
        if allowed is None:
            assert {answer.status_code for role, answer in answers.items() if judged(answer) == "A"} <= {405}, method
        else:
            assert "".join(judged(answers[role]) for role in ROLES) == allowed, method


def test_a_role_that_may_only_look_changes_nothing(browsers: dict[str, Client], rows: dict[str, int]) -> None:
    for role in ("nobody", "without", "enseignant", "lecteur", "staff"):
        for action in ("modifier", "deplacer", "retirer", "annuler"):
            browsers[role].post(f"/attribution/{rows['attribution']}/{action}/", {"hours": "1", "load": "STAT"})
    assert str(Attribution.objects.get().hours) == "12.00"


def test_a_view_that_says_nothing_is_closed_to_everybody(admin_client: Client, settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.app.urls_without_demand"
    answer = admin_client.get("/forgotten/", headers=BROWSER)
    assert answer.status_code == 403
    assert "Vous ne pouvez pas ouvrir cette page" in answer.content.decode()
    assert "secret" not in answer.content.decode()


def test_every_form_asks_for_its_csrf_token(account: Callable[..., User], rows: dict[str, int]) -> None:
    browser = browser_of(account("administrateur"), enforce_csrf_checks=True)
    for (name, arguments), (_get, post) in MATRIX.items():
        if post is not None:
            url = reverse(name, args=[rows.get(argument, argument) for argument in arguments])
            assert browser.post(url).status_code == 403, name


def test_every_page_says_what_a_browser_may_do_with_it(browsers: dict[str, Client], rows: dict[str, int]) -> None:
    for address in ("/attribution/", "/attribution/tableau-de-bord/", "/login/", "/inconnue/", "/healthz"):
        answer = browsers["secretariat"].get(address)
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "style-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_no_page_has_a_style_or_a_script_in_it(browsers: dict[str, Client], rows: dict[str, int]) -> None:
    for name, arguments in MATRIX:
        url = reverse(name, args=[rows.get(argument, argument) for argument in arguments])
        answer = browsers["administrateur"].get(url)
        if answer.status_code == 200 and "html" in answer.headers["Content-Type"]:
            text = answer.content.decode()
            assert " style=" not in text, name
            assert "<style" not in text, name
            assert "onclick" not in text, name
            assert "//" not in "".join(part.split('"')[0] for part in text.split('src="')[1:]), name


def test_wrong_passwords_are_not_guessed_for_ever(account: Callable[..., User], client: Client) -> None:
    account("secretariat", "aubry", password="demo")
    wrong = [client.post("/login/", {"username": "aubry", "password": "x"}).status_code for _ in range(6)]
    assert wrong[:4] == [200] * 4
    assert wrong[-1] == 429
    locked = client.post("/login/", {"username": "aubry", "password": "demo"})
    assert locked.status_code == 429
    assert "Trop de tentatives" in locked.content.decode()
    account("lecteur", "bocquet", password="demo")
    assert client.post("/login/", {"username": "bocquet", "password": "demo"}).status_code == 302


def test_the_deployment_checks_have_nothing_to_say(python: Run) -> None:
    production = {
        "DJANGO_ENV": "production",
        "SECRET_KEY": "k7" * 30 + "aZ!%x$w",
        "ALLOWED_HOSTS": "attribution.example.org",
        "DATABASE_URL": "postgres://u:p@localhost/x",
    }
    done = python("manage.py", "check", "--deploy", "--fail-level", "INFO", **production)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
