"""The documents say what is true: every option is there, every command in them runs, every named test exists."""

import argparse
import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.core.management import load_command_class

import migrate_to_pg
from migrate_to_pg.management.settings import SETTINGS
from migrate_to_pg.records import Failure
from tests import preloaded
from tests.conftest import ROOT, MakeSource
from tests.tiers import in_full

READMES = [ROOT / "README.md", ROOT / "attribution_project" / "README.md"]
#: For those who have a checkout.
GUIDES = [*READMES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "tests" / "README.md"]
DOCUMENTS = [*GUIDES, *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = {
    "migrate_to_pg": "migrate_to_pg",
    "sqlite_doctor": "migrate_to_pg",
    "pg_behaviour": "migrate_to_pg",
    "make_demo_data": "attributions",
    "make_legacy_db": "attributions",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command_is_in_the_reference(name: str) -> None:
    page = (ROOT / "docs/reference/commands.md").read_text()
    parser = load_command_class(COMMANDS[name], name).create_parser("manage.py", name)
    ours = [action for action in parser._actions if not is_djangos(action)]
    options = {option for action in ours for option in action.option_strings if option != "--noinput"}
    assert options
    assert {option for option in options if option not in page} == set()


def is_djangos(action: argparse.Action) -> bool:
    common = "help version verbosity settings pythonpath traceback no_color force_color skip_checks"
    return action.dest in common.split()


def commands_in(document: Path) -> list[str]:
    """What a reader is told to type: the lines that start with a dollar sign."""
    return re.findall(r"^ *\$ (.+)$", document.read_text(), flags=re.M)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks, with this interpreter in its .venv, and a source database in it."""
    folder = tmp_path_factory.mktemp("checkout")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    for name in filter(None, tracked):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, target)
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    return folder


#: What a reader types that is tried elsewhere, or needs what this machine may lack: command -> where it is tried.
ELSEWHERE = {
    "make demo": "tests/acceptance/test_demo.py",
    "make demo-stop": "tests/acceptance/test_demo.py",
    "make test": "it is what runs this",
    "make run": "tests/app",
    "python manage.py seed_demo": "tests/app/test_health.py: it needs an empty database",
    "python manage.py migrate_to_pg --try test": "tests/acceptance/test_trial.py",
    "python manage.py migrate_to_pg --try runserver": "tests/acceptance/test_trial.py: it does not end",
    "python manage.py migrate_to_pg --try -- pytest -x": "tests/acceptance/test_trial.py",
    'python manage.py pg_behaviour --tests "pytest tests" --queries "pytest tests"': "tests/integration/behaviour",
    "python manage.py pg_behaviour --crawl --as-user admin": "tests/integration/behaviour",
    "python manage.py pg_behaviour --read behaviour.jsonl": "tests/integration/behaviour/test_middleware.py",
    "make env": "tests/deploy/test_secrets.py: elsewhere than in this checkout",
    "git pull": "it needs a repository elsewhere",
    "PGDATABASE=attribution deploy/backup.sh attribution.dump": "tests/deploy/test_backup.py",
    "PGDATABASE=restored deploy/restore.sh attribution.dump": "tests/deploy/test_backup.py",
}
#: One story, told and tried as a whole in tests/acceptance/test_tutorial.py.
TUTORIAL = ROOT / "docs" / "tutorial.md"
#: Their commands run in the full tier, those of README.md and the tutorial in CI as well.
MANY_COMMANDS = (
    "behaviour.md", "broken-migrations.md", "commands.md", "going-back.md", "large-database.md", "managed-service.md",
    "offline.md", "repair-sqlite.md", "replication.md", "try-on-postgresql.md",
)  # fmt: skip
#: What needs a Docker engine: the same entrypoint, commands and scripts run in tests/deploy without one.
IN_DOCKER = (
    "docker compose up --detach --wait",
    "docker compose exec web python manage.py createsuperuser",
    "docker compose stop web",
    "docker compose run --rm web python manage.py migrate_to_pg --check",
    "docker compose run --rm web python manage.py migrate_to_pg --rehearse --verify",
    "docker compose run --rm web python manage.py migrate_to_pg --verify",
    "docker compose cp web:/app/migrate_to_pg_report ./reports",
    "docker compose run --rm web python manage.py migrate_to_pg --verify-only",
    "docker compose ps",
    "docker compose run --rm web python manage.py migrate_to_pg --undo",
    "docker compose run --rm web python manage.py migrate_to_pg --purge",
    "docker compose run --rm web rm -rf migrate_to_pg_report/source",
    "make backup",
    "make daily-backup",
    "make restore FILE=backups/20260901-080000.dump",
    "docker compose stop web pgbouncer",
    "make restore FILE=backups/20260901-080000.dump REPLACE=yes",
    "docker compose exec db dropdb before_restore_20260901_080000",
    "make rotate",
    "docker compose build --pull",
    "docker compose up --detach --wait --force-recreate",
    "make backup FILE=backups/before-the-upgrade.dump",
    "docker compose stop",
    "docker compose up --detach --wait db",
    "make restore FILE=backups/before-the-upgrade.dump",
)

#: What a reader's shell has besides.
SHELL = {"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1"} | {
    k: v for k, v in os.environ.items() if k.startswith(("LANG", "LC_"))
}


@pytest.mark.parametrize(
    "document",
    [in_full(path) if path.name in MANY_COMMANDS else path for path in sorted({*DOCUMENTS} - {TUTORIAL})],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_command_in_the_documents_runs(
    document: Path, checkout: Path, make_source: MakeSource, postgres_url: str
) -> None:
    elsewhere = {*ELSEWHERE, *IN_DOCKER}
    told = [command for command in commands_in(document) if command not in elsewhere]
    if told:
        shutil.copy(make_source("none"), checkout / "db.sqlite3")
    for command in told:
        run(command, checkout, postgres_url)


def test_no_command_is_left_out_that_no_document_tells() -> None:
    told = {command for document in DOCUMENTS for command in commands_in(document)}
    assert set(IN_DOCKER) - told == set()


def run(command: str, checkout: Path, url: str) -> None:
    """As it is written, but for the server that the reader has and this test has not."""
    command = re.sub(r"postgres://\S+", url, re.sub(r"\bpython (?=manage\.py)", f"{sys.executable} ", command))
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words if re.match(r"^[A-Z_]+=", word))
    arguments = [word for word in words if not re.match(r"^[A-Z_]+=", word)]
    if "--purge" in arguments:
        arguments.append("--no-input")  # a reader answers its question
    environment = SHELL | {"XDG_DATA_HOME": os.environ["XDG_DATA_HOME"]} | variables
    if arguments[0] == sys.executable:
        result = preloaded.run(arguments[1:], cwd=checkout, env=environment, timeout=120)
    else:
        result = subprocess.run(
            arguments, cwd=checkout, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"


@pytest.mark.parametrize(("document", "least"), [("README.md", 8), ("docs/explanation/faults.md", 40)])
def test_every_test_that_a_document_names_exists(document: str, least: int) -> None:
    """A guarantee has its test."""
    text = (ROOT / document).read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert len(named) >= least
    for path, name in named:
        assert (f"def {name}(" if name else "def test_") in (ROOT / path).read_text(), (path, name)


def test_every_setting_is_in_the_reference() -> None:
    told = re.findall(
        r"^\| `([A-Z_]+)` \|(?: `(--[a-z-]+)`)? \|", (ROOT / "docs/reference/settings.md").read_text(), re.M
    )
    assert {name for name, _ in told} == set(SETTINGS)
    assert all(
        option == "--" + name.lower().replace("_", "-") for name, option in told if name not in ("SECRETS", "COMMAND")
    )


def test_the_api_is_used_as_the_reference_says(checkout: Path, make_source: MakeSource, postgres_url: str) -> None:
    shutil.copy(make_source("none"), checkout / "db.sqlite3")
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/reference/api.md").read_text(), re.S)
    program = f"import django\ndjango.setup()\n{example.replace('postgres://owner@host:5432/app', postgres_url)}"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=checkout, text=True, capture_output=True, check=True,
        env={"PATH": "/usr/bin:/bin", "DJANGO_SETTINGS_MODULE": "attribution_project.settings"},
    )  # fmt: skip
    assert re.search(r"^\d+ rows would move$", done.stdout, re.M)
    assert "stage_done prove" in done.stdout


def test_the_reference_names_the_whole_api_and_nothing_else() -> None:
    named = re.findall(r"^\| `migrate_to_pg\.(\w+)", (ROOT / "docs/reference/api.md").read_text(), re.M)
    assert sorted(named) == migrate_to_pg.__all__
    for name in named:
        assert getattr(migrate_to_pg, name), name


def test_the_reference_names_fields_that_a_report_has() -> None:
    (row,) = re.findall(r"^\| `migrate_to_pg\.Report` \| (.+)$", (ROOT / "docs/reference/api.md").read_text(), re.M)
    named = set(re.findall(r"`(\w+)`", row))
    assert "verification" in named
    fields = {field.name for record in (migrate_to_pg.Report, Failure) for field in dataclasses.fields(record)}
    assert named - fields == set()


def test_every_link_between_the_documents_leads_somewhere() -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text()):
            target = (document.parent / link).resolve()
            assert target.exists(), (document, link)
            # The documents are read elsewhere, too, without the code beside them.
            assert document in GUIDES or target.is_relative_to(ROOT / "docs"), (document, link)


def test_the_readme_goes_from_the_installation_to_the_way_back_before_it_explains() -> None:
    text = READMES[0].read_text(encoding="utf-8")
    steps = ["Install", "Look and rehearse", "Try it", "Move", "Go back", "The report", "Why not dumpdata, or pgloader"]
    assert re.findall(r"^## (.+)$", text, re.M)[: len(steps)] == steps
    # In the order in which they are typed.
    modes = re.findall(
        r"\$ python manage\.py migrate_to_pg (--check|--rehearse|--try|--source|--verify-only|--undo|--purge)", text
    )
    assert modes == ["--check", "--rehearse", "--try", "--try", "--source", "--verify-only", "--undo", "--purge"]


def test_every_target_of_make_that_a_document_names_exists() -> None:
    targets = set(re.findall(r"^([\w./-]+):(?!=)", (ROOT / "Makefile").read_text(), re.M))
    named = {name for document in DOCUMENTS for name in re.findall(r"`make ([\w./-]+)", document.read_text())}
    assert len(named) > 15
    assert named - targets == set()


@pytest.mark.parametrize(
    ("document", "least"),
    [
        ("CONTRIBUTING.md", 10),
        ("tests/README.md", 7),
        ("docs/explanation/design.md", 4),
        ("docs/explanation/decisions.md", 3),
    ],
)
def test_every_file_that_a_guide_for_contributors_names_exists(document: str, least: int) -> None:
    named = re.findall(
        r"`((?:tests|migrate_to_pg|docs|\.github)/[\w./-]+|\.ci/run|noxfile\.py)`", (ROOT / document).read_text()
    )
    assert len(named) >= least
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_folder_of_the_tests_is_explained() -> None:
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
    assert set(re.findall(r"^\| `(\w+)` \|", (ROOT / "tests/README.md").read_text(), re.M)) == folders


def test_every_decision_record_has_its_date() -> None:
    text = (ROOT / "docs/explanation/decisions.md").read_text()
    records = re.findall(r"^### (.+)$", text, re.M)
    assert len(records) > 50
    assert [title for title in records if not re.match(r"20\d\d-\d\d-\d\d: [^ ]", title)] == []
    # All are on one level.
    assert len(re.findall(r"^#{2,} 20", text, re.M)) == len(records)
    # A record is a heading of its own, not a line in bold.
    assert re.findall(r"^(?:- )?\*\*.+", text, re.M) == []


def test_the_source_distribution_holds_the_pages_that_the_readme_links() -> None:
    links = {
        link.partition("#")[0] for link in re.findall(r"\]\((?!https?:)([^)]+)\)", (ROOT / "README.md").read_text())
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = tuple(
        name.removeprefix("/") for name in project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    )
    application = {"attribution_project/README.md"}  # is in the repository alone, as the README says
    assert {link for link in links - application if not link.startswith(included)} == set()
