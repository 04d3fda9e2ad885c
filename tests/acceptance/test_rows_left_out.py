"""Which rows are left out of PostgreSQL, and that a person knows it: real runs of the command."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeSource, Query, Run
from tests.tiers import in_full

LONG = "UPDATE attributions_teacher SET last_name = replace(hex(zeroblob(300)), '00', 'x') WHERE id = 2"
COUNTS = "SELECT count(*) FROM attributions_attribution WHERE teacher_id = 2"


@pytest.fixture
def shop(make_source: MakeSource, tmp_path: Path) -> tuple[Path, int]:
    """A teacher with a name that is too long, and attributions that refer to it."""
    path = Path(shutil.copy(make_source("none"), tmp_path / "source.sqlite3"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(LONG)
        (attributions,) = connection.execute(COUNTS).fetchone()
    assert attributions
    return path, attributions


@pytest.fixture
def run(
    shop: tuple[Path, int], manage: Run, tmp_path: Path
) -> Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, Any], str]]:
    def run(
        *arguments: str, ok: bool = True, **variables: str
    ) -> tuple[subprocess.CompletedProcess[str], dict[str, Any], str]:
        place = tmp_path / "report"
        shutil.rmtree(place, ignore_errors=True)
        command = ("migrate_to_pg", "--source", shop[0], "--report", place, *arguments)
        done = manage(*command, ok=ok, **variables)
        return done, json.loads((place / "report.json").read_text()), (place / "report.html").read_text()

    return run


def test_a_run_that_would_leave_out_what_a_repair_keeps_stops_with_the_count(
    shop: tuple[Path, int],
    run: Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, Any], str]],
    postgres_url: str,
    execute: Query,
) -> None:
    _, attributions = shop
    done, report, _ = run("--target", postgres_url, "--fix", "all", "--quarantine", "all", ok=False)
    assert done.returncode == 1
    kept = attributions + 1
    told = " ".join(done.stdout.split())
    assert f"{kept} rows of {kept} stay with the repairs of the command below." in told
    assert "--fix all,text-too-long --quarantine all" in told.partition("To go on:")[2]
    assert report["could_stay"] == {"rows": kept, "of": kept, "fix": ["all", "text-too-long"]}
    assert report["advice"] == {"fix": ["all", "text-too-long"], "quarantine": ["all"]}
    assert execute(postgres_url, "SELECT to_regclass('attributions_teacher')") == [(None,)]
    advised, report, _ = run(
        "--target", postgres_url, "--fix", ",".join(report["advice"]["fix"]), "--quarantine", "all"
    )
    assert advised.stdout.startswith("Published: ")
    assert (report["advice"], report["could_stay"], report["quarantined"]) == (None, None, [])
    assert execute(postgres_url, COUNTS) == [(attributions,)]


def test_rows_left_out_are_the_first_thing_that_a_run_says(
    shop: tuple[Path, int],
    run: Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, Any], str]],
    postgres_url: str,
    execute: Query,
) -> None:
    _, attributions = shop
    done, report, page = run("--target", postgres_url, "--quarantine", "text-too-long")
    first, second, third, *_ = done.stdout.splitlines()
    gone = attributions + 1
    left_out = (
        f"{gone} rows are left out of PostgreSQL, in quarantine: {attributions} of them refer to others that are."
    )
    assert first == left_out
    assert second == f"{gone} rows of {gone} stay with --fix text-too-long."
    assert third.startswith("Published: ")
    heading = page.partition("<h1>")[2].partition("</h1>")[0]
    assert heading.splitlines() == [first, second, third]
    assert '<header class="warning">' in page
    assert sum(rows["following"] for rows in report["quarantined"]) == attributions
    assert execute(postgres_url, COUNTS) == [(0,)]


@pytest.mark.full
def test_rows_left_out_are_told_in_amber_on_a_terminal(
    shop: tuple[Path, int], tmp_path: Path, postgres_url: str
) -> None:
    pty = pytest.importorskip("pty")
    import os
    import subprocess
    import sys

    master, slave = pty.openpty()
    command = [
        sys.executable, "manage.py", "migrate_to_pg", "--source", str(shop[0]), "--target", postgres_url,
        "--rehearse", "--quarantine", "text-too-long", "--report", f"{tmp_path}/terminal",
    ]  # fmt: skip
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "160", "LANGUAGE": "en", "PYTHONUTF8": "1"}
    with subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(slave)
        shown = b""
        while part := _read(master):
            shown += part
    os.close(master)
    assert process.returncode == 0
    yellow = "\x1b[1;33m"
    lines = shown.decode().splitlines()
    assert lines[0].startswith(yellow)
    assert "rows are left out of PostgreSQL" in lines[0]
    assert next(line for line in lines if "Your project can move" in line).startswith(yellow)


def _read(descriptor: int) -> bytes:
    import os

    try:
        return os.read(descriptor, 65536)
    except OSError:
        # The other end is closed.
        return b""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        in_full((("--rehearse",), "Compared: ")),
        in_full((("--rehearse", "--verify"), "Compared: ")),
        (("--rehearse", "--verify", "counts"), "cells were not compared, as --verify counts asks."),
        ((), "Compared: "),
    ],
)
def test_every_cell_is_compared_where_nothing_else_is_said(
    manage: Run, make_source: MakeSource, tmp_path: Path, postgres_url: str, arguments: tuple[str, ...], said: str
) -> None:
    options = ("--source", make_source("none"), "--target", postgres_url, "--report", tmp_path / "report")
    assert said in manage("migrate_to_pg", *options, *arguments).stdout
