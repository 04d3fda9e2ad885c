"""A seed in; a damaged database, the product run on it as often as it makes a difference, and what was wrong with that.

Each round is told by its seed alone. ``Round.lies`` is empty where the product kept its promises.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.pipeline import move, move_back
from migrate_to_pg.records import Options, Verify
from migrate_to_pg.rules import RULES
from tests import preloaded
from tests.conftest import ROOT, Server
from tests.fuzz import written_there
from tests.fuzz.damage import Script, apply, damage

ORACLE = "tests.fuzz.oracle"
#: Seconds after which a run hangs; an ordinary one takes less than one.
LONGEST = 60
#: More pieces of damage than this leave nothing to publish for a run that accepts nothing.
HEAVY = 5
#: What no message may say of a fault that a database can cause.
ADMISSIONS = re.compile(r"report this|should not happen|Traceback|internal error|\bassert", re.IGNORECASE)
EVERY_REPAIR = tuple(rule.id for rule in RULES if rule.repair)
#: By name: "all" leaves the rows that a repair would keep.
EVERY_ROW = tuple(rule.id for rule in RULES if rule.names_rows)


@dataclass(frozen=True)
class Mode:
    """One way to run the product on a damaged database."""

    name: str
    fix: tuple[str, ...] = ()
    quarantine: tuple[str, ...] = ()
    #: Whether the healthy database was published there before, and is to be replaced.
    replace: bool = False

    def differs(self, findings: list[dict[str, Any]]) -> bool:
        """Whether it can end unlike a run that accepts nothing."""
        return self.replace or any(
            (f["repair"] and f["rule"] in self.fix)
            or (f["repair"] == "lossless" and self.fix == ("all",))
            or (f["quarantinable"] and self.quarantine)
            for f in findings
        )


PLAIN = Mode("plain")
MODES = (
    Mode("fix", fix=("all",)),
    Mode("quarantine", quarantine=EVERY_ROW),
    Mode("both", EVERY_REPAIR, ("all",)),
    Mode("replace", fix=("all",), replace=True),
)


class HangError(BaseException):
    """A run did not end; no handler of the product's may take this for something else."""


@dataclass
class Ran:
    """What one run of the product came to."""

    mode: Mode
    report: dict[str, Any]
    lies: list[str]

    @property
    def published(self) -> bool:
        return bool(self.report.get("publication"))

    @property
    def stage(self) -> str:
        """The stage in which the run ended."""
        stages = self.report.get("stages")
        return stages[-1]["name"] if stages else ""


@dataclass
class Round:
    """One damaged database and all runs on it."""

    seed: int
    scripts: list[Script]
    runs: list[Ran] = field(default_factory=list)

    @property
    def lies(self) -> list[str]:
        return [f"{run.mode.name}: {lie}" for run in self.runs for lie in run.lies]

    def told(self) -> str:
        """What a person needs to see it again."""
        script = ";\n".join(statement for part in self.scripts for statement in part)
        lies = "\n".join(line[-2000:] for line in self.lies[:20])
        return f"seed {self.seed} (FUZZ_SEED={self.seed} repeats it)\n{lies}\n--- the damage:\n{script}"


