"""--target embedded: a server whose directory, lock or fellow users are not as they should be."""

import signal

import psycopg
import pytest

from migrate_to_pg import embedded
from tests.projects import Project


@pytest.fixture
def stray(tmp_path):
    made = Project("stray", tmp_path)
    made.migrate()
    return made


def test_a_server_that_nobody_made_has_no_publication(stray, tmp_path):
    for mode in ("--undo", "--verify-only", "--purge"):
        refused = stray.run(
            "migrate_to_pg", mode, "--target", f"embedded:{tmp_path / 'mistyped'}", "--no-input", ok=False
        )
        assert refused.returncode == 2
        assert "holds no data of an embedded PostgreSQL" in refused.stdout + refused.stderr
    assert not (tmp_path / "mistyped").exists()


def test_a_directory_whose_data_cannot_be_read_is_not_told_to_hold_none(stray, tmp_path):
    # Who may read anything (root) is refused a directory all the same.
    (tmp_path / "pg" / "PG_VERSION").mkdir(parents=True)
    refused = stray.run("migrate_to_pg", "--undo", "--target", f"embedded:{tmp_path / 'pg'}", "--no-input", ok=False)
    assert refused.returncode == 2
    assert f"{tmp_path / 'pg' / 'PG_VERSION'} cannot be read: " in refused.stdout + refused.stderr


def test_a_lock_of_the_embedded_server_that_is_another_user_s_is_named(stray, tmp_path):
    lock = tmp_path / "runtime" / "python_PostgresServer" / ".lockfile"
    lock.mkdir(parents=True)
    (tmp_path / "runtime").chmod(0o700)
    refused = stray.run(
        "migrate_to_pg", "--rehearse", "--target", f"embedded:{tmp_path / 'pg'}", ok=False,
        XDG_RUNTIME_DIR=str(tmp_path / "runtime"),
    )  # fmt: skip
    assert refused.returncode == 1
    told = refused.stdout + refused.stderr
    assert f"The embedded PostgreSQL cannot use {lock}: " in told
    assert "Make it usable by this user" in told


def test_a_rehearsal_leaves_a_server_that_it_started_to_whoever_is_connected(stray, tmp_path):
    rehearse = ("migrate_to_pg", "--rehearse", "--target", f"embedded:{tmp_path / 'pg'}")
    with stray.start(*rehearse) as process:
        # The second stage that asks the server: it runs by then.
        next(line for line in process.stderr if line.startswith("examine"))
        process.send_signal(signal.SIGSTOP)
        with psycopg.connect(embedded.resume(tmp_path / "pg").url()) as connection:
            process.send_signal(signal.SIGCONT)
            out, err = process.communicate(timeout=60)
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert process.returncode == 0
    assert f"python -m migrate_to_pg.embedded --stop {tmp_path / 'pg'}" in " ".join((out + err).split())
    assert embedded.stop(tmp_path / "pg")
    alone = stray.run(*rehearse)
    assert "--stop" not in alone.stdout + alone.stderr
    assert not embedded.stop(tmp_path / "pg")


def test_a_directory_that_the_embedded_server_cannot_make_is_named_and_not_the_report_s(stray, tmp_path):
    (tmp_path / "file").write_text("in the way")
    place = tmp_path / "file" / "postgresql"
    refused = stray.run("migrate_to_pg", "--rehearse", "--target", f"embedded:{place}", ok=False)
    told = refused.stdout + refused.stderr
    assert refused.returncode == 2
    assert f"The embedded PostgreSQL cannot keep its data in {place}: " in told
    assert "--report" not in told


def test_a_path_that_the_embedded_server_cannot_take_is_said(stray, tmp_path):
    refused = stray.run("migrate_to_pg", "--rehearse", "--target", f"embedded:{tmp_path / 'mon projet'}", ok=False)
    assert refused.returncode == 2
    assert "the path has a space or a quote" in refused.stdout + refused.stderr
    assert not (tmp_path / "mon projet").exists()
