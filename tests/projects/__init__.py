"""Small Django projects, each unlike the one in this repository; every one is run as a process of its own."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests import preloaded

ROOT = Path(__file__).resolve().parents[2]
#: What migrate made in an empty folder, by project and variables: it makes the same each time.
_MIGRATED: dict[tuple[object, ...], bytes] = {}


@dataclass
class Project:
    """``tests/projects/<name>`` with a database of its own; ``run`` is its manage.py."""

    name: str
    folder: Path

    @property
    def source(self) -> Path:
        return self.folder / "db.sqlite3"

    def environment(self, variables: dict[str, str]) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "XDG_DATA_HOME") if key in os.environ}
        return kept | {
            "PYTHONPATH": str(ROOT),
            "PYTHONUTF8": "1",
            "DJANGO_SETTINGS_MODULE": f"tests.projects.{self.name}.settings",
            **variables,
        }

    def start(self, *arguments: str | Path, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "django", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str | Path, ok: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
        command = ("-W", "error", "-m", "django", *arguments)
        done = preloaded.run(command, cwd=self.folder, env=self.environment(variables), timeout=120)
        assert "Traceback" not in done.stderr, done.stderr
        assert not ok or done.returncode == 0, done.stdout + done.stderr
        return done

    def migrate(self, *arguments: str, **variables: str) -> None:
        """Make the tables; for ``START_COLD`` as well where that was done before."""
        key = (self.name, *arguments, *sorted(variables.items()))
        was_empty = not any(self.folder.iterdir())
        if was_empty and key in _MIGRATED and not os.environ.get("START_COLD"):
            self.source.write_bytes(_MIGRATED[key])
            return
        self.run("migrate", "--run-syncdb", "-v0", *arguments, ok=True, **variables)
        if was_empty and [path.name for path in self.folder.iterdir()] == [self.source.name]:
            _MIGRATED[key] = self.source.read_bytes()

    def move(
        self, url: str, *arguments: str | Path, ok: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """The command that is tested; the source must come out of it unchanged, byte for byte."""
        before = digest(self.source)
        command = ("migrate_to_pg", "--source", str(self.source), "--target", url, "--verify", "orm", *arguments)
        result = self.run(*command, ok=ok, **variables)
        assert digest(self.source) == before
        return result

    def undo(self, url: str, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("migrate_to_pg", "--undo", "--target", url, *arguments, ok=ok)

    def stop_at(self, url: str, stage: str, signal_number: signal.Signals) -> subprocess.CompletedProcess[str]:
        """Send the signal as soon as stderr tells that the stage has begun."""
        process = self.start("migrate_to_pg", "--source", self.source, "--target", url, "--verify")
        assert process.stderr is not None
        with process:
            seen = [next(line for line in process.stderr if line.startswith(stage))]
            process.send_signal(signal_number)
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess([], process.returncode, out, "".join(seen) + err)

    def sqlite(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements on the source; the rows of the last."""
        with closing(sqlite3.connect(self.source)) as connection, connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
