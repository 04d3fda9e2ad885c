"""Apply all migrations once, however many containers start at the same moment.

    python -m deploy.migrate_once

One of them holds an advisory lock and migrates. The others wait, and find nothing left to do. The lock ends with its
connection. It is polled, because a waiting statement would hold a snapshot, and CREATE INDEX CONCURRENTLY would wait
for that snapshot.
"""

import os
import sys
import time

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection

#: "attribut" in ASCII: nobody else's lock.
LOCK = int.from_bytes(b"attribut", "big")
#: Seconds that a database may take to come up, as after a power cut.
_TIMEOUT_SECONDS = float(os.environ.get("DATABASE_PATIENCE", "60"))
_PAUSE = 0.5


def migrate_once() -> None:
    """Migrate the default database under the lock. Raise SystemExit with the error in one line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attribution_project.settings")
    try:
        django.setup()
        _wait_for_database()
        _take_lock()
        call_command("migrate", interactive=False)
        connection.close()
    except (ImproperlyConfigured, CommandError, DatabaseError) as error:
        raise SystemExit(f"The migrations were not applied: {str(error).strip()}") from None


def _wait_for_database() -> None:
    """Wait until the database answers. Raise OperationalError if it does not within a minute."""
    deadline, reported = time.monotonic() + _TIMEOUT_SECONDS, False
    while True:
        try:
            return connection.ensure_connection()
        except OperationalError as error:
            if time.monotonic() > deadline:
                raise
            if not reported:
                _print(f"Waiting for the database: {str(error).strip()}")
            reported = True
        time.sleep(_PAUSE)


def _take_lock() -> None:
    """Wait until this connection holds the lock. SQLite serves one machine, and locks its file itself."""
    if connection.vendor != "postgresql" or _is_locked():
        return
    _print("Another container applies the migrations: waiting for it.")
    while not _is_locked():
        time.sleep(_PAUSE)


def _is_locked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def _print(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    migrate_once()
