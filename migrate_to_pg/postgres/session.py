"""List what a role, a database or a server may have set that breaks a run, slows it, or changes how values are written.

Applied to every connection of our own: by a query where it is open already, whatever driver opened it; as libpq's
options where Django opens it.

Left as they are, on purpose: search_path (asked, to see what the application will see), default_tablespace,
default_table_access_method, default_toast_compression, default_text_search_config and check_function_bodies (an
administrator's choice for what migrations make, which ``manage.py migrate`` would heed as well). Refused by name, not
overruled: default_transaction_read_only.
"""

from __future__ import annotations

from typing import Any

from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

#: Setting -> (value, why). What a server does not know, or this role may not set, is left out.
SETTINGS = {
    # Made for web requests: a run takes hours, and waits between its statements.
    "statement_timeout": ("0", "a load or an index takes long"),
    "transaction_timeout": ("0", "verify and publish are one transaction"),
    "idle_in_transaction_session_timeout": ("0", "the tables stay locked while other connections verify them"),
    "idle_session_timeout": ("0", "the run's own session waits while others load"),
    "lock_timeout": ("0", "where a wait must end, it is said there, for how long"),
    # PostgreSQL compiles the large queries about its catalogue, one table at a time: minutes, with every lock held.
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

#: Migrations are the project's own: they see what the application sees.
_NOT_FOR_OTHERS = {"row_security"}

_SETTABLE = """
FROM (VALUES {}) AS wanted (name, value) JOIN pg_settings AS s ON lower(s.name) = wanted.name
WHERE s.context = 'user' OR current_setting('is_superuser') = 'on'
"""
_WANTED = sql.SQL(", ").join(
    sql.SQL("({}, {})").format(sql.Literal(name), sql.Literal(value)) for name, (value, _) in SETTINGS.items()
)
#: As texts without parameters, which both drivers take.
_SETTLE = sql.SQL("SELECT set_config(wanted.name, wanted.value, false)" + _SETTABLE).format(_WANTED).as_string(None)
_KNOWN = sql.SQL("SELECT wanted.name" + _SETTABLE).format(_WANTED).as_string(None)


def configure_session(cursor: Any) -> None:
    """For the session of a cursor, psycopg's or ADBC's; undone with the transaction where that is rolled back."""
    cursor.execute(_SETTLE)
    cursor.fetchall()


def for_others(cursor: Any) -> dict[str, str]:
    """The same for connections that Django, or another program, opens to this server as this role."""
    cursor.execute(_KNOWN)
    known = {row[0] for row in cursor.fetchall()} - _NOT_FOR_OTHERS
    return {name: value for name, (value, _) in SETTINGS.items() if name in known}


def for_arrow(conninfo: str, *more: str) -> str:
    """The conninfo for Arrow's driver, which asks for the types while it connects, and finds none by quoted names.

    ``more`` are settings of this connection's own.
    """
    given = str(conninfo_to_dict(conninfo).get("options") or "")  # such as the role that is to be assumed
    options = " ".join([given, *(f"-c {setting}" for setting in ("quote_all_identifiers=off", *more))]).strip()
    return make_conninfo(conninfo, options=options, application_name="migrate_to_pg")
