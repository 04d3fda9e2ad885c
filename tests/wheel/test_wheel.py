"""Projects that the wheel has never seen, filled at random, rehearsed and moved on the server of its own extra."""

import email
import importlib.metadata
import json
import os
import re
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path

import django
import pytest

from tests.wheel.conftest import run

HERE = Path(__file__).resolve().parents[2]
OWN = ["shapes", "squash", "stray", "unruly", "dialect", "many"]
if django.VERSION >= (5, 1):
    # GeneratedField and db_default. What Django 5.0 makes of Concat in one PostgreSQL refuses: "not immutable".
    OWN += ["fields"]
#: Applications of the package index -> what their project installs; those that are there are tried.
OTHERS = {
    "django-taggit": ["taggit"],
    "django-reversion": ["reversion"],
    "django-waffle": ["waffle"],
    "django-oauth-toolkit": ["oauth2_provider"],
    "django-celery-beat": ["django_celery_beat"],
    "wagtail": [
        "wagtail.contrib.forms", "wagtail.contrib.redirects", "wagtail.embeds", "wagtail.sites", "wagtail.users",
        "wagtail.snippets", "wagtail.documents", "wagtail.images", "wagtail.search", "wagtail.admin", "wagtail",
        "modelcluster", "taggit",
    ],
}  # fmt: skip
#: A search index is another table on each database; the application makes it again.
OPTIONS = {
    "wagtail": ("--exclude-data", "wagtailsearch.IndexEntry"),
    # Its migrations speak SQLite.
    "dialect": ("--schema", "models"),
}
ASKED = os.environ.get("OTHERS", "").split()


def test_what_is_tried_is_the_installed_wheel() -> None:
    import migrate_to_pg

    assert "site-packages" in migrate_to_pg.__file__
    assert not (HERE / "migrate_to_pg").exists()
    print(f"\nPython {sys.version.split()[0]}, Django {importlib.metadata.version('django')}")


def test_its_description_has_no_link_that_leads_nowhere() -> None:
    """The README's are relative: an index page has no file beside it."""
    distribution = importlib.metadata.distribution("django-migrate-to-pg")
    description = email.message_from_string(distribution.read_text("METADATA") or "").get_payload()
    assert isinstance(description, str)
    assert description.startswith("# django-migrate-to-pg")
    assert "the limits" in description
    assert re.findall(r"\]\((?!https?:)[^)]*\)", description) == []
    assert "are in `docs/` of the source distribution" in description


def moved(settings: str, folder: Path, server: Path, *options: str, and_back: bool = False, **variables: str) -> str:
    """Migrate, fill, rehearse and publish, move back where asked; return what report.json of the publication says."""
    run(settings, folder, "django", "migrate", "--run-syncdb", "-v0", ok=True, **variables)
    filled = run(settings, folder, "tests.wheel.fill", "7", ok=True, **variables).stdout.strip()
    report = folder / "report"
    command = [
        "django",
        "migrate_to_pg",
        "--source",
        f"{folder}/db.sqlite3",
        "--target",
        f"embedded:{server}",
        *options,
    ]
    rehearsed = run(settings, folder, *command, "--rehearse", "--verify", "orm", ok=True, **variables)
    assert rehearsed.stdout.startswith("Your project can move: ")
    run(settings, folder, *command, "--verify", "orm", "--replace", "--report", report, ok=True, **variables)
    told = json.loads((report / "report.json").read_text())
    assert told["ok"]
    assert not any(table["differences"] for table in told["tables"])
    read = sum(table["values"] for table in told["orm"])
    assert read > 0
    assert not any(table["differences"] for table in told["orm"])
    cells = sum(table["cells_compared"] or 0 for table in told["tables"])
    if and_back:
        back = folder / "back.sqlite3"
        source = ("--source", f"embedded:{server}")
        run(settings, folder, "django", "migrate_from_pg", *source, "--target", str(back), ok=True, **variables)
        assert rows_of(back) == rows_of(folder / "db.sqlite3")
    run(settings, folder, "django", "migrate_to_pg", "--undo", "--target", f"embedded:{server}", ok=True, **variables)
    locked = told["publication"]["locked_seconds"]
    return (
        f"{filled}; {len(told['tables'])} tables, {cells:,} cells equal, {read:,} values equal through the ORM,"
        f" {locked:.2f} s locked"
    )


def rows_of(path: Path) -> dict[str, list[str]]:
    """Every row of every table, but for the order of the keys in JSON, which PostgreSQL does not keep."""
    found = {}
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = database.execute(f'SELECT * FROM "{name}"')
            columns = [{key: in_order(row[key]) for key in sorted(row.keys())} for row in rows]
            found[name] = sorted(map(repr, columns))
    del found["sqlite_sequence"]
    return found


def in_order(value: object) -> object:
    """A text of JSON with its keys sorted; any other value as it is."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        with suppress(ValueError):
            return json.dumps(json.loads(value), sort_keys=True)
    return value


@pytest.mark.parametrize("name", OWN)
def test_a_project_of_ours_moves(name: str, tmp_path: Path, server: Path) -> None:
    print(f"\n{name}: {moved(f'tests.projects.{name}.settings', tmp_path, server, *OPTIONS.get(name, ()))}")


@pytest.mark.parametrize("name", ASKED)
def test_a_project_with_somebody_else_s_application_moves(name: str, tmp_path: Path, server: Path) -> None:
    apps = json.dumps(OTHERS[name])
    # What is left out of the move does not come back.
    back = name not in OPTIONS
    told = moved("tests.wheel.others", tmp_path, server, *OPTIONS.get(name, ()), and_back=back, PROJECT_APPS=apps)
    print(f"\n{name} {importlib.metadata.version(name)}: {told}")
