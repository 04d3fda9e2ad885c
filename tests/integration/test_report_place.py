"""The directory of the report is taken away, or becomes a file, while a run goes on: one line, and a clean end."""

import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.records import INCOMING
from tests.conftest import scalar
from tests.integration.conftest import Move
from tests.tiers import first_in_ci

STAGES = ("load", "publish", "catalog", "stage", "examine", "restore", "prove")


def taken(directory: Path, becomes: str) -> Callable[[], None]:
    def take() -> None:
        directory.rename(directory.with_name("elsewhere"))
        if becomes == "a file":
            directory.write_text("somebody's")
        if becomes == "a link to nothing":
            directory.symlink_to("nowhere")

    return take


@pytest.mark.parametrize("becomes", first_in_ci("a file", "nothing", "a link to nothing"))
@pytest.mark.parametrize("stage", first_in_ci(*STAGES, count=2))
def test_the_run_ends_with_a_line_and_leaves_nothing_on_the_server(
    stage: str,
    becomes: str,
    source: Path,
    postgres_url: str,
    move: Move,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    directory = tmp_path / "report"
    report = move(source, postgres_url, report=directory, on={stage: taken(directory, becomes)})
    with psycopg.connect(postgres_url) as connection:
        there = scalar(connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
        left = scalar(connection.execute("SELECT to_regnamespace(%s)", [INCOMING]))
    assert left is None
    # Published and said so, or not published and said why.
    assert (there > 0) is (report.publication is not None)
    told = " ".join([*report.next_steps, *([report.failure.message] if report.failure else [])])
    assert str(directory) in told, told
    assert becomes != "a file" or directory.read_text() == "somebody's"


@pytest.mark.parametrize("mode", ["check", "dump"])
def test_nor_is_it_a_traceback_where_no_server_is_asked(mode: str, source: Path, move: Move, tmp_path: Path) -> None:
    directory = tmp_path / "report"
    dump = {"dump": tmp_path / "a.dump"} if mode == "dump" else {}
    report = move(source, None, mode=mode, report=directory, on={"catalog": taken(directory, "a file")}, **dump)
    told = " ".join([*report.next_steps, *([report.failure.message] if report.failure else [])])
    assert str(directory) in told
    shutil.rmtree(directory.with_name("elsewhere"))
