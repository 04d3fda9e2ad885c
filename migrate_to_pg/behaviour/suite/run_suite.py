"""Run the project's tests on one database, and read what became of each."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.source_database import vendor_of
from migrate_to_pg.system.subprocesses import run_of_project
from migrate_to_pg.trial.child_settings import startup_path, variables_of
from migrate_to_pg.trial.command import command_of_project
from migrate_to_pg.trial.open_copy import Copy
from migrate_to_pg.trial.startup.migrate_to_pg_outcomes import OUTCOMES

#: The worst of several results of one test counts: of its subtests, its setup, itself.
_ORDER = ("passed", "expected", "skipped", "failed", "unexpected", "error")
_GOOD = ("passed", "expected")
_LOCK_TIMEOUT = "30s"
#: Lines of output that a message repeats.
_MAX_LINES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error of a test, or one of the database's that the project caught."""

    type: str
    message: str
    #: Empty where it is none of PostgreSQL's.
    sqlstate: str
    #: The statement, with its placeholders.
    sql: str
    is_assertion: bool
    #: File, line, and whether the function was given the statement by its caller. The innermost is the last.
    frames: tuple[tuple[str, int, bool], ...]
    #: Which subtest.
    sub: str = ""

    @property
    def line(self) -> str:
        """The error's first line."""
        return (": ".join(filter(None, (self.type, self.message))) or "?").splitlines()[0]


@dataclass(slots=True)
class Outcome:
    """The result of one test on one database."""

    test: str
    result: str
    failures: list[Failure]
    #: Errors of the database while it ran, caught or not, in their order.
    of_database: list[Failure]

    @property
    def is_good(self) -> bool:
        """Report whether it passed, or failed as it is expected to."""
        return self.result in _GOOD

    @property
    def is_bad(self) -> bool:
        """Report whether it failed. A test that is skipped is neither."""
        return self.result not in (*_GOOD, "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRun:
    """One run of all tests."""

    outcomes: Mapping[str, Outcome]
    seconds: float
    status: int
    #: The last lines that the command printed.
    last_lines: tuple[str, ...]


def run_on_sqlite(command: str, copy: Copy) -> SuiteRun:
    """Run the tests as the project has them. Raise UsageError where none passes: there is nothing to compare."""
    environment = {**os.environ, **startup_path()}
    if vendor_of(settings.DATABASES[copy.alias]) != "sqlite":
        # The settings have moved on to PostgreSQL.
        entry = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(copy.origin)}
        environment |= variables_of([copy.alias], entry, f"sqlite:///{copy.origin}", copy.origin)
    done = _run(command, environment)
    if not any(outcome.is_good for outcome in done.outcomes.values()):
        raise UsageError(
            _("No test passed on SQLite by the command of --tests: {command}", command=command),
            detail=done.last_lines,
            remedy=_("Name a command by which the project's tests pass on SQLite: manage.py test, or pytest."),
        )
    return done


def run_on_copy(command: str, copy: Copy) -> SuiteRun:
    """Run the same command with the copy in the settings, on whose server Django makes the tests' database."""
    environment = copy.environment()
    # A test that waits for a lock of its own process would wait for ever, where SQLite raises after seconds.
    environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} -c lock_timeout={_LOCK_TIMEOUT}".strip()
    return _run(command, environment)


def _run(command: str, environment: dict[str, str]) -> SuiteRun:
    words = command_of_project(command, environment)
    if [Path(word).name for word in words[1:3]] == ["manage.py", "test"]:
        # Nobody can answer whether a database of an interrupted run may go.
        words.append("--noinput")
    with tempfile.TemporaryDirectory() as folder:
        file, output = Path(folder, "outcomes"), Path(folder, "output")
        file.touch()
        plugins = ",".join(filter(None, (environment.get("PYTEST_PLUGINS"), "migrate_to_pg_outcomes")))
        variables = {**environment, OUTCOMES: str(file), "PYTEST_PLUGINS": plugins}
        begun = time.monotonic()
        try:
            done = run_of_project(words, variables, output)
        except OSError as error:
            raise UsageError(
                _("{program} cannot be run: {strerror}.", program=words[0], strerror=error.strerror),
                remedy=_("Name the command by which the project's tests are run: manage.py test, or pytest."),
            ) from error
        lines = [line for line in done.output.splitlines() if line.strip()]
        return SuiteRun(
            outcomes=_read(file),
            seconds=time.monotonic() - begun,
            status=done.status,
            last_lines=tuple(lines[-_MAX_LINES:]),
        )


def _read(file: Path) -> dict[str, Outcome]:
    """Read the lines of outcomes: one test may have several."""
    found: dict[str, Outcome] = {}
    for line in file.read_text("utf-8").splitlines():
        told = json.loads(line)
        outcome = found.setdefault(told["test"], Outcome(told["test"], told["result"], [], []))
        outcome.result = max(outcome.result, told["result"], key=_ORDER.index)
        if told["error"] and told["result"] != "expected":
            outcome.failures.append(_failure(told["error"], told["sub"]))
        outcome.of_database += map(_failure, told["database"])
    return found


def _failure(told: Mapping[str, Any], sub: str = "") -> Failure:
    frames = tuple((file, line, is_given) for file, line, is_given in told["frames"])
    return Failure(**{**told, "frames": frames}, sub=sub)
