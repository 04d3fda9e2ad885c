"""Databases of the application as only sqlite_doctor judges them: what a case does to a sound one, and what it finds.

Some damage is done by another process, which is killed, or left to hold what it holds.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.corpus import Found

#: Damages the database of that path, or gives back the path of another; what it holds is let go at the end.
Damage = Callable[[Path], Iterator[Path]]
_ATTRIBUTION = "attributions_attribution"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorCase:
    """One database."""

    name: str
    damage: Damage
    finds: tuple[Found, ...]
    #: Whether the finding depends on the system telling who has a file open, which only Linux does.
    linux: bool = False


def _script(text: str) -> Damage:
    def damage(path: Path) -> Iterator[Path]:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            # An index may need a function that no other connection has.
            database.create_function("odd", 1, lambda value: 1, deterministic=True)
            database.executescript(text)
        yield path

    return damage


def _bytes(change: Callable[[bytes], bytes]) -> Damage:
    """The file itself, once nothing is left beside it."""

    def damage(path: Path) -> Iterator[Path]:
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode = delete")
        path.write_bytes(change(path.read_bytes()))
        yield path

    return damage


_PROGRAM = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2].split(";"):
    database.execute(statement).fetchall()
print("ready", flush=True)
input()
"""


@contextmanager
def _elsewhere(path: Path, script: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the database open and has run some SQL."""
    command = [sys.executable, "-c", _PROGRAM, str(path), script]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def _held(mode: str, *scripts: str) -> Damage:
    """While other processes have the database open, each having run a script."""

    def damage(path: Path) -> Iterator[Path]:
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"PRAGMA journal_mode = {mode}")
        with _elsewhere(path, scripts[0]):
            if len(scripts) > 1:
                with _elsewhere(path, scripts[1]):
                    yield path
            else:
                yield path

    return damage


def _killed(mode: str, script: str) -> Damage:
    """After another process was killed in the middle of what it did."""

    def damage(path: Path) -> Iterator[Path]:
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"PRAGMA journal_mode = {mode}")
        with _elsewhere(path, script) as process:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        yield path

    return damage


def _copied(mode: str, script: str) -> Damage:
    """A copy of all files, made while another process was writing."""

    def damage(path: Path) -> Iterator[Path]:
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"PRAGMA journal_mode = {mode}")
        folder = path.parent / "restored"
        folder.mkdir()
        with _elsewhere(path, script):
            for file in path.parent.glob(f"{path.name}*"):
                if not file.name.endswith("-shm"):
                    shutil.copy(file, folder)
        yield folder / path.name

    return damage


_UNFINISHED = f"PRAGMA cache_size = 1; BEGIN; UPDATE {_ATTRIBUTION} SET note = printf('%999d', id)"
_NOTE = f"UPDATE {_ATTRIBUTION} SET note = 'x' WHERE id = 1"
_LONG = f"UPDATE {_ATTRIBUTION} SET note = printf('%3000d', id)"

CASES = [
    # --- writing
    DoctorCase(
        name="trigger that writes to a table that is gone",
        damage=_script("CREATE TRIGGER audit AFTER INSERT ON courses_course BEGIN INSERT INTO log VALUES (1); END;"),
        finds=(Found("write-probe", "courses_course"), Found("broken-view-or-trigger", "courses_course")),
    ),
    DoctorCase(
        name="index that needs a function which nobody has",
        damage=_script("CREATE INDEX odd_ones ON courses_course (odd(code));"),
        finds=(Found("write-probe", "courses_course"), Found("lacking-in-sqlite", "courses_course", "odd_ones")),
    ),
    # --- keys of SQLite's own
    DoctorCase(
        name="rows under a key that only SQLite declares",
        damage=_script(
            "CREATE TABLE extra (x integer REFERENCES courses_course (id)); INSERT INTO extra VALUES (-1), (-2), (1);"
        ),
        finds=(Found("foreign-key-check", "extra", "x", 2, ("1", "2")), Found("leftover-table", "extra", "", 3)),
    ),
    DoctorCase(
        name="rows under a key of two columns that only SQLite declares",
        damage=_script(
            "CREATE TABLE extra (a integer, b integer, up_a integer, up_b integer, UNIQUE (a, b),"
            " FOREIGN KEY (up_a, up_b) REFERENCES extra (a, b));"
            "INSERT INTO extra VALUES (1, 1, NULL, NULL), (2, 2, 1, 1), (3, 3, 1, 2), (4, 4, NULL, 9);"
        ),
        finds=(Found("foreign-key-check", "extra", "up_a, up_b", 1, ("3",)), Found("leftover-table", "extra", "", 4)),
    ),
    DoctorCase(
        name="code where an id belongs, under a key that SQLite declares",
        damage=_script(f"UPDATE {_ATTRIBUTION} SET course_id = (SELECT max(code) FROM courses_course) WHERE id = 2;"),
        finds=(Found("code-in-key", _ATTRIBUTION, "course_id", 1, ("2",)),),
    ),
    DoctorCase(
        name="empty text under a key that SQLite declares",
        damage=_script(
            "INSERT INTO django_admin_log (id, user_id, content_type_id, object_repr, action_flag, change_message,"
            " action_time) SELECT 1, id, '', '', 1, '', '2024-01-01' FROM auth_user LIMIT 1;"
        ),
        finds=(Found("empty-key", "django_admin_log", "content_type_id", 1, ("1",)),),
    ),
    DoctorCase(
        name="table made anew without its foreign key",
        damage=_script(
            "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, ' REFERENCES \"courses_course\""
            f" (\"id\") DEFERRABLE INITIALLY DEFERRED', '') WHERE name = '{_ATTRIBUTION}';"
        ),
        finds=(Found("schema-drift", _ATTRIBUTION, "course_id"),),
    ),
    # --- generic keys, as the application's own models declare them
    DoctorCase(
        name="entry of the admin's log about what is gone",
        damage=_script(
            "INSERT INTO django_admin_log (id, user_id, content_type_id, object_id, object_repr, action_flag,"
            " change_message, action_time) SELECT c.id, u.id, c.id, '1', '', 1, '', '2024-01-01'"
            " FROM (SELECT id FROM auth_user LIMIT 1) u, django_content_type c"
            " WHERE (c.app_label, c.model) IN (('courses', 'course'), ('sessions', 'session'));"
        ),
        # A log tells of what is gone.
        finds=(),
    ),
    DoctorCase(
        name="content type of an application that is gone",
        damage=_script("INSERT INTO django_content_type (id, app_label, model) VALUES (900, 'old', 'thing');"),
        finds=(Found("content-type-gone", "django_content_type", "app_label, model", 1, ("900",)),),
    ),
    # --- migrations
    DoctorCase(
        name="migration that was never applied",
        damage=_script("DELETE FROM django_migrations WHERE app = 'sessions'; DROP TABLE django_session;"),
        finds=(Found("unapplied-migrations", "django_migrations"),),
    ),
    DoctorCase(
        name="two migrations whose record is gone",
        damage=_script(
            "DELETE FROM django_migrations WHERE app = 'admin'"
            " AND name IN ('0002_logentry_remove_auto_add', '0003_logentry_add_action_flag_choices');"
        ),
        finds=(Found("unapplied-migrations", "django_migrations", "", 2),),
    ),
    DoctorCase(
        name="migration of an application that is gone",
        damage=_script(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('gone', '0001_initial', '2020-01-01');"
        ),
        finds=(Found("unknown-migrations", "django_migrations"),),
    ),
    DoctorCase(
        name="migrations of newer code",
        damage=_script(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('courses', '9998_more', '2020-01-01'),"
            " ('courses', '9999_still_more', '2020-01-01');"
        ),
        finds=(Found("unknown-migrations", "django_migrations", "", 2),),
    ),
    DoctorCase(
        name="migration applied before the one that it depends on",
        damage=_script("DELETE FROM django_migrations WHERE app = 'courses' AND name = '0001_initial';"),
        finds=(
            Found("inconsistent-migrations", "django_migrations"),
            Found("inconsistent-migrations", "django_migrations"),
            Found("unapplied-migrations", "django_migrations"),
            Found("unmade-model-table", "courses_course", "", 80),
        ),
    ),
    DoctorCase(
        name="first migration of several whose record is gone",
        damage=_script("DELETE FROM django_migrations WHERE app = 'admin' AND name = '0001_initial';"),
        finds=(
            Found("inconsistent-migrations", "django_migrations"),
            Found("unapplied-migrations", "django_migrations"),
            Found("unmade-model-table", "django_admin_log"),
        ),
    ),
    # --- the files
    DoctorCase(
        name="writer that does not end", damage=_held("wal", "BEGIN IMMEDIATE"),
        finds=(Found("write-lock", ""),), linux=True,
    ),
    DoctorCase(
        name="writer that keeps readers out", damage=_held("delete", "BEGIN EXCLUSIVE"),
        finds=(Found("write-lock", ""),), linux=True,
    ),
    DoctorCase(
        name="writer killed in the middle", damage=_killed("delete", _UNFINISHED), finds=(Found("hot-journal", ""),),
        linux=True,
    ),
    DoctorCase(
        name="copy made while somebody wrote", damage=_copied("delete", _UNFINISHED), finds=(Found("hot-journal", ""),),
        linux=True,
    ),
    DoctorCase(
        name="writer killed after it wrote to the -wal", damage=_killed("wal", _NOTE), finds=(Found("stale-wal", ""),),
        linux=True,
    ),
    DoctorCase(
        name="copy with its -wal", damage=_copied("wal", _NOTE), finds=(Found("stale-wal", ""),), linux=True,
    ),
    DoctorCase(
        name="-wal that a reader keeps from being emptied",
        damage=_held("wal", f"BEGIN; SELECT * FROM {_ATTRIBUTION}", f"{_LONG}; {_LONG}"),
        finds=(Found("large-wal", ""),), linux=True,
    ),
    DoctorCase(
        name="-wal that nobody empties",
        damage=_held("wal", f"PRAGMA wal_autocheckpoint = 0; {_LONG}; {_LONG}"),
        finds=(Found("large-wal", ""),), linux=True,
    ),
    DoctorCase(
        name="header and nothing behind it", damage=_bytes(lambda raw: raw[:16] + b"\xff" * 5000),
        finds=(Found("unreadable", ""),),
    ),
    DoctorCase(
        name="schema overwritten", damage=_bytes(lambda raw: raw[:100] + b"\xff" * 3996 + raw[4096:]),
        finds=(Found("unreadable", ""),),
    ),
    DoctorCase(
        name="file cut in half", damage=_bytes(lambda raw: raw[: len(raw) // 8192 * 4096]),
        finds=(Found("unreadable", ""),),
    ),
    # What SQLite pads, or takes as it is said.
    DoctorCase(
        name="file that lacks three bytes", damage=_bytes(lambda raw: raw[:-3]), finds=(Found("unreadable", ""),)
    ),
    DoctorCase(
        name="pages that are not there",
        damage=_bytes(lambda raw: raw[:28] + (len(raw) // 4096 + 1).to_bytes(4) + raw[32:]),
        finds=(Found("unreadable", ""),),
    ),
    DoctorCase(
        name="pages that the header does not count",
        damage=_bytes(lambda raw: raw[:28] + (len(raw) // 4096 - 1).to_bytes(4) + raw[32:]),
        finds=(Found("bytes-not-read", ""), Found("integrity-check", ""), Found("unreadable", "")),
    ),
    DoctorCase(
        name="free pages that are not there", damage=_bytes(lambda raw: raw[:36] + (7).to_bytes(4) + raw[40:]),
        finds=(Found("integrity-check", ""),),
    ),
    # --- what a move does not look at
    DoctorCase(
        name="index that contradicts its table",
        damage=_script(
            "CREATE INDEX own ON courses_course (title); PRAGMA writable_schema = ON; UPDATE sqlite_master"
            " SET sql = 'CREATE INDEX own ON courses_course (department)' WHERE name = 'own';"
        ),
        finds=(Found("integrity-check", "", "", 80), Found("write-probe", "courses_course")),
    ),
]  # fmt: skip
