"""One run as a process, its fault, and what must be as it was afterwards."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import preloaded
from tests.conftest import ROOT, VARIABLES, Server
from tests.projects import digest

Result = subprocess.CompletedProcess[str]

#: Everything that public holds, by name and by number: what is there is the same object, not its double.
PUBLIC = """
SELECT 'relation', relname, relkind::text, oid::bigint, relfilenode::bigint, relowner::bigint, relacl::text
FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT 'column', attname, format_type(atttypid, atttypmod), attrelid::bigint, attnum, 0, attnotnull::text
FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid), oid::bigint, conrelid::bigint, 0, convalidated::text
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'routine', proname, '', oid::bigint, 0, 0, prosrc
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'type', typname, '', oid::bigint, typrelid::bigint, 0, ''
FROM pg_type WHERE typnamespace = 'public'::regnamespace
ORDER BY 1, 2, 4, 5
"""
THEIRS = """
CREATE TABLE theirs (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO theirs SELECT n, 'row ' || n FROM generate_series(1, 50) n;
COMMENT ON TABLE theirs IS 'made by hand'
"""
#: A killed program's backends may still be ending.
LEFT = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'migrate_to_pg' AND datname = current_database()"
#: Of any name that a run gives its schemas while it goes on.
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^migrate_to_pg_(incoming|died|leftovers_incoming)'"


@dataclass
class Standing:
    """A run that stands still at a moment."""

    process: subprocess.Popen[str]
    on: int

    def send(self, number: signal.Signals) -> Result:
        self.process.send_signal(number)
        return self.end()

    def interrupted(self) -> Result:
        """Ctrl-C while it stands there. A thread that stands is let go: only the main one is interrupted."""
        self.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        return self.go()

    def go(self) -> Result:
        """Let it go on, to its end."""
        self.let_go()
        return self.end()

    def let_go(self) -> None:
        """Let it go on."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.on, b"\n")

    def end(self) -> Result:
        out, err = self.process.communicate(timeout=120)
        assert "Traceback" not in err, err
        return Result([], self.process.returncode, out, err)


@dataclass
class World:
    """A source, a target in which somebody else has a table, and a private folder for everything a run writes."""

    source: Path
    url: str
    folder: Path
    #: The target as the runs reach it; the checks use ``url``.
    target: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    #: Of the reports.
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.target = self.target or self.url
        self.temporary = self.folder / "tmp"
        self.reports = self.folder / "reports"
        self.temporary.mkdir()
        self.sql(THEIRS)
        self.remember()

    def remember(self) -> None:
        self.before = self._state()

    def _state(self) -> tuple[Any, ...]:
        return digest(self.source), self.sql(PUBLIC), self.sql("SELECT * FROM theirs ORDER BY id")

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def environment(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if key not in VARIABLES}
        return clean | {"PYTHONUTF8": "1", "LANGUAGE": "en", "TMPDIR": str(self.temporary)} | self.variables

    def arguments(self, *more: str | Path, target: bool = True) -> list[str]:
        report = self.reports / str(next(self.numbers))
        to = ("--target", self.target) if target else ()
        return list(map(str, ("migrate_to_pg", "--source", self.source, *to, "--report", report, "--verify", *more)))

    def popen(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.started.append(process)
        return process

    def start(self, *more: str | Path) -> subprocess.Popen[str]:
        return self.popen("manage.py", *self.arguments(*more))

    def run(self, *more: str | Path) -> Result:
        """Run it to its end; nothing is to be done to it meanwhile."""
        done = preloaded.run(["manage.py", *self.arguments(*more)], cwd=ROOT, env=self.environment(), timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def at(self, moment: str, *more: str | Path) -> Standing:
        """Start a run, and wait until it stands at "stage:kind"."""
        here, on = os.pipe(), os.pipe()
        command = (
            "-m",
            "tests.faults.standing",
            moment,
            str(here[1]),
            str(on[0]),
            preloaded.recordings(),
            *self.arguments(*more),
        )
        process = self.popen(*command, pass_fds=(here[1], on[0]))
        os.close(here[1])
        os.close(on[0])
        with os.fdopen(here[0]) as stands:
            if stands.readline() != "here\n":
                out, err = process.communicate(timeout=60)
                raise AssertionError(f"{moment} never came: {out}{err}")
        return Standing(process, on[1])

    # --- what is looked at afterwards ---

    def wait_for_backends(self) -> None:
        end = time.monotonic() + 30
        while self.sql(LEFT) != [(0,)]:
            assert time.monotonic() < end, "a session of a dead run goes on"
            time.sleep(0.02)

    def unharmed(self) -> None:
        """The source and public are what they were, to the byte and to the object."""
        self.wait_for_backends()
        assert self._state() == self.before

    def unpublished(self) -> bool:
        self.wait_for_backends()
        return self.sql("SELECT to_regclass('public.courses_course')") == [(None,)]

    def clean(self) -> None:
        """Nothing of any run is left but reports and what was kept on purpose."""
        self.wait_for_backends()
        assert self.sql(SCHEMAS) == []
        assert [path.name for path in self.reports.rglob("*unfinished*")] == []
        assert list(self.temporary.iterdir()) == []

    def published(self) -> None:
        """Every row of every table is there, and somebody else's table is as it was."""
        with closing(sqlite3.connect(f"file:{self.source}?mode=ro", uri=True)) as connection:
            names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            tables = [name for (name,) in connection.execute(names)]
            held = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone() for name in tables}
        assert {name: self.sql(f'SELECT count(*) FROM public."{name}"')[0] for name in tables} == held
        assert len(tables) > 10
        assert self.sql("SELECT * FROM theirs ORDER BY id") == self.before[2]

    def recovers(self, *more: str | Path) -> Result:
        """The next run succeeds, cleans up, and leaves the source as it is."""
        before = digest(self.source)
        result = self.run(*more)
        assert result.returncode == 0, result.stdout + result.stderr
        assert digest(self.source) == before
        self.clean()
        self.published()
        return result

    def stopped(self, result: Result, *says: str, status: int = 1) -> None:
        """It ended with that status and said so, nothing is harmed; and the next run succeeds."""
        check_told(result, *says, status=status)
        self.unharmed()
        self.recovers()


def check_told(result: Result, *says: str, status: int = 1) -> None:
    told = " ".join((result.stdout + result.stderr).split())
    assert result.returncode == status, told
    for words in says:
        assert words in told, told


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(make_source: Callable[[str], Path], tmp_path: Path) -> Iterator[MakeWorld]:
    """A world around any database of PostgreSQL; what still runs in it ends with the test."""
    worlds: list[World] = []

    def make(url: str, *, damage: str = "none", **more: Any) -> World:
        folder = tmp_path / str(len(worlds))
        folder.mkdir()
        source = folder / "source" / "db.sqlite3"
        source.parent.mkdir()
        shutil.copyfile(make_source(damage), source)
        worlds.append(World(source, url, folder, **more))
        return worlds[-1]

    yield make
    for world in worlds:
        for process in world.started:
            process.kill()
            process.communicate()


@pytest.fixture
def world(make_world: MakeWorld, servers: dict[int, Server]) -> World:
    return make_world(servers[18].database())
