"""--try: commands of a project on a copy of its data, as processes, whatever style its settings have."""

import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from migrate_to_pg.postgres import embedded
from tests.conftest import Server, run_sql
from tests.projects import digest
from tests.projects.styles import STYLES, Styled
from tests.tiers import first_in_ci


@pytest.fixture
def styled(tmp_path: Path) -> Callable[[str], Styled]:
    return lambda style: Styled(style, tmp_path)


def check_nothing_left(project: Styled) -> None:
    """No server runs, and it holds no database but the kept copy."""
    assert not embedded.stop(project.server)
    server = embedded.resume(project.server)
    names = [name for (name,) in run_sql(server.url(), "SELECT datname FROM pg_database ORDER BY 1")]
    server.stop()
    assert [re.sub("_[0-9a-f]{8}$", "", name) for name in names] == [
        "migrate_to_pg_copy", "postgres", "template0", "template1",
    ]  # fmt: skip


def free_port() -> str:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return str(server.getsockname()[1])


def answer_of(address: str, process: subprocess.Popen[str]) -> str:
    """What the development server answers, as soon as it does."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - of this machine
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.1)
    raise AssertionError(process.communicate())


@pytest.mark.parametrize("style", first_in_ci(*STYLES))
def test_tests_and_a_server_run_on_a_copy_in_every_style(styled: Callable[[str], Styled], style: str) -> None:
    project = styled(style)
    before = digest(project.source)
    # --noinput and -v are the child's.
    tested = project.run("migrate_to_pg", "--try", "test", "--noinput", "-v", "2", status=1)
    assert "Ran 2 tests" in tested.stderr
    assert "FAILED (failures=1)" in tested.stderr
    assert "test_contains (notes.tests.NoteTests.test_contains) ... FAIL" in tested.stderr
    assert f"This runs on PostgreSQL, on a copy of {project.source}" in tested.stderr
    assert ("of the project as they are: other." in tested.stderr) == (style == "environ")

    port = free_port()
    with project.start("migrate_to_pg", "--try", "runserver", "--noreload", port) as process:
        assert answer_of(f"http://127.0.0.1:{port}/", process) == "postgresql 4"
        assert answer_of(f"http://127.0.0.1:{port}/", process) == "postgresql 5"
        # As a terminal does it: the command, manage.py and the server's programs get it at once.
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    check_nothing_left(project)
    assert digest(project.source) == before
    assert not (project.folder / "migrate_to_pg_report").exists()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Styled:
    """A project whose copy was made."""
    made = Styled("url", tmp_path_factory.mktemp("tried"))
    made.run("migrate_to_pg", "--try", "check")
    return made


SAY = "from notes.models import Note; print(Note.objects.count())"
WRITE = "from notes.models import Note; Note.objects.create(title='written')"


@pytest.mark.full
def test_a_copy_is_kept_while_source_and_models_are_unchanged(project: Styled) -> None:
    project.run("migrate_to_pg", "--try", "shell", "-v0", "-c", WRITE)
    again = project.run("migrate_to_pg", "--try", "shell", "-v0", "-c", SAY)
    assert again.stdout == "3\n"
    assert "snapshot" not in again.stderr
    assert "snapshot" in project.run("migrate_to_pg", "--fresh", "--try", "check").stderr
    # A view is no part of the data, a migration is.
    with (project.folder / "notes/views.py").open("a") as views:
        views.write("# changed\n")
    assert "snapshot" not in project.run("migrate_to_pg", "--try", "check").stderr
    with (project.folder / "notes/migrations/0001_initial.py").open("a") as migration:
        migration.write("# changed\n")
    assert "snapshot" in project.run("migrate_to_pg", "--try", "check").stderr
    project.run("shell", "-c", WRITE)
    changed = project.run("migrate_to_pg", "--try", "shell", "-v0", "-c", SAY)
    assert changed.stdout == "4\n"
    assert "snapshot" in changed.stderr
    assert len([*(project.folder / ".migrate_to_pg" / "copies").glob("*-*")]) == 1


@pytest.mark.full
def test_a_program_has_its_own_words_settings_streams_and_status(project: Styled) -> None:
    tested = project.run("migrate_to_pg", "--try", "--", sys.executable, "-m", "pytest", "-q", "--", ".", status=1)
    assert "1 failed, 1 passed" in tested.stdout
    script = ("sh", "-c", 'read x; echo "$x $0" "$@"; exit 7')
    given = subprocess.run(
        [sys.executable, *project.words("migrate_to_pg", "--try", "--", *script)],
        cwd=project.folder, env=project.environment({}), input="typed\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (given.returncode, given.stdout) == (7, "typed sh\n")
    assert project.run("migrate_to_pg", "--try", "--", "sh", "-c", "kill -9 $$", status=137)
    for words in (["--try"], ["--try", "--"], ["--try", "--fresh", "test"], ["--json", "--try", "test"], ["--fresh"]):
        refused = project.run("migrate_to_pg", *words, status=2)
        assert "Nothing was published." in refused.stderr


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_tests_and_leaves_nothing(project: Styled, number: signal.Signals) -> None:
    program = "from django.test.utils import setup_databases as make; make(0, 0); print(flush=True); input()"
    with project.start("migrate_to_pg", "--try", "shell", "-v0", "-c", program) as process:
        assert process.stdout
        assert next(process.stdout) == "\n"
        # To the command alone, which passes it on.
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode in (1, 128 + number)
    check_nothing_left(project)


def test_a_killed_command_is_cleaned_up_by_the_next(project: Styled) -> None:
    with project.start("migrate_to_pg", "--try", "--", "sh", "-c", "echo ready; exec sleep 60") as process:
        assert process.stdout
        assert next(process.stdout) == "ready\n"
        os.killpg(process.pid, signal.SIGKILL)
    project.run("migrate_to_pg", "--try", "check")
    check_nothing_left(project)


@pytest.mark.full
def test_two_commands_at_once_have_a_copy_each_and_the_last_stops_the_server(project: Styled) -> None:
    with project.start("migrate_to_pg", "--try", "--", "sh", "-c", "echo ready; read x") as first:
        assert first.stdout
        assert next(first.stdout) == "ready\n"
        project.run("migrate_to_pg", "--try", "shell", "-v0", "-c", WRITE)
        assert embedded.start(project.server).joined
        first.communicate("\n", timeout=60)
    assert first.returncode == 0
    check_nothing_left(project)


@pytest.mark.full
def test_a_database_at_a_server_is_made_for_the_command_and_dropped(
    project: Styled, servers: dict[int, Server]
) -> None:
    server = servers[18]
    url = server.database("TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'")
    run_sql(url, "CREATE ROLE trier LOGIN CREATEDB PASSWORD 'hunter2'")
    run_sql(url, "CREATE ROLE nobody_here LOGIN")
    names = "SELECT datname FROM pg_database ORDER BY 1"
    before = run_sql(url, names)
    typed = url.replace("postgres@", "trier:hunter2@")
    tried = project.run("migrate_to_pg", "--target", typed, "--try", "test", status=1)
    assert "failures=1" in tried.stderr
    assert "hunter2" not in tried.stdout + tried.stderr
    assert run_sql(url, names) == before
    providers = (
        "from django.db import connection; from django.test.utils import setup_databases; setup_databases(0, 0);"
        " cursor = connection.cursor(); cursor.execute('SELECT datlocprovider FROM pg_database WHERE datname ~ %s',"
        " ['migrate_to_pg_try']); print({kind for (kind,) in cursor.fetchall()})"
    )
    assert project.run("migrate_to_pg", "--target", typed, "--try", "shell", "-v0", "-c", providers).stdout == "{'b'}\n"
    assert run_sql(url, names) == before
    assert not [*(project.folder / ".migrate_to_pg" / "copies").glob("once-*")]
    assert run_sql(url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]
    # A role that is no superuser may not choose the language of messages.
    project.run("pg_behaviour", "--target", typed, "--data", "--fail-on", "never")
    assert run_sql(url, names) == before
    refused = project.run(
        "migrate_to_pg", "--target", url.replace("postgres@", "nobody_here@"), "--try", "test", status=1
    )
    assert "Role nobody_here may not create databases" in refused.stderr
    server.drop(url)
    run_sql(server.url(), "DROP ROLE trier")
    run_sql(server.url(), "DROP ROLE nobody_here")


def test_data_that_postgresql_refuses_stop_with_the_report_and_the_command_to_go_on(
    styled: Callable[[str], Styled],
) -> None:
    project = styled("dictionary")
    with closing(sqlite3.connect(project.source)) as connection, connection:
        connection.execute("UPDATE notes_note SET title = 'a title of more than twenty characters' WHERE id = 1")
    refused = project.run("migrate_to_pg", "--try", "test", "-k", "equal", status=1)
    assert "text-too-long" in refused.stdout
    (report,) = re.findall(r"^Report: (.+)$", refused.stdout, re.M)
    assert (project.folder / report).is_file()
    (line,) = re.findall(r"^ *(\S+ manage.py migrate_to_pg .*--try test -k equal)$", refused.stdout, re.M)
    project.run(*shlex.split(line)[2:])
    # pg_behaviour goes on as itself: a move would be published.
    refused = project.run("pg_behaviour", "--tests", "manage.py test -k equal", "--fail-on", "different", status=1)
    (line,) = re.findall(r"^ *(\S+ manage.py pg_behaviour --fix .*)$", refused.stdout, re.M)
    project.run(*shlex.split(line)[2:])
