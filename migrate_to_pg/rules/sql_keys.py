"""Write SQL for SQLite by which values of a column are equal exactly where PostgreSQL finds them equal.

SQLite compares by storage class and by the column's own collation. PostgreSQL compares values of one type. Values that
another rule reports (a wrong storage class, a malformed date) are ignored, so that one fault is one finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import LiteralString

from migrate_to_pg.codecs.numeric import LIMITS
from migrate_to_pg.records import PlannedColumn, PlannedTable, SqliteSql
from migrate_to_pg.sqlite.connection import UUID_DIGITS
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, number

#: Whether the text ``{c}`` is a uuid. length() ends at the character NUL, which no uuid has.
IS_UUID: LiteralString = (
    f"length(CAST({{c}} AS BLOB)) = length({{c}}) AND length({UUID_DIGITS}) = 32"
    f" AND {UUID_DIGITS} NOT GLOB '*[^0-9a-fA-F]*'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """Templates with ``{c}`` for the quoted column.

    ``{p}``, ``{s}`` and ``{e}`` are its precision, scale and exact, ``{low}`` and ``{high}`` the type's limits.
    """

    #: True for values that PostgreSQL's type can hold.
    holds: LiteralString
    #: Equal for two values exactly where PostgreSQL finds them equal.
    same: LiteralString
    #: Whether SQLite's own unique index on the column finds the same values equal.
    plain: bool = False
    #: Whether values that differ here also differ on PostgreSQL.
    exact: bool = True


def _canonical(form: LiteralString) -> _Template:
    """Return templates for a type whose canonical form is a function of ``sql_functions``.

    Text is passed to it as bytes, which may be no UTF-8.
    """
    return _Template(holds=form + " IS NOT NULL", same=form)


_IN_RANGE = _Template(holds="typeof({c}) = 'integer' AND {c} BETWEEN {low} AND {high}", same="{c}", plain=True)
_TEXT = _Template(holds="typeof({c}) = 'text'", same="{c} COLLATE BINARY", plain=True)
#: numeric of at most 15 digits: a number that rounding does not change is its own canonical form, without a call of
#: Python (13 s for 2,000,000 rows). So many digits fit a double, and no two such numbers the same one.
_SHORT_NUMERIC = _canonical(
    "CASE WHEN typeof({c}) IN ('real', 'integer') THEN"
    " CASE WHEN {c} = round({c}, {s}) AND abs({c}) < {limit} THEN CAST({c} AS REAL)"
    " ELSE CAST(pg_numeric({c}, {p}, {s}, {e}) AS REAL) END END"
)
_SHORT_DIGITS = 15
_TEMPLATES = {
    **dict.fromkeys(("int2", "int4", "bool"), _IN_RANGE),
    **dict.fromkeys(("int8", "interval"), _Template(holds="typeof({c}) = 'integer'", same="{c}", plain=True)),
    "float8": _Template(holds="typeof({c}) IN ('real', 'integer')", same="CAST({c} AS REAL)"),
    "varchar": _TEXT,
    "text": _TEXT,
    "bpchar": _Template(holds="typeof({c}) = 'text'", same="rtrim({c}, ' ') COLLATE BINARY"),
    # Its folding of case depends on the server's locale: the same text is the same key, other texts may be.
    "citext": _Template(holds="typeof({c}) = 'text'", same="{c} COLLATE BINARY", exact=False),
    "bytea": _Template(holds="typeof({c}) = 'blob'", same="{c}", plain=True),
    "uuid": _Template(
        holds="typeof({c}) = 'text' AND " + IS_UUID,
        same=f"lower({UUID_DIGITS}) COLLATE BINARY",
    ),
    "inet": _canonical("CASE WHEN typeof({c}) = 'text' THEN pg_inet(CAST({c} AS BLOB)) END"),
    "cidr": _canonical("CASE WHEN typeof({c}) = 'text' THEN pg_cidr(CAST({c} AS BLOB)) END"),
    "numeric": _canonical("CASE WHEN typeof({c}) IN ('real', 'integer') THEN pg_numeric({c}, {p}, {s}, {e}) END"),
    "date": _canonical("CASE WHEN typeof({c}) = 'text' THEN pg_date(CAST({c} AS BLOB)) END"),
    "time": _canonical("CASE WHEN typeof({c}) = 'text' THEN pg_time(CAST({c} AS BLOB)) END"),
    "timestamp": _canonical("CASE WHEN typeof({c}) = 'text' THEN pg_timestamp(CAST({c} AS BLOB)) END"),
    "timestamptz": _canonical("CASE WHEN typeof({c}) = 'text' THEN pg_timestamptz(CAST({c} AS BLOB)) END"),
}


_IS_UTF8 = _Template(
    holds="typeof({c}) = 'text' AND pg_text_fault(CAST({c} AS BLOB)) IS NULL", same="{c} COLLATE BINARY"
)
#: Values that a constraint may be evaluated for, in types where these differ from the values that are compared.
_READ = {
    "varchar": _IS_UTF8,
    "text": _IS_UTF8,
    "jsonb": _Template(holds="typeof({c}) = 'text' AND json_valid({c})", same="{c} COLLATE BINARY"),
    **dict.fromkeys(("inet", "cidr"), _Template(holds="typeof({c}) = 'text'", same="{c} COLLATE BINARY")),
}
#: The value as Django stores it, where that is not its canonical form, ``{v}``.
_STORED: dict[str, LiteralString] = {
    # Beside a number that is written as text, a cast makes it one.
    "numeric": "CAST({v} AS REAL)",
    "timestamp": "replace({v}, 'T', ' ')",
    "timestamptz": "replace(replace({v}, 'T', ' '), '+00:00', '')",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One or more columns, compared as PostgreSQL will compare them."""

    #: True where every part is there and can be held by PostgreSQL's type.
    held: Sql
    #: As ``held``, or NULL.
    held_or_null: Sql
    #: The parts to compare, with commas.
    same: Sql
    #: Whether SQLite's own unique index on the columns answers the same question.
    plain: bool
    #: Whether keys that differ here also differ on PostgreSQL.
    exact: bool


