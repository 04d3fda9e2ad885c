"""Write the command file for pgloader 3.6, and determine how it connects to the target.

Its language can express less than SQL. What it cannot express is rejected here before any row is sent.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from migrate_to_pg.errors import LoadError, TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.session import settings_for_others
from migrate_to_pg.records import Plan, PlannedTable
from migrate_to_pg.sqlite.connection import open_snapshot

#: Name of the database in pgloader's working directory.
SOURCE = "source.db"
#: A name that the command file accepts without quotes.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
#: libpq's parameters that pgloader ignores.
_IGNORED_PARAMETERS = ("sslcert", "sslkey", "sslcrl", "sslcrldir", "require_auth")
#: Passwords that fail: in its password file a leading * and an IPv6 address have another meaning, and its SCRAM does
#: not support letters beyond ASCII.
_UNUSABLE_PASSWORD = re.compile(r"\*|.*\[[0-9A-Fa-f:]+\]|.*[\r\n]|.*[^\x00-\x7f]", re.DOTALL)
#: pgloader's function that prints SQLite's values for a type. Other types need none. For these types pgloader would
#: print Lisp's form (1.5d0) if a column has no declared type.
_USING = {
    "numeric": "float-to-string",
    "float8": "float-to-string",
    "float4": "float-to-string",
    "bytea": "byte-vector-to-bytea",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PgloaderTarget:
    """How pgloader connects to the target. ``repr`` shows no password."""

    #: For the command file, without user and password.
    url: str
    #: Host, port and user.
    variables: Mapping[str, str]
    password: str
    #: The role that our own connection has assumed, or "none".
    role: str
    #: Settings for its session.
    session: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"PgloaderTarget(url={self.url!r})"


def pgloader_target(connection: psycopg.Connection[Any], conninfo: str) -> PgloaderTarget:
    """Return how pgloader connects as our own connection did. Raise TargetError if it cannot."""
    info = connection.info
    row = connection.execute("SHOW role").fetchone()
    role = str(row[0]) if row else "none"
    _check_parameters(conninfo)
    _check_quotable(info.dbname, role, info.password)
    variables = {"PGHOST": info.host, "PGPORT": str(info.port), "PGUSER": info.user}
    # With TLS pgloader always verifies the certificate: by OpenSSL's variable for the root certificates.
    certificates = str(conninfo_to_dict(conninfo).get("sslrootcert") or "system")
    if certificates != "system":
        variables["SSL_CERT_FILE"] = str(Path(certificates).absolute())
    ssl = "" if info.host.startswith("/") else f"?sslmode={'require' if connection.pgconn.ssl_in_use else 'disable'}"
    return PgloaderTarget(
        url=f"postgresql:///{info.dbname}{ssl}",
        variables=variables,
        password=info.password,
        role=role,
        session=settings_for_others(connection.cursor()),
    )


def _check_parameters(conninfo: str) -> None:
    parameters = conninfo_to_dict(conninfo)
    wrong = [name for name in _IGNORED_PARAMETERS if parameters.get(name)]
    if str(parameters.get("sslmode") or "").startswith("verify"):
        wrong.append(f"sslmode={parameters['sslmode']}")
    if parameters.get("channel_binding") == "require":
        wrong.append("channel_binding=require")
    if wrong:
        raise _untakeable(_("it does not know {wrong}", wrong=", ".join(wrong)))


def _check_quotable(database: str, role: str, password: str) -> None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", database):
        raise _untakeable(_("it cannot be told the database's name, {database}", database=database))
    if "'" in role:
        raise _untakeable(_("it cannot be told the role's name, {role}", role=role))
    if _UNUSABLE_PASSWORD.match(password):
        raise _untakeable(_("it cannot take this password"))


def _untakeable(reason: str) -> TargetError:
    return TargetError(
        _("pgloader cannot connect to this target: {reason}.", reason=reason),
        remedy=_("Leave --engine out: the usual way knows all of it."),
    )


def command(plan: Plan, snapshot: Path, target: PgloaderTarget, *, schema: str, jobs: int) -> str:
    """Return the command file, which loads data only, into the existing planned tables of ``schema``.

    Raises LoadError if the command file cannot express the name of a table or column.
    """
    _check_names(plan)
    settings = {
        **{name: value for name, value in target.session.items() if value},
        "search_path": schema,
        "timezone": plan.source_time_zone,
        "application_name": "migrate_to_pg",
        "synchronous_commit": "off",
        **({} if target.role == "none" else {"role": target.role}),
    }
    return "\n".join(
        [
            f"LOAD DATABASE FROM sqlite://{SOURCE} INTO {target.url}",
            "WITH data only, include no drop, create no tables, create no indexes, reset no sequences,",
            f" no foreign keys, quote identifiers, on error resume next, workers = {2 * jobs}, concurrency = 1",
            "SET " + ", ".join(f"{name} to '{value}'" for name, value in settings.items()),
            *_casts(plan),
            *_tables(plan, snapshot),
            ";\n",
        ]
    )


def _check_names(plan: Plan) -> None:
    for table in plan.tables:
        pairs = [(table.source.name, table.name), *((c.source.name, c.name) for c in table.loaded_columns)]
        renamed = [name for source, name in pairs if source != name]
        if table.derived:
            raise LoadError(
                _("pgloader cannot load table {table}.", table=table.name),
                detail=[_("It would cast {column}, which is to be left out.", column=c.name) for c in table.derived],
                remedy=_("Leave --engine out: the usual way loads it."),
            )
        if renamed or "'" in table.name or "{{" in table.name:
            raise LoadError(
                _("pgloader cannot load table {table}.", table=table.name),
                detail=[
                    _("{name} is spelled otherwise in SQLite, and pgloader pairs exact names.", name=name)
                    for name in renamed
                ]
                or [_("Its name cannot be written into pgloader's command file.")],
                remedy=_("Leave --engine out: the usual way loads it."),
            )


def _casts(plan: Plan) -> Iterator[str]:
    """Yield the CAST rules of columns that need a function, if their names can be written without quotes."""
    rules = [
        f"column {table.name}.{column.name} to {column.target.type_name} using {_USING[column.target.type_name]}"
        for table in plan.tables
        for column in table.loaded_columns
        if column.target.type_name in _USING and _PLAIN.match(table.name) and _PLAIN.match(column.name)
    ]
    if rules:
        yield "CAST " + ",\n ".join(rules)


def _tables(plan: Plan, snapshot: Path) -> Iterator[str]:
    """Yield the clauses that select only the planned tables. In these LIKE patterns an underscore is a wildcard."""
    wanted = [table.name for table in plan.tables]
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE ? AND name <> ?"
    with closing(open_snapshot(snapshot)) as connection:
        matching = {name for pattern in wanted for (name,) in connection.execute(query, (pattern, pattern))}
    others = sorted(matching - set(wanted))
    if wanted:
        yield "INCLUDING ONLY TABLE NAMES LIKE " + _quoted(wanted)
    if others:
        _check_distinct(plan.tables, others)
        yield "EXCLUDING TABLE NAMES LIKE " + _quoted(others)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _check_distinct(tables: Sequence[PlannedTable], others: Sequence[str]) -> None:
    """Raise LoadError if excluding the other tables would exclude a planned table, too."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for table in tables:
            for other in others:
                (fits,) = connection.execute("SELECT ? LIKE ?", (table.name, other)).fetchone()
                if fits or "'" in other:
                    raise LoadError(
                        _("pgloader cannot tell table {table} from {other}.", table=table.name, other=other),
                        remedy=_("Leave --engine out: the usual way loads it."),
                    )
