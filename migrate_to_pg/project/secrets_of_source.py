"""Learn from a snapshot which of its columns are secret besides the models', and refuse settings that name none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import hide, is_of_model, unknown_names
from migrate_to_pg.project.secret_reads import uses_secret
from migrate_to_pg.sqlite.connection import open_snapshot, quote_name
from migrate_to_pg.sqlite.missing_functions import register_project_functions


def learn_secrets(snapshot: Path) -> None:
    """Have the columns masked that a view, or a table that no model knows, makes of secret ones.

    Raises:
        UsageError: MIGRATE_TO_PG["SECRETS"] names a column of no model, table or view.
    """
    with _opened(snapshot) as connection:
        require_known_secrets((table, column) for table, column, _kind in _columns(connection))
    mask_what_is_made_of_secrets(snapshot)


def require_known_secrets(columns: Iterable[tuple[str, str]]) -> None:
    """Raise UsageError where the setting names neither a model's column nor one of these, of tables and views."""
    if unknown := unknown_names(columns):
        raise UsageError(
            _(
                "MIGRATE_TO_PG['SECRETS'] names {name}, which is no column of a model, or of a table of the database.",
                name=unknown[0],
            ),
            remedy=_("It takes names of columns: column, table.column, or app.Model.field of an installed model."),
        )


def mask_what_is_made_of_secrets(snapshot: Path) -> None:
    """Have the columns masked that a view, or a table that no model knows, makes of secret ones."""
    with _opened(snapshot) as connection:
        columns = list(_columns(connection))
        hide((table, column) for table, column, kind in columns if _is_secret(connection, table, column, kind))


@contextmanager
def _opened(snapshot: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_snapshot(snapshot)) as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
        register_project_functions(connection)
        yield connection


def _columns(connection: sqlite3.Connection) -> Iterator[tuple[str, str, str]]:
    """Yield (table, column, "view", "computed" or "stored")."""
    for name, kind in connection.execute(
        "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')"
    ).fetchall():
        try:
            found = connection.execute("SELECT name, hidden IN (2, 3) FROM pragma_table_xinfo(?)", [name]).fetchall()
        except (sqlite3.DatabaseError, UnicodeEncodeError):
            # What SQLite cannot read here is not shown either.
            continue
        yield from (
            (name, column, kind if kind == "view" else "computed" if yes else "stored") for column, yes in found
        )


def _is_secret(connection: sqlite3.Connection, table: str, column: str, kind: str) -> bool:
    """Report whether a column is made of a secret one, as far as SQLite tells. Of a view, all columns are then."""
    if kind == "stored" or (kind == "computed" and is_of_model(table, column)):
        return False
    what = "*" if kind == "view" else quote_name(column)
    explain = f"EXPLAIN SELECT {what} FROM {quote_name(table)}"  # noqa: S608 - quoted
    return uses_secret(connection, lambda: connection.execute(explain).fetchall())