def key_of(columns: list[PlannedColumn]) -> Key | None:
    """Return how those columns compare, or None where one of their types is not known well enough."""
    known = [template for template in map(_template, columns) if template]
    if len(known) < len(columns):
        return None
    pairs = list(zip(known, columns, strict=True))
    held = [_fill(template.holds, column) for template, column in pairs]
    null = [compose("{c} IS NULL", c=name(column.source.name)) for column in columns]
    return Key(
        held=join(" AND ", (compose("({h})", h=h) for h in held)),
        held_or_null=join(" AND ", (compose("({n} OR ({h}))", n=n, h=h) for n, h in zip(null, held, strict=True))),
        same=join(", ", (_fill(template.same, column) for template, column in pairs)),
        plain=all(template.plain for template in known),
        exact=all(template.exact for template in known),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledConstraint:
    """A constraint written by Django for SQLite, on each value as Django would store what PostgreSQL will hold."""

    columns: list[PlannedColumn]
    #: True, false or NULL of each row; "1" where there is no condition.
    condition: Sql
    #: The parts of a key.
    parts: list[Sql]
    #: True where every value is NULL or can be held by PostgreSQL's type.
    held_or_null: Sql
    #: Whether SQLite's answer is certain to be PostgreSQL's.
    certain: bool


def fill_constraint(table: PlannedTable, written: SqliteSql | None, *, local_times: bool) -> FilledConstraint | None:
    """Fill a constraint in for a table. ``local_times`` says that Django stores local times: USE_TZ is False.

    Returns:
        None where Django wrote none, or a value's form on PostgreSQL is not known.
    """
    by_name = {column.name: column for column in table.columns}
    columns = [by_name.get(column) for column in written.columns] if written else []
    stored, held = [], []
    for column in columns:
        template = _template(column, _READ) if column else None
        if column is None or template is None:
            return None
        kind = column.target.type_name
        same = (_TEMPLATES["timestamp"] if local_times and kind == "timestamptz" else template).same
        stored.append(compose(_STORED.get(kind, "{v}"), v=_fill(same, column)))
        holds = _fill(template.holds, column)
        held.append(compose("({c} IS NULL OR ({h}))", c=name(column.source.name), h=holds))
    if written is None:
        return None
    named = (compose("{v} AS {n}", v=value, n=name(n)) for value, n in zip(stored, written.names, strict=True))
    row = join(", ", named)

    def within(sql: str) -> Sql:
        return compose("(SELECT {sql} FROM (SELECT {row}))", sql=Sql(sql), row=row)

    return FilledConstraint(
        columns=[column for column in columns if column],
        condition=within(written.condition) if written.condition else Sql("1"),
        parts=[within(part) for part in written.parts],
        held_or_null=join(" AND ", held),
        certain=written.certain,
    )


def _template(column: PlannedColumn, others: Mapping[str, _Template] = MappingProxyType({})) -> _Template | None:
    """Return a column's templates, or None where its type has none or it is generated.

    SQLite may need functions of Django's to compute a generated column.
    """
    if column.target.generated:
        return None
    if column.target.type_name in others:
        return others[column.target.type_name]
    if column.target.type_name == "numeric":
        # Without a precision PostgreSQL compares more digits than is worth the search here.
        precision = column.target.precision
        return None if precision is None else _SHORT_NUMERIC if precision <= _SHORT_DIGITS else _TEMPLATES["numeric"]
    return _TEMPLATES.get(column.target.type_name)


def _fill(template: LiteralString, column: PlannedColumn) -> Sql:
    precision, scale = column.target.precision or 0, column.target.scale or 0
    low, high = LIMITS.get(column.target.type_name, (0, 0))
    return compose(
        template,
        c=name(column.source.name),
        p=number(precision),
        s=number(scale),
        e=number(column.target.exact),
        limit=number(10 ** max(precision - scale, 0)),
        low=number(low),
        high=number(high),
    )