class Fuzzer:
    """A healthy database, a server and a folder for whatever the rounds need."""

    def __init__(self, healthy: Path, server: Server, folder: Path, *, process: bool = False) -> None:
        self.healthy = healthy
        self.server = server
        self.folder = folder
        #: Whether the command is run as a person runs it; else the pipeline in this process, which is faster.
        self.process = process
        #: The seed of what is written on PostgreSQL before the way back; None: nothing goes back.
        self.back: int | None = None
        #: How many databases went back complete.
        self.came_back = 0
        self._numbers = itertools.count()

    def round(self, seed: int) -> Round:
        """Damage the healthy database as the seed says, and run the product on it."""
        source = self._place() / "db.sqlite3"
        shutil.copyfile(self.healthy, source)
        chance = random.Random(seed)  # noqa: S311 - nothing is kept secret by it
        done = Round(seed, damage(source, chance))
        done.runs = list(self._runs(source, chance, heavy=len(done.scripts) > HEAVY))
        if done.lies:
            done = self._smaller(done)
        shutil.rmtree(source.parent)
        return done

    def _runs(self, source: Path, chance: random.Random, *, heavy: bool) -> Iterator[Ran]:
        """One run that accepts nothing, and one that does where that can end otherwise; this alone where much is bad.

        All modes for each database would take more time than to try one of them on another.
        """
        plain = None if heavy else self.run(source, PLAIN)
        findings = plain.report.get("findings", []) if plain else []
        if plain:
            yield plain
        modes = [mode for mode in MODES if heavy or mode.differs(findings)]
        if modes:
            yield self.run(source, chance.choice(modes))

    def damaged(self, scripts: list[Script]) -> Path:
        """The healthy database, damaged by these scripts."""
        source = self._place() / "db.sqlite3"
        shutil.copyfile(self.healthy, source)
        for script in scripts:
            apply(source, script)
        return source

    def run(self, source: Path, mode: Mode) -> Ran:
        """One run, and what the oracle says of it."""
        url = copied(self.server, self.published) if mode.replace else self.server.database()
        place = self._place()
        before = hashlib.sha256(source.read_bytes()).digest()
        lies = list((_command if self.process else _call)(source, url, place, mode))
        if hashlib.sha256(source.read_bytes()).digest() != before:
            lies.append("the source was written to")
        written = place / "report.json"
        report = json.loads(written.read_text()) if written.exists() else {}
        lies += [
            *_admissions(report),
            *(self._oracle(source, url, written, mode) if report else ["there is no report"]),
        ]
        if self.back is not None and report.get("publication"):
            lies += [f"back: {lie}" for lie in self._back(url, place, random.Random(self.back))]  # noqa: S311
        self.server.drop(url)
        shutil.rmtree(place)
        return Ran(mode, report, lies)

    def _back(self, url: str, place: Path, chance: random.Random) -> Iterator[str]:
        """What was published goes back, with what is written in between: equal, or refused for a reason."""
        written_there.write(url, chance)
        path = place / "back.sqlite3"
        options = Options(source=url, target=str(path), report=place / "back")
        try:
            with _patience():
                report = move_back.move_back(options)
        except HangError:
            yield "\n".join(["still running: ", *traceback.format_exc().splitlines()[-12:]])
            return
        except Exception:  # noqa: BLE001 - whatever comes out of it is what is looked for
            yield traceback.format_exc()
            return
        self.came_back += report.ok
        yield from _admissions(json.loads((place / "back" / "report.json").read_text()))
        if report.ok != path.exists():
            yield f"ok is {report.ok}, and the file is {'' if path.exists() else 'not '}there"
        if report.ok:
            yield from written_there.differences(path, url)
            written_there.drop(path, url)
            judged = _python("-m", ORACLE, path, url, "--back")
            yield from () if judged.returncode == 0 else (judged.stdout + judged.stderr).strip().splitlines()

    @functools.cached_property
    def published(self) -> str:
        """A database that holds what the healthy one holds."""
        url = self.server.database()
        move.run(Options(source=str(self.healthy), target=url, report=self._place()))
        return url

    def _oracle(self, source: Path, url: str, report: Path, mode: Mode) -> list[str]:
        judged = _python("-m", ORACLE, source, url, report, *(("--before", self.healthy) if mode.replace else ()))
        return [] if judged.returncode == 0 else (judged.stdout + judged.stderr).strip().splitlines()

    def _smaller(self, failed: Round) -> Round:
        """The same with as few pieces of damage as still make a lie."""
        modes = [run.mode for run in failed.runs if run.lies]
        for script in list(failed.scripts):
            fewer = Round(failed.seed, [s for s in failed.scripts if s is not script])
            fewer.runs = [self.run(self.damaged(fewer.scripts), mode) for mode in modes]
            failed = fewer if fewer.lies else failed
        return failed

    def _place(self) -> Path:
        place = self.folder / str(next(self._numbers))
        place.mkdir()
        return place


def _command(source: Path, url: str, place: Path, mode: Mode) -> Iterator[str]:
    """The command in a process of its own."""
    accepted = {"--fix": mode.fix, "--quarantine": mode.quarantine}
    chosen = [word for option, rules in accepted.items() if rules for word in (option, ",".join(rules))]
    chosen += ["--replace"] if mode.replace else []
    command = ("migrate_to_pg", "--source", source, "--target", url, "--verify", "--report", place, "--no-input")
    try:
        ended = _python("manage.py", *command, *chosen)
    except subprocess.TimeoutExpired:
        yield f"still running after {LONGEST} s"
        return
    if "Traceback" in ended.stderr + ended.stdout or ended.returncode not in (0, 1, 3):
        yield f"exit status {ended.returncode}: {ended.stderr}"


def _call(source: Path, url: str, place: Path, mode: Mode) -> Iterator[str]:
    """The pipeline in this process, which is faster."""
    options = Options(
        source=str(source),
        target=url,
        verify=Verify.CELLS,
        fix=mode.fix,
        quarantine=mode.quarantine,
        replace=mode.replace,
        report=place,
    )
    try:
        with _patience():
            move.run(options)
    except HangError:
        yield "\n".join(["still running: ", *traceback.format_exc().splitlines()[-12:]])
    except Exception:  # noqa: BLE001 - whatever comes out of it is what is looked for
        yield traceback.format_exc()


@contextmanager
def _patience() -> Iterator[None]:
    def ring(number: int, frame: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _admissions(report: dict[str, Any]) -> Iterator[str]:
    failure = report.get("failure")
    if not failure:
        return
    words = " ".join((failure["message"], *failure["detail"], failure["remedy"]))
    if failure["exit_status"] not in (1, 2) or ADMISSIONS.search(words):
        yield f"exit status {failure['exit_status']}: {words} {report['differences'][:3]}"


def _python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return preloaded.run(arguments, cwd=ROOT, env=os.environ, timeout=LONGEST)


def copied(server: Server, url: str) -> str:
    """A new database that holds what another one holds."""
    name, original = f"copy_{uuid.uuid4().hex[:12]}", str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
    make = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(original))
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(make)
    return server.url(name)
