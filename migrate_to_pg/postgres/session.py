"""Override settings of a role, database or server that would break or slow a run, or change how values are written.

They are applied to all our connections: by a query on open connections of any driver, and as libpq's options where
Django connects.

Not overridden on purpose: search_path, which is read to see what the application will see. default_tablespace,
default_table_access_method, default_toast_compression, default_text_search_config and check_function_bodies, which are
an administrator's choice and affect ``manage.py migrate`` as well. default_transaction_read_only, which is an error.
"""

from __future__ import annotations

from typing import Any

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

#: Value and reason of each setting. Settings that a server does not know, or this role may not set, are skipped.
SETTINGS = {
    # Made for web requests: a run takes hours, and waits between its statements.
    "statement_timeout": ("0", "a load or an index takes long"),
    "transaction_timeout": ("0", "verify and publish are one transaction"),
    "idle_in_transaction_session_timeout": ("0", "the tables stay locked while other connections verify them"),
    "idle_session_timeout": ("0", "the run's own session waits while others load"),
    "lock_timeout": ("0", "each wait that must end has a timeout of its own"),
    # Compiling the large queries of the catalogue for each table would take minutes, with every lock held.
    "jit": ("off", "compiling costs more than it saves"),
    # How text is read and written.
    "client_encoding": ("UTF8", "drivers take text as UTF-8"),
    "timezone": ("UTC", "text of an instant has no other meaning then"),
    "datestyle": ("ISO, MDY", "drivers read dates by it"),
    "intervalstyle": ("postgres", "drivers read intervals by it"),
    "extra_float_digits": ("1", "fewer digits are another number"),
    "bytea_output": ("hex", "drivers read bytes by it"),
    "xmlbinary": ("base64", "PostgreSQL's own default"),
    "xmloption": ("content", "a fragment is read as XML as well"),
    "array_nulls": ("on", "{NULL} is a null, not a text"),
    "standard_conforming_strings": ("on", "a backslash in a literal is a backslash"),
    "backslash_quote": ("safe_encoding", "PostgreSQL's own default"),
    "transform_null_equals": ("off", "x = NULL means what SQL says"),
    "quote_all_identifiers": ("off", "descriptions of one and the same object are compared as text"),
    # What is seen, and what acts.
    "row_security": ("off", "an error where a policy hides rows, never fewer rows without a word"),
    "default_transaction_isolation": ("read committed", "what others committed meanwhile must be seen"),
    "default_transaction_deferrable": ("off", "nothing waits for a safe snapshot"),
    "session_replication_role": ("origin", "triggers and foreign keys act"),
    "track_counts": ("on", "rows that a trigger changes while publishing are counted"),
    "exit_on_error": ("off", "a refused statement must not end the session"),
    "restrict_nonsystem_relation_kind": ("", "views are read"),
}  # fmt: skip

#: Migrations belong to the project: they see the same rows as the application.
_NOT_FOR_OTHERS = {"row_security"}

_SETTABLE = """
FROM (VALUES {}) AS wanted (name, value) JOIN pg_settings AS s ON lower(s.name) = wanted.name
WHERE s.context = 'user' OR current_setting('is_superuser') = 'on'
"""
_WANTED = sql.SQL(", ").join(
    sql.SQL("({}, {})").format(sql.Literal(name), sql.Literal(value)) for name, (value, _) in SETTINGS.items()
)
#: Text without parameters, which both drivers accept.
_CONFIGURE = sql.SQL("SELECT set_config(wanted.name, wanted.value, false)" + _SETTABLE).format(_WANTED).as_string(None)
_KNOWN_SETTINGS = sql.SQL("SELECT wanted.name" + _SETTABLE).format(_WANTED).as_string(None)


def configure_session(cursor: Any) -> None:
    """Apply the settings to the session of a psycopg or ADBC cursor. A rollback of its transaction undoes them."""
    cursor.execute(_CONFIGURE)
    cursor.fetchall()


def settings_for_others(cursor: Any) -> dict[str, str]:
    """Return the settings for connections that Django or another program opens to this server as this role."""
    cursor.execute(_KNOWN_SETTINGS)
    known = {row[0] for row in cursor.fetchall()} - _NOT_FOR_OTHERS
    return {name: value for name, (value, _) in SETTINGS.items() if name in known}


def arrow_conninfo(conninfo: str, *more: str) -> str:
    """Return the conninfo for Arrow's driver, which reads the types on connecting and finds none by quoted names.

    ``more`` has additional settings for this connection.
    """
    given = str(conninfo_to_dict(conninfo).get("options") or "")  # such as the role to assume
    options = " ".join([given, *(f"-c {setting}" for setting in ("quote_all_identifiers=off", *more))]).strip()
    return make_conninfo(conninfo, options=options, application_name="migrate_to_pg")
