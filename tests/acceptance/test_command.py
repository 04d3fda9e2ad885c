"""manage.py migrate_to_pg as a person or a script runs it: what stands where, and which status it ends with."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.postgres import embedded
from migrate_to_pg.records import INCOMING
from migrate_to_pg.sqlite.checksums import file_sha256
from tests.conftest import ROOT, SERVER_VERSIONS, MakeSource, Query, Run, Server, run_python
from tests.tiers import first_in_ci

PASSWORD = "hunter2-planted"


@pytest.fixture
def command(python: Run, tmp_path: Path) -> Run:
    """Run the command; its reports stay with the test."""
    runs = iter(range(100))

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        writes = {"--undo", "--purge"}.isdisjoint(arguments)
        report = ("--report", tmp_path / "reports" / str(next(runs))) if writes else ()
        return python("manage.py", "migrate_to_pg", *report, *arguments, **environment)

    return run


@pytest.fixture
def source(make_source: MakeSource, tmp_path: Path) -> Path:
    return Path(shutil.copy(make_source("none"), tmp_path / "source.sqlite3"))


def no_traceback(result: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert "Traceback" not in result.stdout + result.stderr, result.stderr
    return result


def test_json_is_alone_on_stdout_and_progress_on_stderr(command: Run, source: Path, postgres_url: str) -> None:
    result = command("--source", source, "--target", postgres_url, "--verify", "--json")
    report = json.loads(result.stdout)
    assert result.returncode == 0
    assert report["ok"]
    assert {"stages", "source", "target", "tables", "findings", "quarantined", "identities", "versions"} <= set(report)
    assert "prove: done" in result.stderr


def test_database_url_alone_names_the_target(command: Run, source: Path, postgres_url: str, execute: Query) -> None:
    result = command("--source", source, DATABASE_URL=postgres_url)
    assert result.returncode == 0, result.stderr
    assert execute(postgres_url, "SELECT count(*) > 0 FROM courses_course") == [(True,)]


def test_a_pipe_gets_plain_lines(command: Run, source: Path, postgres_url: str) -> None:
    result = command("--source", source, "--target", postgres_url, "--rehearse")
    assert "\x1b" not in result.stdout + result.stderr
    for stage in ("snapshot", "catalog", "stage", "examine", "load", "restore", "prove"):
        assert f"{stage}: done in" in result.stderr
    assert "publish" not in result.stderr


def test_check_ends_with_1_where_something_blocks_and_0_where_nothing_does(
    command: Run, make_source: MakeSource, source: Path
) -> None:
    blocked = command("--source", make_source("dangling-fk"), "--check")
    assert blocked.returncode == 1
    assert "dangling-foreign-key  attributions_attribution.course_id" in blocked.stdout
    assert "RENAME TO" in blocked.stdout
    assert command("--source", source, "--check").returncode == 0
    accepted = command("--source", make_source("dangling-fk"), "--check", "--fix", "all")
    assert accepted.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "says"),
    [
        ((), {}, 2, "not PostgreSQL"),
        (("--target", "mysql://u:p@h/d"), {}, 2, "mysql://... is not PostgreSQL"),
        (("--target", "nobody"), {}, 2, "no alias of DATABASES"),
        (("--target", f"postgres://u:{PASSWORD}@127.0.0.1:1/d"), {}, 1, "127.0.0.1:1 cannot be reached as user u"),
        (("--target", f"postgres://u:{PASSWORD}@nowhere.invalid/d"), {}, 1, "cannot be reached"),
        (("--target", f"postgres://u:{PASSWORD}@[bad/d"), {}, 2, "cannot be read"),
        ((), {"DATABASE_URL": f"postgres://u:{PASSWORD}@127.0.0.1:1/d"}, 1, "cannot be reached"),
        (("--fix", "no-such-rule", "--check"), {}, 2, "dangling-foreign-key"),
        (("--check", "--rehearse"), {}, 2, "not allowed with"),
        (("--verify", "everything"), {}, 2, "choose from"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line_without_password(
    arguments: tuple[str, ...], environment: dict[str, str], status: int, says: str, command: Run, source: Path
) -> None:
    result = no_traceback(command("--source", source, *arguments, **environment))
    assert result.returncode == status, result.stdout + result.stderr
    assert says in result.stdout + result.stderr
    assert PASSWORD not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("content", "says"), [(None, "There is no SQLite database at"), (b"", "is empty"), (b"PK\x03\x04 zip", "is not an")]
)
def test_a_source_that_is_none_is_named(
    content: bytes | None, says: str, command: Run, tmp_path: Path, postgres_url: str
) -> None:
    path = tmp_path / "wrong.sqlite3"
    if content is not None:
        path.write_bytes(content)
    result = no_traceback(command("--source", path, "--target", postgres_url))
    assert result.returncode == 1
    doctor = no_traceback(run_python("manage.py", "sqlite_doctor", path, "--rebuild", tmp_path / "new.sqlite3"))
    assert doctor.returncode == 2
    for told, option in ((result.stderr, "--source PATH"), (doctor.stderr, "manage.py sqlite_doctor PATH")):
        words = " ".join(told.split())
        assert f"{path} {says}" in words or f"{says} {path}" in words
        assert f": {option}." in words
        # Where there is none, no backup of it is to be restored.
        assert ("restore a backup" in words) is (content is not None)


def test_a_truncated_source_is_refused_before_anything_is_written(
    command: Run, source: Path, postgres_url: str, execute: Query
) -> None:
    with source.open("r+b") as file:
        file.truncate(source.stat().st_size // 2)
    result = no_traceback(command("--source", source, "--target", postgres_url))
    assert result.returncode == 1
    query = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert execute(postgres_url, query) == [(0,)]


@pytest.mark.parametrize("table", first_in_ci("auth_user", "django_migrations"))
def test_a_damaged_page_is_told_by_the_name_of_the_source(
    table: str, command: Run, source: Path, postgres_url: str, sqlite: Query
) -> None:
    [(page,)] = sqlite(source, "SELECT rootpage FROM sqlite_master WHERE name = ?", [table])
    [(size,)] = sqlite(source, "PRAGMA page_size")
    with source.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    result = no_traceback(command("--source", source, "--target", postgres_url))
    assert result.returncode == 1
    assert f"SQLite cannot read all of {source}" in result.stderr
    assert "unfinished" not in result.stdout + result.stderr


def test_a_directory_and_a_url_with_three_slashes_are_no_source_and_say_why(command: Run, source: Path) -> None:
    folder = no_traceback(command("--source", source.parent, "--check"))
    assert (folder.returncode, f"{source.parent} is a directory" in folder.stderr) == (2, True)
    relative = no_traceback(command("--source", f"sqlite://{source}", "--check"))
    assert (relative.returncode, f"--source sqlite:///{source}" in relative.stderr) == (2, True)


@pytest.mark.full
def test_a_rehearsal_does_not_stop_a_server_that_ran_before(command: Run, source: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    folder = tmp_path / "server"
    running = embedded.start(folder)
    url = running.url()
    try:
        rehearse = ("--rehearse", "--source", source, "--target", f"embedded:{folder}", "--report", tmp_path / "r")
        assert command(*rehearse).returncode == 0
        psycopg.connect(url).close()
    finally:
        running.stop()
    assert command(*rehearse).returncode == 0
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_the_embedded_server_is_said_to_go_on_and_how_to_stop_it(command: Run, source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    target = ("--target", f"embedded:{folder}")
    stop = [sys.executable, "-m", "migrate_to_pg.postgres.embedded", "--stop", str(folder)]
    try:
        for arguments in (("--source", source), ("--undo",), ("--purge", "--no-input")):
            result = no_traceback(command(*arguments, *target))
            assert result.returncode == 0, result.stdout + result.stderr
            assert f"python -m migrate_to_pg.postgres.embedded --stop {folder}" in " ".join(result.stdout.split())
    finally:
        stopped = subprocess.run(stop, cwd=ROOT, capture_output=True, text=True, check=False)
    assert stopped.stdout == f"The server in {folder} was stopped.\n"
    again = subprocess.run(stop, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (0, f"The server in {folder} does not run.\n")
    nowhere = subprocess.run([*stop[:-1], tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (nowhere.returncode, "holds no data" in nowhere.stderr) == (2, True)


@pytest.mark.full
def test_verbosity_0_prints_nothing_but_a_failure(command: Run, make_source: MakeSource, source: Path) -> None:
    quiet = command("--source", source, "--check", "--verbosity", "0")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    failed = command("--source", make_source("dangling-fk"), "--check", "--verbosity", "0")
    assert (failed.returncode, "dangling-foreign-key" in failed.stdout, failed.stderr) == (1, True, "")


@pytest.mark.full
def test_source_may_be_a_url_or_the_projects_own_setting(command: Run, source: Path, postgres_url: str) -> None:
    assert command("--source", f"sqlite:///{source}", "--check").returncode == 0
    # An alias: the default database, while DATABASE_URL still names SQLite.
    assert command("--source", "default", "--check", DATABASE_URL=f"sqlite:///{source}").returncode == 0
    refused = command("--source", "default", "--check", DATABASE_URL=postgres_url)
    assert refused.returncode == 2
    assert "not SQLite" in refused.stderr


def test_purge_removes_dated_schemas_and_snapshots_after_asking(
    command: Run, source: Path, postgres_url: str, execute: Query, tmp_path: Path
) -> None:
    assert command("--source", source, "--target", postgres_url).returncode == 0
    assert command("--source", source, "--target", postgres_url, "--replace").returncode == 0
    schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'migrate\\_to\\_pg\\_replaced%'"
    assert execute(postgres_url, schemas) == [(1,)]
    assert len(list(tmp_path.rglob("snapshot.sqlite3"))) == 2
    refused = no_traceback(command("--purge", "--target", postgres_url))  # no answer on standard input
    assert refused.returncode == 1
    assert execute(postgres_url, schemas) == [(1,)]
    assert command("--purge", "--no-input", "--target", postgres_url).returncode == 0
    assert execute(postgres_url, schemas) == [(0,)]
    assert list(tmp_path.rglob("snapshot.sqlite3")) == []


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Path, str, str], subprocess.Popen[str]]]:
    """Start a run and go on; whatever of it still runs is ended with the test."""
    started = []

    def run(source: Path, url: str, name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "manage.py", "migrate_to_pg", "--source", str(source), "--target", url, "--verify"]
        report = ("--report", tmp_path / "reports" / name)
        pipe = subprocess.PIPE
        started.append(subprocess.Popen([*command, *report], cwd=ROOT, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def signal_at(process: subprocess.Popen[str], stage: str, number: signal.Signals) -> str:
    """Send the signal when the stage is announced; what was said until then is returned."""
    said = ""
    assert process.stderr is not None
    for line in process.stderr:
        said += line
        if line.startswith(f"{stage} ..."):
            process.send_signal(number)
            return said
    raise AssertionError(said)


@pytest.mark.parametrize("stage", first_in_ci("load", "snapshot", "stage", "restore", "prove"))
def test_a_killed_run_leaves_public_and_source_alone_and_the_next_one_cleans_up(
    stage: str,
    start: Callable[[Path, str, str], subprocess.Popen[str]],
    source: Path,
    postgres_url: str,
    execute: Query,
    tmp_path: Path,
) -> None:
    before = file_sha256(source)
    process = start(source, postgres_url, "killed")
    signal_at(process, stage, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    assert execute(postgres_url, tables) == [(0,)]
    assert file_sha256(source) == before

    again = start(source, postgres_url, "again")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, out + err
    assert execute(postgres_url, f"SELECT count(*) FROM pg_namespace WHERE nspname = '{INCOMING}'") == [(0,)]
    kept = ["snapshot.sqlite3", "snapshot.sqlite3.sha256"]
    assert sorted(path.name for path in tmp_path.rglob("*snapshot*")) == kept


@pytest.mark.parametrize("stage", first_in_ci("load", "stage", "prove"))
def test_ctrl_c_ends_with_1_and_cleans_up_at_once(
    stage: str,
    start: Callable[[Path, str, str], subprocess.Popen[str]],
    source: Path,
    postgres_url: str,
    execute: Query,
    tmp_path: Path,
) -> None:
    process = start(source, postgres_url, "stopped")
    said = signal_at(process, stage, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, said + err
    assert "Traceback" not in err
    assert "nothing was published" in (out + err).lower()
    time.sleep(0.1)
    assert execute(postgres_url, f"SELECT count(*) FROM pg_namespace WHERE nspname = '{INCOMING}'") == [(0,)]
    assert not list(tmp_path.rglob("*snapshot*"))


@pytest.mark.full
@pytest.mark.parametrize("each_postgres_url", SERVER_VERSIONS, indirect=True)
def test_both_databases_answer_the_same_dumpdata(
    source: Path, each_postgres_url: str, command: Run, manage: Run
) -> None:
    """A second opinion, of Django itself: what it reads on both databases, as JSON."""
    assert command("--source", source, "--target", each_postgres_url, "--verify").returncode == 0
    dump = ("dumpdata", "--natural-foreign", "courses", "attributions", "auth", "contenttypes", "--indent", "1")
    read = [json.loads(manage(*dump, DATABASE_URL=url).stdout) for url in (f"sqlite:///{source}", each_postgres_url)]
    key = [sorted(rows, key=lambda row: (row["model"], str(row["pk"]))) for rows in read]
    assert key[0] == key[1]
    assert len(key[0]) > 500


UNWRITABLE = first_in_ci(">/dev/full", "| head -c 1", ">/dev/full 2>/dev/full", "<&- >&-", "2>&-")

# --- what must not look like a failure once it is done, and what must not look like success ---

TABLES = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"


@pytest.mark.parametrize(
    ("name", "redirection", "environment"),
    first_in_ci(
        ("ascii", "", {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}),
        ("full", ">/dev/full 2>/dev/full", {"PYTHONUNBUFFERED": ""}),
        ("full at once", ">/dev/full 2>/dev/full", {"PYTHONUNBUFFERED": "1"}),
        ("closed", ">&-", {}),
        ("all closed", "<&- >&- 2>&-", {}),
    ),
)
def test_output_that_cannot_be_written_does_not_turn_a_publication_into_a_failure(
    name: str,
    redirection: str,
    environment: dict[str, str],
    source: Path,
    postgres_url: str,
    execute: Query,
    sqlite: Query,
    tmp_path: Path,
) -> None:
    # A finding with an accent in it, so that there is something to print that ASCII lacks.
    sqlite(source, 'CREATE VIEW "été" AS SELECT 1')
    command = f"{sys.executable} manage.py migrate_to_pg --source {source} --report {tmp_path / 'report'} {redirection}"
    variables = os.environ | environment | {"DATABASE_URL": postgres_url}
    result = subprocess.run(["sh", "-c", command], cwd=ROOT, env=variables, capture_output=True, text=True)
    assert "Traceback" not in result.stderr
    assert result.returncode == 0, result.stderr
    assert execute(postgres_url, TABLES)[0][0] > 10


@pytest.mark.parametrize(
    "redirection", first_in_ci(">/dev/full", "| head -c 1", ">/dev/full 2>/dev/full", "<&- >&-", "2>&-")
)
@pytest.mark.parametrize("unbuffered", first_in_ci("", "1"))
def test_nor_a_diagnosis_into_a_traceback(redirection: str, unbuffered: str, source: Path) -> None:
    command = f"{sys.executable} manage.py sqlite_doctor {source} {redirection}"
    variables = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    result = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=ROOT, env=variables, capture_output=True)
    assert (result.returncode, b"Traceback" in result.stderr) == (0, False), result.stderr
    assert (b"could not be printed: No space left" in result.stderr) == (redirection == ">/dev/full")


@pytest.mark.parametrize(
    "command", [("migrate_to_pg", "--pur"), ("migrate_to_pg", "--un"), ("sqlite_doctor", "--rep=all")]
)
def test_an_option_is_not_taken_by_half_of_its_name(command: tuple[str, str], manage: Run, postgres_url: str) -> None:
    refused = manage(*command, ok=False, DATABASE_URL=postgres_url)
    assert refused.returncode == 2
    assert "Unrecognized arguments: " in refused.stderr


@pytest.mark.parametrize("command", ["migrate_to_pg", "sqlite_doctor db.sqlite3"])
def test_a_url_in_the_wrong_place_is_not_repeated(command: str, manage: Run) -> None:
    refused = manage(*command.split(), f"postgres://owner:{PASSWORD}@host/app", ok=False)
    assert refused.returncode == 2
    assert "Unrecognized arguments: (not repeated here" in refused.stderr or "this is none of them" in refused.stderr
    assert PASSWORD not in refused.stderr


@pytest.mark.parametrize("command", ["migrate_to_pg --undo --fix all", "sqlite_doctor /nowhere"])
def test_nor_does_an_error_that_cannot_be_told_change_its_status(command: str) -> None:
    line = f"{sys.executable} manage.py {command} 2>/dev/full"
    result = subprocess.run(["sh", "-c", line], cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}, check=False)
    assert result.returncode == 2


@pytest.mark.parametrize("mode", [("--check",), ()])
def test_a_report_that_has_no_place_is_refused_before_anything_is_done(
    mode: tuple[str, ...], python: Run, source: Path, postgres_url: str, execute: Query
) -> None:
    arguments = ("--source", source, "--target", postgres_url, "--report", ROOT / "manage.py")
    result = no_traceback(python("manage.py", "migrate_to_pg", *arguments, *mode))
    assert result.returncode == 2
    assert "--report DIR" in result.stderr
    assert execute(postgres_url, TABLES) == [(0,)]


@pytest.mark.full
def test_the_default_database_is_the_source_while_it_is_sqlite(command: Run, source: Path) -> None:
    told = command("--check", "--json", DATABASE_URL=f"sqlite:///{source}")
    assert json.loads(told.stdout)["source"]["path"] == str(source)


@pytest.mark.parametrize("statement", first_in_ci("DROP TABLE django_migrations", "DELETE FROM django_migrations"))
def test_a_database_without_applied_migrations_is_not_moved(
    statement: str, command: Run, source: Path, postgres_url: str, execute: Query, sqlite: Query
) -> None:
    sqlite(source, statement)
    for mode in ("--check", "--rehearse"):
        result = no_traceback(command("--source", source, "--target", postgres_url, mode))
        assert result.returncode == 1
        assert "records no applied migration" in result.stderr


def test_a_table_that_was_dropped_in_sqlite_is_told(
    command: Run, source: Path, postgres_url: str, sqlite: Query
) -> None:
    sqlite(source, "DROP TABLE django_admin_log")
    told = command("--source", source, "--target", postgres_url, "--json")
    assert [f["table"] for f in json.loads(told.stdout)["findings"] if f["rule"] == "missing-table"] == [
        "django_admin_log"
    ]


def test_a_row_that_postgresql_refuses_is_named_by_its_key_and_not_shown(
    command: Run, source: Path, postgres_url: str, execute: Query
) -> None:
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        connection.execute("UPDATE attributions_attribution SET hours = -1, note = 'privé' WHERE id = 7")
    result = no_traceback(command("--source", source, "--target", postgres_url))
    assert result.returncode == 1
    assert "id = 7" in result.stdout
    assert "privé" not in result.stdout
    assert execute(postgres_url, TABLES) == [(0,)]


def test_a_row_that_the_application_s_own_constraint_refuses_can_be_set_aside(
    command: Run, source: Path, postgres_url: str, execute: Query
) -> None:
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = 1")
        connection.execute("UPDATE attributions_attribution SET hours = -1 WHERE id = 7")
    result = no_traceback(command("--source", source, "--target", postgres_url, "--quarantine", "all", "--verify"))
    assert result.returncode == 0, result.stdout
    aside = "SELECT table_name, rule FROM migrate_to_pg.quarantine"
    assert execute(postgres_url, aside) == [("attributions_attribution", "check-constraint")]
    assert execute(postgres_url, "SELECT count(*) FROM attributions_attribution WHERE id = 7") == [(0,)]


@pytest.mark.full
def test_purge_leaves_the_snapshots_of_other_databases(
    command: Run, source: Path, servers: dict[int, Server], tmp_path: Path
) -> None:
    one, other = (servers[18].database() for _ in range(2))
    for url in (one, other):
        assert command("--source", source, "--target", url).returncode == 0
    assert command("--purge", "--no-input", "--target", one).returncode == 0
    assert len(list(tmp_path.rglob("snapshot.sqlite3"))) == 1


@pytest.mark.full
def test_sigterm_ends_a_run_as_ctrl_c_does(
    start: Callable[[Path, str, str], subprocess.Popen[str]],
    source: Path,
    postgres_url: str,
    execute: Query,
    tmp_path: Path,
) -> None:
    process = start(source, postgres_url, "ended")
    signal_at(process, "load", signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "nothing was published" in (out + err).lower()
    assert execute(postgres_url, f"SELECT count(*) FROM pg_namespace WHERE nspname = '{INCOMING}'") == [(0,)]
    assert not list(tmp_path.rglob("*snapshot*"))
