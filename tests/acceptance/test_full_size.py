"""Two million rows, moved and verified by the command within a bounded memory. Minutes: make test-full."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from migrate_to_pg.postgres import embedded
from tests.conftest import ROOT, Run

SIZES = ("--teachers", "6000", "--courses", "64000", "--attributions", "2000000")
ROWS = 2_070_000
#: Bytes, of the process and its children, the PostgreSQL server left out.
MEMORY = 400 * 2**20


def tree_memory(process: psutil.Process) -> int:
    """The resident bytes of a process and its children that are no PostgreSQL server."""
    total = 0
    for each in (process, *process.children(recursive=True)):
        try:
            if "postgres" not in each.name():
                total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Path]:
    """Where the command starts its own server, which it leaves running."""
    tmp_path.chmod(0o755)
    directory = tmp_path / "server"
    yield directory
    embedded.start(directory).stop()


@pytest.mark.full
def test_two_million_rows_are_verified_within_400_mb(tmp_path: Path, manage: Run, server: Path) -> None:
    source = tmp_path / "db.sqlite3"
    url = {"DATABASE_URL": f"sqlite:///{source}"}
    manage("migrate", "-v0", **url)
    # Longer than any other test's command: its own process, with its own patience.
    command = [sys.executable, "manage.py", "make_demo_data", *SIZES]
    subprocess.run(command, cwd=ROOT, env=url | {"PATH": "/usr/bin:/bin"}, check=True, timeout=400)

    target = f"embedded:{server}"
    command = [
        sys.executable,
        "manage.py",
        "migrate_to_pg",
        "--source",
        str(source),
        "--target",
        target,
        "--verify",
        "--json",
    ]
    with (tmp_path / "out").open("w+") as out:
        process = psutil.Popen(
            [*command, "--report", tmp_path / "report"], cwd=ROOT, stdout=out, stderr=subprocess.DEVNULL
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, tree_memory(process))
            time.sleep(0.05)
        out.seek(0)
        report = json.load(out)
    assert report["ok"], report["failure"]
    assert report["source"]["rows"] >= ROWS
    assert sum(table["cells_compared"] for table in report["tables"]) > 10 * ROWS
    assert peak < MEMORY
