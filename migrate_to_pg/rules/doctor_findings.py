"""Rules of sqlite_doctor alone, whose findings are made in probe, state and doctor.

None of them stops a move, so migrate_to_pg does not check them. Each explains why the application fails, or will fail,
on SQLite.
"""

from __future__ import annotations

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level
from migrate_to_pg.rules.base import Rule

WRITE_PROBE = Rule(
    id="write-probe",
    level=Level.ERROR,
    title=N_("Table that cannot be read or written"),
    meaning=(
        "On a copy of the database, with foreign keys on and Django's functions at hand as in the web server, one row"
        " of each table is read, updated, deleted and inserted again, and all of it is rolled back. The application"
        " gets the same errors from SQLite as this test. A constraint that refuses the row is no fault."
    ),
    remedy=N_("Correct what SQLite's message names: a foreign key's table, a trigger, a generated column, a function."),
)
FOREIGN_KEY_CHECK = Rule(
    id="foreign-key-check",
    level=Level.ERROR,
    title=N_("Row that breaks a foreign key of SQLite's own"),
    meaning=(
        "SQLite's own foreign_key_check names rows under a key that the migrations do not make, or make otherwise. The"
        " next migration on SQLite that rebuilds a table checks this too, and fails."
    ),
    remedy=N_("Insert the missing parent rows, or correct or delete these."),
)
UNAPPLIED = Rule(
    id="unapplied-migrations",
    level=Level.WARNING,
    title=N_("Migration of the project that the database has not applied"),
    meaning=(
        "The code may expect tables and columns that are not there. PostgreSQL would get the same state; manage.py"
        " migrate then updates either database."
    ),
    remedy=N_("Run manage.py migrate, or use the code that this database belongs to."),
)
UNKNOWN = Rule(
    id="unknown-migrations",
    level=Level.WARNING,
    title=N_("Migration in the database that the project does not have"),
    meaning=(
        "django_migrations names a migration that is in no installed application: the application was removed, the file"
        " deleted or renamed, or the database belongs to other code. Its tables are then leftovers."
    ),
    remedy=N_("Restore the application or the file; if it was removed for good, see manage.py migrate --prune."),
)
INCONSISTENT = Rule(
    id="inconsistent-migrations",
    level=Level.ERROR,
    title=N_("Migration applied before one that it depends on"),
    meaning="Django refuses to migrate such a database, and so does migrate_to_pg.",
    remedy=N_("Compare the tables with manage.py sqlmigrate, then record what is true with manage.py migrate --fake."),
)
WRITE_LOCK = Rule(
    id="write-lock",
    level=Level.WARNING,
    title=N_("Write lock that is not released"),
    meaning=(
        "Every other writer waits for its timeout and then fails with `database is locked`. It is an error where the"
        " lock keeps readers out too, so that nothing could be examined."
    ),
    remedy=N_("Look at what that process does; let it finish its transaction, or end it: SQLite then rolls back."),
)
HOT_JOURNAL = Rule(
    id="hot-journal",
    level=Level.ERROR,
    title=N_("Write that was never finished"),
    meaning=(
        "The next connection that may write rolls it back. A copy of the database's file without its -journal is"
        " damaged for good."
    ),
    remedy=N_("Open the database once with the application, or with the sqlite3 shell; never remove the -journal."),
)
STALE_WAL = Rule(
    id="stale-wal",
    level=Level.WARNING,
    title=N_("-wal that nobody has open"),
    meaning="The last changes are in the -wal alone. The snapshot that migrate_to_pg takes has them.",
    remedy=N_("Open the database once with the application, which writes them into it; never remove the -wal."),
)
LARGE_WAL = Rule(
    id="large-wal",
    level=Level.WARNING,
    title=N_("-wal that is never emptied"),
    meaning=(
        "SQLite writes the -wal back when it has some 1000 pages. A transaction that is kept open prevents it, and"
        " every read becomes slower."
    ),
    remedy=N_("Close transactions that stay open (restart the workers), then: PRAGMA wal_checkpoint(TRUNCATE);"),
)
NO_ROOM = Rule(
    id="no-room",
    level=Level.ERROR,
    title=N_("No room for a snapshot"),
    meaning="Nothing beyond the files' own state could be examined, and migrate_to_pg could not begin.",
    remedy=N_("Make room on that disk."),
)
UNREADABLE = Rule(
    id="unreadable",
    level=Level.ERROR,
    title=N_("Database that SQLite cannot read"),
    meaning="SQLite failed with the reported message. Nothing after that was examined.",
    remedy=N_("Restore a backup, or save what can be read with the sqlite3 shell's .recover."),
)

#: In the order of the reference.
DOCTOR_RULES = (
    WRITE_PROBE,
    FOREIGN_KEY_CHECK,
    UNAPPLIED,
    UNKNOWN,
    INCONSISTENT,
    WRITE_LOCK,
    HOT_JOURNAL,
    STALE_WAL,
    LARGE_WAL,
    NO_ROOM,
    UNREADABLE,
)
