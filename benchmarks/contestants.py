"""A source and an empty database in, seconds out: each way of bringing the rows over, run as a user would."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg
from psycopg import sql

from migrate_to_pg import staging
from migrate_to_pg.postgres.embedded import EmbeddedServer
from migrate_to_pg.system.run_log import RUN_LOG

ROOT = Path(__file__).resolve().parents[1]
#: The tables that hold nearly all rows; the others have some dozen.
TABLES = ("attributions_attribution", "courses_courseyear", "attributions_teacher", "courses_course", "auth_user")


class Sides(NamedTuple):
    """Seconds of processor time."""

    here: float
    server: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One whole run of the command."""

    #: Stage -> seconds.
    stages: Mapping[str, float]
    #: From the start of the process to its end.
    seconds: float
    #: Peak resident bytes of the process and its children, the server left out.
    memory: int
    cells: int
    #: Processor time of the process and its children, and of the server, in seconds.
    here: float
    server: float
    #: The same by stage.
    by_stage: Mapping[str, Sides]


class Bench:
    """A server with its stock settings, and the databases on it."""

    def __init__(self, server: EmbeddedServer, psql: Path, folder: Path) -> None:
        self.server = server
        self.psql = psql
        self.folder = folder

    def fresh(self, name: str) -> str:
        """The URL of a new, empty database of that name."""
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            quoted = sql.Identifier(name)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(quoted))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(quoted))
            # Each contestant begins with as little left to write as the one before.
            connection.execute("CHECKPOINT")
        return self.server.url(name)

    def bare(self, name: str) -> str:
        """The same with the application's tables, and neither keys nor indexes on them."""
        url = self.fresh(name)
        manage("migrate", "--verbosity", "0", DATABASE_URL=url)
        with psycopg.connect(url, autocommit=True) as connection:
            staging.drop_objects(connection, "public")
            for table in TABLES:
                connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(table)))
        return url

    def ready_made(self, source: Path) -> None:
        """Files in PostgreSQL's binary COPY format with the rows of the source."""
        url = self.fresh("bench_files")
        # A bench that was stopped left its own.
        shutil.rmtree(self.folder / "files", ignore_errors=True)
        manage("migrate_to_pg", "--source", source, "--target", url, "--report", self.folder / "files")
        for table in TABLES:
            self._psql(url, f"\\copy {table} TO '{self._file(table)}' WITH (FORMAT binary)")

    def floor(self) -> float:
        """psql's binary COPY of the ready-made files into bare tables, one after the other."""
        url = self.bare("bench_floor")
        start = time.perf_counter()
        for table in TABLES:
            self._psql(url, f"\\copy {table} FROM '{self._file(table)}' WITH (FORMAT binary)")
        return time.perf_counter() - start

    def run(self, source: Path, *, command: Sequence[str] = ("manage.py",), **variables: str) -> Run:
        """migrate_to_pg --verify into an empty database, published.

        ``command`` runs Django's commands in the project, with ``variables`` in its environment.
        """
        report = self.folder / "run"
        shutil.rmtree(report, ignore_errors=True)
        url = self.fresh("bench_run")
        options = ["migrate_to_pg", "--source", source, "--target", url, "--verify", "--report", report]
        done = self._watched([sys.executable, *command, *map(str, options)], report, variables)
        (report / "snapshot.sqlite3").unlink()
        return done

    @contextlib.contextmanager
    def one_core(self) -> Iterator[None]:
        """Let the server, and what is started meanwhile, use one core alone."""
        processes = (psutil.Process(), psutil.Process(self._postmaster()))
        former = [process.cpu_affinity() for process in processes]
        for process in processes:
            process.cpu_affinity([0])
        try:
            yield
        finally:
            for process, cores in zip(processes, former, strict=True):
                process.cpu_affinity(cores)

    def run_back(self) -> Run:
        """migrate_from_pg of what the last run published, every cell compared."""
        report, made = self.folder / "back", self.folder / "back.sqlite3"
        shutil.rmtree(report, ignore_errors=True)
        made.unlink(missing_ok=True)
        options = ["migrate_from_pg", "--source", self.server.url("bench_run"), "--target", made, "--report", report]
        return self._watched([sys.executable, "manage.py", *map(str, options)], report, {})

    def _watched(self, command: Sequence[str], report: Path, variables: Mapping[str, str]) -> Run:
        """Run a command to its end, and read the report that it wrote."""
        start, here, server = time.perf_counter(), children_time(), self._server_time()
        samples: list[tuple[float, Sides]] = []
        memory = run_watched(command, variables, lambda process: samples.append(self._sample(process)))
        seconds, here, server = time.perf_counter() - start, children_time() - here, self._server_time() - server
        found = json.loads((report / "report.json").read_text())
        stages = {stage["name"]: stage["seconds"] for stage in found["stages"]}
        cells = sum(table["cells_compared"] or 0 for table in found["tables"])
        by_stage = sides_by_stage(stage_moments(report / RUN_LOG), samples)
        return Run(
            stages=stages, seconds=seconds, memory=memory, cells=cells, here=here, server=server, by_stage=by_stage
        )

    def _sample(self, process: psutil.Process) -> tuple[float, Sides]:
        """Return the time of day, and the processor time of both sides so far."""
        return time.time(), Sides(tree_time(process), self._server_time())

    def _server_time(self) -> float:
        """Return the seconds of the server's processes, ended ones included."""
        return tree_time(psutil.Process(self._postmaster()))

    def _postmaster(self) -> int:
        """Return the process id of the server."""
        return int((self.server.place.data / "postmaster.pid").read_text().splitlines()[0])

    def pgloader(self, source: Path) -> float:
        """Data only, into bare tables, with the numbers of workers that its documents recommend for two cores."""
        names = ", ".join(f"'{table}'" for table in TABLES)
        how = f"WITH data only, workers = 4, concurrency = 2 INCLUDING ONLY TABLE NAMES LIKE {names}"
        return self._pgloader(source, self.bare("bench_pgloader"), how)

    def pgloader_by_default(self, source: Path) -> float:
        """All that it does unasked, into an empty database: schema, data, indexes, foreign keys, sequences."""
        return self._pgloader(source, self.fresh("bench_pgloader"), "")

    def _pgloader(self, source: Path, url: str, how: str) -> float:
        socket, port = url.split("@")[1].split("/")[0].replace("%2F", "/").split(":")
        script = self.folder / "pgloader.load"
        target = f"postgresql://postgres@unix:{socket}:{port}/bench_pgloader"
        script.write_text(f"LOAD DATABASE FROM sqlite://{source} INTO {target}\n{how};\n")
        start = time.perf_counter()
        done = subprocess.run(["pgloader", script], capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - start
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT count(*) FROM attributions_attribution").fetchone()
        if not row or not row[0]:
            raise RuntimeError(done.stdout)
        return seconds

    def loaddata(self, source: Path) -> tuple[float, int]:
        """dumpdata and loaddata, with Django's own commands; the seconds of loaddata, and how many rows."""
        url = self.fresh("bench_loaddata")
        manage("migrate", "--verbosity", "0", DATABASE_URL=url)
        fixture = self.folder / "fixture.json"
        labels = ("courses", "attributions", "auth.user")
        manage("dumpdata", *labels, "--output", fixture, "--verbosity", "0", DATABASE_URL=f"sqlite:///{source}")
        start = time.perf_counter()
        manage("loaddata", fixture, "--verbosity", "0", DATABASE_URL=url)
        seconds = time.perf_counter() - start
        return seconds, len(json.loads(fixture.read_text()))

    def _file(self, table: str) -> Path:
        return self.folder / f"{table}.copy"

    def _psql(self, url: str, command: str) -> None:
        subprocess.run([self.psql, url, "-qXc", command], check=True, stdout=subprocess.DEVNULL)


def tree_time(process: psutil.Process) -> float:
    """Return the processor time, in seconds, of a process and its children, ended ones included."""
    seconds = 0.0
    for each in (process, *process.children(recursive=True)):
        # A child that has ended meanwhile is among the ended children.
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            seconds += times.user + times.system
            if each == process:
                seconds += times.children_user + times.children_system
    return float(seconds)


def stage_moments(log: Path) -> Iterator[tuple[str, float, float]]:
    """Yield each stage with the times of day at which it began and ended. One that began again comes again."""
    began = 0.0
    for line in log.read_text().splitlines():
        date, clock, *words = line.split()
        match words[2:]:
            case ["stage", _, "begins"]:
                began = datetime.fromisoformat(f"{date} {clock}").timestamp()
            case ["stage", name, "ends", *_]:
                yield name, began, datetime.fromisoformat(f"{date} {clock}").timestamp()


def sides_by_stage(
    stages: Iterable[tuple[str, float, float]], samples: Sequence[tuple[float, Sides]]
) -> dict[str, Sides]:
    """Return the processor time of each stage, from the samples nearest to its begin and its end."""
    found: dict[str, Sides] = {}
    for name, began, ended in stages:
        (_, first), (_, last) = (min(samples, key=lambda s: abs(s[0] - moment)) for moment in (began, ended))
        before = found.get(name, Sides(0, 0))
        found[name] = Sides(before.here + last.here - first.here, before.server + last.server - first.server)
    return found


def children_time() -> float:
    """Return the processor time, in seconds, of the processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


def make_source(folder: Path, attributions: int) -> Path:
    """The application's own demonstration data on SQLite, made once for each size."""
    path = folder / f"source-{attributions}.sqlite3"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        url = f"sqlite:///{unfinished}"
        manage("migrate", "--verbosity", "0", DATABASE_URL=url)
        teachers, courses = max(attributions // 333, 50), max(min(attributions // 31, 64_000), 100)
        # A course has room for some 270 attributions in a hundred years.
        sizes = ("--teachers", str(teachers), "--courses", str(max(courses, attributions // 250)))
        manage("make_demo_data", *sizes, "--attributions", str(attributions), DATABASE_URL=url)
        unfinished.rename(path)
    return path


def manage(*arguments: str | Path, **variables: str) -> None:
    """manage.py with the project's own settings; its output only where it fails."""
    command = [sys.executable, "manage.py", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment(variables), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's, and these."""
    return {**os.environ, **variables, "PYTHONUTF8": "1"}


def run_watched(
    command: Sequence[str],
    variables: Mapping[str, str],
    watch: Callable[[psutil.Process], object] = lambda _: None,
) -> int:
    """Run it; the peak resident bytes of it and its children. Its output is shown where it fails.

    ``watch`` is called with the process about twenty times a second.
    """
    process = psutil.Popen(
        command, cwd=ROOT, env=environment(variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    peak = 0
    output: list[bytes] = []
    reader = threading.Thread(target=lambda: output.append(process.stdout.read()))
    reader.start()
    while process.poll() is None:
        peak = max(peak, tree_memory(process))
        with contextlib.suppress(psutil.NoSuchProcess):
            watch(process)
        time.sleep(0.05)
    reader.join()
    if process.returncode:
        raise RuntimeError(b"".join(output).decode("utf-8", "replace"))
    return peak


def tree_memory(process: psutil.Process) -> int:
    """The resident bytes of a process and its children that are no PostgreSQL server."""
    total = 0
    for each in (process, *process.children(recursive=True)):
        try:
            total += 0 if "postgres" in each.name() else each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
