"""Find values of an INSERT that its columns on PostgreSQL may refuse. PostgreSQL itself judges them afterwards."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_INTEGERS = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
_LENGTH = re.compile(r"(?:varchar|character varying|char)\((\d+)\)")
#: What jsonb does not take, although JSON's text has it.
_NOT_IN_JSONB = re.compile(r"\\u0000|\bNaN\b|\bInfinity\b")


def doubtful_values(
    fields: Sequence[Any], rows: Sequence[Any], parameters: Any, connection: Any
) -> tuple[tuple[str, str, Any], ...]:
    """Return the table, the column and the value of each that does not look as if it fitted.

    Args:
        fields: The fields of the INSERT, in its order.
        rows: The objects that are inserted.
        parameters: Those of the statement, as SQLite was given them.
        connection: Of PostgreSQL, to ask for types. It is never connected.
    """
    # Expressions have more parameters, or none.
    if not isinstance(parameters, (list, tuple)) or len(parameters) != len(fields) * len(rows):
        return ()
    types = [str(field.db_type(connection) or "") for field in fields]
    return tuple(
        (fields[number % len(fields)].model._meta.db_table, fields[number % len(fields)].column, value)
        for number, value in enumerate(parameters)
        if _is_doubtful(types[number % len(fields)], value)
    )


def _is_doubtful(kind: str, value: Any) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int):
        limit = _INTEGERS.get(kind)
        return limit is not None and not -limit <= value < limit
    if not isinstance(value, str):
        return False
    if kind == "jsonb":
        return _NOT_IN_JSONB.search(value) is not None
    length = _LENGTH.match(kind)
    return "\0" in value or (length is not None and len(value) > int(length[1]))
