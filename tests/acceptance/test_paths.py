"""Paths that nobody can look at, terminals that cannot write what is told, and paths that are told to be pasted."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from migrate_to_pg.errors import SourceChangedError
from migrate_to_pg.sqlite import source_files
from migrate_to_pg.sqlite.snapshot import Source
from migrate_to_pg.system import subprocesses
from tests.projects import Project
from tests.tiers import first_in_ci

LONG = "x" * 300
MODES = ("--check", "--dump=x.dump")


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate_to_pg", "--check", "--source", LONG),
        ("migrate_to_pg", "--check", "--source", f"sqlite:////{LONG}"),
        ("migrate_to_pg", "--dump", LONG),
        ("migrate_to_pg", "--check", "--from-dump", LONG),
        ("sqlite_doctor", LONG),
    ],
    ids=["source", "url", "dump", "from-dump", "doctor"],
)
def test_a_path_that_the_system_refuses_is_a_matter_of_usage(stray: Project, arguments: tuple[str, ...]) -> None:
    refused = stray.run(*arguments, ok=False)
    assert refused.returncode == 2
    assert f"Cannot access {arguments[-1]}: File name too long." in refused.stdout + refused.stderr


@pytest.mark.parametrize("command", [("sqlite_doctor",), ("migrate_to_pg", "--check")])
def test_a_terminal_that_cannot_write_it_is_shown_it_escaped(stray: Project, command: tuple[str, ...]) -> None:
    stray.sqlite("INSERT INTO stray_thing (name) VALUES ('été, encore et encore, trop long')")
    shown = stray.run(*command, "--lang", "fr", ok=False, PYTHONIOENCODING="ascii")
    assert shown.returncode == 1
    assert r"\xe9t\xe9, encore" in shown.stdout


def test_the_repair_that_is_offered_is_of_the_database_that_was_looked_at(stray: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "a copy.sqlite3"
    elsewhere.write_bytes(stray.source.read_bytes())
    other = Project("stray", tmp_path)
    other.sqlite("UPDATE django_migrations SET name = name")
    damaged = Project("stray", tmp_path)
    damaged.sqlite(
        "INSERT INTO auth_user (id, password, is_superuser, username, last_name, email, is_staff, is_active,"
        " date_joined, first_name) VALUES (1, '', 0, 'a', '', '', 0, 't', '2024-01-01 00:00:00', '')"
    )
    elsewhere.write_bytes(damaged.source.read_bytes())
    told = stray.run("sqlite_doctor", elsewhere, ok=False)
    assert f"sqlite_doctor {shlex.quote(str(elsewhere))} --rebuild " in " ".join(told.stdout.split())


def pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("become", [pipe, Path.mkdir])
@pytest.mark.parametrize(
    "command", [("sqlite_doctor",), ("sqlite_doctor", "--repair", "all"), *(("migrate_to_pg", m) for m in MODES)]
)
def test_a_source_that_is_no_file_is_neither_waited_for_nor_a_traceback(
    stray: Project, command: tuple[str, ...], become: Callable[[Path], None]
) -> None:
    stray.source.unlink()
    become(stray.source)
    told = stray.run(*command, ok=False)
    assert told.returncode in (1, 2)
    assert re.search("is no file|is a directory", told.stdout + told.stderr)


@pytest.mark.parametrize(("command", "status"), first_in_ci((("migrate_to_pg", "--check"), 0), (("sqlite_doctor",), 0)))
def test_a_working_directory_that_was_deleted_is_missed_only_by_relative_paths(
    stray: Project, command: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    def from_nowhere(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        gone = tmp_path / "gone"
        program = [sys.executable, "-m", "django", *arguments]
        script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
        environment = stray.environment({"PROJECT_FOLDER": str(stray.folder)})
        return subprocess.run(
            ["sh", "-c", script, gone, *program], env=environment, capture_output=True, text=True, check=False
        )

    done = from_nowhere(*command)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
    done = from_nowhere("sqlite_doctor", "relative.sqlite3")
    assert done.returncode == 2
    assert "Cannot access relative.sqlite3: " in done.stdout + done.stderr


def test_a_source_that_becomes_a_pipe_while_it_is_read_is_told(stray: Project) -> None:
    """The report, which looks at the source in the end, does not wait for anybody to write into it."""
    with Source(stray.source) as source:
        snapshot = source.copy(stray.folder / "copy")
        stray.source.unlink()
        os.mkfifo(stray.source)
        assert source.has_changed()
        assert "Another file was put in the place of" in source.changes(snapshot)[0]
        with pytest.raises(SourceChangedError, match="Another file"):
            source.require_unchanged(snapshot)
    assert len(subprocesses.sha256(stray.source)) == 64
    assert not source_files.changed_since(stray.source)
