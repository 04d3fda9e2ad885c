"""Define how each PostgreSQL type is compared: the reading of each side, the vectorized and the canonical form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa
from psycopg import sql

from migrate_to_pg.verify import canonical, vectorized
from migrate_to_pg.verify.canonical import ColumnFacts, Form
from migrate_to_pg.verify.vectorized import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeComparison:
    """One way of reading and comparing a column."""

    #: A literal of the storage class that SQLite should hold: the first row, from which ADBC takes the column's type.
    sentinel: str
    #: The Arrow type that it gives.
    arrow: pa.DataType
    #: SQL over {0}, the column, {1}, an expression that fails, and {2}, what keeps a long text out, where one may be.
    source_sql: str
    #: SQL over {0}, the column.
    target_sql: sql.SQL
    shows_equal: Callable[[Array, Array, ColumnFacts], Array]
    source_form: Form
    target_form: Form
    #: How the target's rows are sorted to come as SQLite sorts them: by the value, or by its text.
    sorts_as_text: bool = False
    #: Whether only PostgreSQL knows which texts are one value: the source's are compared in its form.
    needs_server: bool = False


AS_IT_IS = sql.SQL("{0}")
AS_TEXT = sql.SQL("{0}::text")

#: The first row's integer makes ADBC refuse every other storage class later.
INTEGER = TypeComparison(
    sentinel="0",
    arrow=pa.int64(),
    source_sql="{0}",
    target_sql=AS_IT_IS,
    shows_equal=vectorized.same_integer,
    source_form=canonical.source_integer,
    target_form=canonical.target_integer,
)
BOOLEAN = replace(INTEGER, source_form=canonical.source_boolean, target_form=canonical.target_boolean)
#: extract() is exact, but counts a month as 30 days: months, and spans beyond 64 bits, are told apart first. The months
#: are the last four bytes of what is sent: PostgreSQL 14 takes no interval of more than 2^31 hours apart.
SPAN = replace(
    INTEGER,
    target_sql=sql.SQL(
        r"CASE WHEN substring(interval_send({0}) FROM 13) = '\x00000000'::bytea"
        " AND abs(date_part('epoch', {0})) < 9.2e12"
        " THEN (extract(epoch FROM {0}) * 1000000)::int8"
        " WHEN {0} IS NOT NULL THEN '-9223372036854775808'::int8 END"
    ),
    shows_equal=vectorized.same_span,
    target_form=canonical.target_span,
)

#: An integer of more than 15 digits must not come as a double: Django reads the two differently since 6.1.
DECIMAL = TypeComparison(
    sentinel="0.0",
    arrow=pa.float64(),
    source_sql=(
        "iif(typeof({0}) = 'real' OR typeof({0}) = 'integer'"
        " AND {0} BETWEEN -999999999999999 AND 999999999999999, {0}, iif({0} IS NULL, NULL, {1}))"
    ),
    target_sql=AS_TEXT,
    shows_equal=vectorized.same_decimal,
    source_form=canonical.source_decimal,
    target_form=canonical.target_decimal,
)
SHORT_DECIMAL = replace(DECIMAL, target_sql=sql.SQL("{0}::float8"), shows_equal=vectorized.same_short_decimal)
FLOAT8 = TypeComparison(
    sentinel="0.0",
    arrow=pa.float64(),
    source_sql="iif(typeof({0}) = 'real', {0}, iif({0} IS NULL, NULL, {1}))",
    target_sql=AS_IT_IS,
    shows_equal=vectorized.same_bits,
    source_form=canonical.source_float,
    target_form=canonical.target_float,
)
FLOAT4 = replace(FLOAT8, target_sql=AS_TEXT)

TEXT = TypeComparison(
    sentinel="''",
    arrow=pa.string(),
    source_sql="iif(typeof({0}) = 'text'{2}, {0}, iif({0} IS NULL, NULL, {1}))",
    target_sql=AS_TEXT,
    shows_equal=vectorized.same,
    source_form=canonical.source_text,
    target_form=canonical.target_text,
    sorts_as_text=True,
)
OTHER = replace(TEXT, needs_server=True)
PADDED = replace(
    TEXT,
    shows_equal=vectorized.same_padded,
    source_form=canonical.source_padded,
    target_form=canonical.target_padded,
)
JSON = replace(TEXT, source_form=canonical.source_json, target_form=canonical.target_json)
CIDR = replace(TEXT, source_form=canonical.source_address, target_form=canonical.target_address)
#: The text of an inet always shows a prefix; abbrev() shows it as the type prints it, only where it means something.
INET = replace(CIDR, target_sql=sql.SQL("abbrev({0})"))

#: Times and UUIDs have one length; asking each for it would cost time.
INSTANT = replace(
    TEXT,
    source_sql="iif(typeof({0}) = 'text', {0}, iif({0} IS NULL, NULL, {1}))",
    target_sql=AS_IT_IS,
    shows_equal=vectorized.same_instant,
    source_form=canonical.source_instant,
    target_form=canonical.target_integer,
    sorts_as_text=False,
)
LOCAL = replace(INSTANT, shows_equal=vectorized.same_local, source_form=canonical.source_local)
DATE = replace(INSTANT, shows_equal=vectorized.same_date, source_form=canonical.source_date)
TIME = replace(INSTANT, shows_equal=vectorized.same_time, source_form=canonical.source_time)

BYTES = TypeComparison(
    sentinel="x''",
    arrow=pa.binary(),
    source_sql="iif(typeof({0}) = 'blob'{2}, {0}, iif({0} IS NULL, NULL, {1}))",
    target_sql=AS_IT_IS,
    shows_equal=vectorized.same,
    source_form=canonical.source_bytes,
    target_form=canonical.target_bytes,
)
UUID = replace(
    BYTES,
    source_sql="iif(typeof({0}) = 'text', coalesce(unhex({0}), {1}), iif({0} IS NULL, NULL, {1}))",
    shows_equal=vectorized.same_uuid,
    source_form=canonical.source_uuid,
)

#: pg_type.typname -> family; a type that is not here is compared by its text as PostgreSQL writes it.
COMPARISONS = {
    "varchar": TEXT,
    "text": TEXT,
    "citext": TEXT,
    "name": TEXT,
    "char": TEXT,
    "int2": INTEGER,
    "int4": INTEGER,
    "int8": INTEGER,
    "bool": BOOLEAN,
    "float4": FLOAT4,
    "float8": FLOAT8,
    "numeric": DECIMAL,
    "timestamptz": INSTANT,
    "timestamp": LOCAL,
    "date": DATE,
    "time": TIME,
    "interval": SPAN,
    "bpchar": PADDED,
    "uuid": UUID,
    "json": JSON,
    "jsonb": JSON,
    "bytea": BYTES,
    "inet": INET,
    "cidr": CIDR,
}


def comparison_of(type_name: str, precision: int | None, scale: int | None) -> TypeComparison:
    """Return the comparison of a PostgreSQL type."""
    if type_name == "numeric" and precision is not None and scale is not None and 0 <= scale <= precision <= 15:
        return SHORT_DECIMAL
    return COMPARISONS.get(type_name, OTHER)
