"""/healthz, the page about the database, and the demonstration university. Runs on SQLite and on PostgreSQL."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from attribution_project.views import health
from attributions.models import Attribution, Teacher
from tests.app.conftest import browser_of
from tests.conftest import Run

pytestmark = pytest.mark.django_db


def test_healthz_names_the_engine_and_nothing_secret() -> None:
    answer = Client().get("/healthz")
    assert answer.status_code == 200
    sound = {"status": "ok", "database": connection.vendor, "migrations": "applied", "writes": "possible"}
    assert answer.json() == sound


def test_the_graph_of_the_migrations_is_made_once() -> None:
    Client().get("/healthz")
    before = health._has_missing_migrations.cache_info()
    Client().get("/healthz")
    after = health._has_missing_migrations.cache_info()
    assert (after.misses, after.hits) == (before.misses, before.hits + 1)


@pytest.mark.django_db(databases=[])
def test_livez_asks_nobody() -> None:
    answer = Client(headers={"host": "172.18.0.5:8000"}).get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_healthz_answers_under_any_name_and_by_http(settings: Settings) -> None:
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["attribution.example.org"], True
    strange = Client(headers={"host": "172.18.0.5:8000"})
    assert strange.get("/healthz").status_code == 200
    assert strange.get("/livez").status_code == 200
    assert strange.post("/healthz").status_code == 405
    assert strange.get("/login/", secure=True).status_code == 400
    assert "Content-Security-Policy" in strange.get("/healthz").headers


def test_healthz_is_503_while_a_migration_is_missing() -> None:
    MigrationRecorder(connection).record_unapplied("attributions", "0003_roles")
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()["status"], answer.json()["migrations"]) == (503, "degraded", "missing")


def test_healthz_is_503_without_a_database(python: Run, tmp_path: Path) -> None:
    code = (
        "import django; django.setup(); from django.test import Client;"
        "answer = Client().get('/healthz', headers={'host': 'localhost'});"
        "print(answer.status_code, answer.content.decode())"
    )
    url = f"postgres://u:planted@localhost:1/{tmp_path.name}"
    done = python("-c", code, DJANGO_SETTINGS_MODULE="attribution_project.settings", DATABASE_URL=url)
    status, _, body = done.stdout.partition(" ")
    assert status == "503"
    assert json.loads(body.splitlines()[0]) == {
        "status": "unavailable", "database": "postgresql", "migrations": "unknown", "writes": "unknown"
    }  # fmt: skip
    assert "planted" not in done.stdout + done.stderr


@pytest.fixture
def steward(account: Callable[..., User]) -> Client:
    return browser_of(account(None, "intendant", is_staff=True))


def test_the_page_about_the_database_tells_its_engine_and_size(steward: Client) -> None:
    facts = steward.get("/base-de-donnees/").context["facts"]
    assert facts["engine"] == {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[connection.vendor]
    assert facts["size"] > 100_000


def test_the_last_report_is_the_newest_that_can_be_read(steward: Client, settings: Settings, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    assert "Aucun rapport" in steward.get("/base-de-donnees/").content.decode()
    folder = tmp_path / "migrate_to_pg_report"
    for name, text in (("20260101", report(rows=7)), ("20260102", "{")):
        (folder / name).mkdir(parents=True)
        (folder / name / "report.json").write_text(text)
    last = steward.get("/base-de-donnees/").context["last"]
    assert (last.tables, last.rows, last.findings, last.ok) == (1, 7, 0, True)


def report(rows: int) -> str:
    table = {"name": "courses_course", "rows_target": rows}
    return json.dumps(
        {"started": "2026-01-01T08:00:00+00:00", "mode": "migrate", "ok": True, "tables": [table], "findings": []}
    )


@pytest.mark.full
def test_the_doctor_is_asked_on_sqlite_and_counts_what_it_finds(
    python: Run, make_legacy: Callable[[str], Path]
) -> None:
    """In a process of its own: the test's database is in memory, which nobody else can read."""
    code = (
        "import django; django.setup(); from django.test import Client;"
        "from django.test.utils import setup_test_environment; setup_test_environment();"
        "from django.contrib.auth import get_user_model;"
        "client = Client(headers={'accept': 'text/html'});"
        "client.force_login(get_user_model().objects.get(username='secretaire'));"
        "answer = client.post('/base-de-donnees/');"
        "print(len(answer.context['findings']), answer.content.decode())"
    )
    url = f"sqlite:///{make_legacy('dangling-fk')}"
    done = python("-c", code, DJANGO_SETTINGS_MODULE="attribution_project.settings", DATABASE_URL=url)
    count, _, page = done.stdout.partition(" ")
    assert int(count) >= 1, done.stderr
    assert "dangling-foreign-key" in page
    assert "courses_course_backup" in page


def test_the_demonstration_is_made_only_with_debug(settings: Settings) -> None:
    with pytest.raises(CommandError, match="only with DEBUG"):
        call_command("seed_demo")
    settings.DEBUG = True
    out = StringIO()
    call_command("seed_demo", stdout=out)
    assert "60 teachers, 200 courses" in out.getvalue()
    assert len(set(Attribution.objects.values_list("academic_year", flat=True))) == 2
    assert Attribution.history.count() == Attribution.objects.count() > 500
    for username, first in (("secretaire", "/attribution/"), ("enseignante", "/enseignants/moi/")):
        client = Client(headers={"accept": "text/html"})
        assert client.post("/login/", {"username": username, "password": "demo"}).headers["Location"] == "/"
        assert client.get("/").headers["Location"] == first
    assert Teacher.objects.filter(user__username="enseignante").exists()
    with pytest.raises(CommandError, match="already hold rows"):
        call_command("seed_demo")


def test_the_demonstration_breaks_no_rule_of_its_own(settings: Settings) -> None:
    settings.DEBUG = True
    call_command("seed_demo", stdout=StringIO())
    for attribution in Attribution.objects.select_related("course")[:200]:
        attribution.full_clean(validate_unique=False, validate_constraints=False)
        assert attribution.hours == attribution.course.hours_of(attribution.component)
